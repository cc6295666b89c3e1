"""`regulars backfill`: audiences as they were on past days, one build a day, and today's at the end."""

import calendar
import re
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import yaml

from regulars.audiences.dbt import (
    AUDIENCE_TESTS,
    ONLY_SELECTED,
    DbtFailedError,
    Vars,
    check_project,
    run_dbt_apart,
)
from regulars.errors import RegularsError, UsageError, WarehouseError
from regulars.warehouse import connect, read_built

STEPS = {"day": 1, "week": 7}
MONTH = "month"
SHORTEST_MONTH = 28
MANY = 400
PAST = ("--select", "+int_audience_memory", *AUDIENCE_TESTS, *ONLY_SELECTED)
TODAY = (
    *("--select", "resource_type:model", "resource_type:seed", "resource_type:snapshot"),
    *(*AUDIENCE_TESTS, *ONLY_SELECTED),
)
OWN_VARS = ("as_of_date", "write_past_history")


@dataclass(frozen=True)
class PastDay:
    """What a build of a past day found."""

    as_of_date: date
    audience_count: int
    member_count: int
    customer_count: int
    seconds: float


class BackfillError(RegularsError):
    """A day could not be built; the message says which are done."""

    exit_code = 1


def past_days(first: str, last: str, every: str) -> list[date]:
    """The days to build: from the first to the last, both included.

    Of a month without a day the first day counts, or, as the end of days and weeks, its last.

    Raises
    ------
    UsageError: a text that is no date, an end before the beginning, or an unknown step.
    """
    if every != MONTH and every not in STEPS:
        raise UsageError(f'--every "{every}": expected month, week or day')
    start, end = _day("--from", first), _day("--to", last, is_end=every != MONTH)
    if start > end:
        raise UsageError(f"--from {first} is after --to {last}")
    if every == MONTH:
        days: list[date] = []
        for months in count(start.year * 12 + start.month - 1):
            year, month = divmod(months, 12)
            # The 31st of a shorter month is its last day.
            day = date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
            if day > end:
                return days
            days.append(day)
    return [start + timedelta(days=each) for each in range(0, (end - start).days + 1, STEPS[every])]


def check_days(database: Path, days: list[date], *, is_many_meant: bool) -> None:
    """Refuse days that the warehouse cannot tell of, and more of them than anybody waits for unasked.

    Raises
    ------
    UsageError: a day before the first order or after the newest load, or more than 400 days without `--yes`.
    WarehouseError: nothing is built yet.
    """
    with connect(database, read_only=True) as connection:
        ((first_order, loaded_on),) = read_built(
            connection,
            """
            select
                (select min(ordered_on) from marts.fct_orders),
                (select cast(max(newest_loaded_at) as date) from intermediate.int_as_of)
            """,
        )
    if first_order is None:
        raise WarehouseError("this shop has no orders, so its audiences have no past")
    if days[0] <= first_order:
        raise UsageError(f"{days[0]}: nobody had ordered before; begin with {first_order + timedelta(days=1)} or later")
    if days[-1] > loaded_on + timedelta(days=1):
        raise UsageError(f"{days[-1]} is after the newest load ({loaded_on}); nothing is known of it yet")
    if len(days) > MANY and not is_many_meant:
        raise UsageError(f"these are {len(days):,} days, a build each; take larger steps, or say --yes")


def backfill_days(
    project: Path, database: Path, days: list[date], variables: Vars, say: Callable[[str], None]
) -> list[PastDay]:
    """Build each day into history, then today; a day that was there before is made anew and comes out the same.

    Today is built again also where a day fails or somebody stops it, so that no warehouse is left at a past day.

    Raises
    ------
    UsageError: the vars say what only the days can say.
    BackfillError: dbt failed; the message is dbt's and says which days are done and what the warehouse describes.
    """
    check_project(project)
    if own := [name for name in OWN_VARS if name in variables]:
        raise UsageError(f"--vars: leave {' and '.join(own)} out; backfill says it for each day from --from to --to")
    done: list[PastDay] = []
    with _ended_as_by_ctrl_c():
        try:
            for day in days:
                done.append(_build_past(project, database, day, variables))
                say(_line(done[-1]))
        except (DbtFailedError, BackfillError) as error:
            left = _back_to_today(project, database, variables, say)
            stands = _where_it_stands(days, done)
            raise BackfillError(f"the build as of {days[len(done)]}: {error}\n{stands}\n{left}") from error
        except KeyboardInterrupt:
            say(_where_it_stands(days, done))
            say(_back_to_today(project, database, variables, say))
            raise
        say("building today again …")
        try:
            _build_today(project, database, variables)
        except DbtFailedError as error:
            left = f"{_where_it_stands(days, done)}\n{_by_hand(project, database, variables)}"
            raise BackfillError(f"the build of today: {error}\n{left}") from error
        except KeyboardInterrupt:
            say(f"{_where_it_stands(days, done)}\n{_by_hand(project, database, variables)}")
            raise
    return done


def _build_past(project: Path, database: Path, day: date, variables: Vars) -> PastDay:
    started = time.monotonic()
    past = variables | {"as_of_date": day.isoformat(), "write_past_history": True}
    run_dbt_apart(project, "build", *PAST, variables=past, environment=_environment(database))
    return _found(database, day, time.monotonic() - started)


def _build_today(project: Path, database: Path, variables: Vars) -> None:
    run_dbt_apart(project, "build", *TODAY, variables=variables, environment=_environment(database))


def _environment(database: Path) -> dict[str, str]:
    return {"REGULARS_DATABASE": str(database.resolve())}


def _back_to_today(project: Path, database: Path, variables: Vars, say: Callable[[str], None]) -> str:
    """Build today after a day that was not finished; a sentence on what the warehouse describes now."""
    say("building today again, so that the warehouse is not left at a past day; Ctrl-C stops that too …")
    try:
        _build_today(project, database, variables)
    except (DbtFailedError, KeyboardInterrupt):
        return f"That was not finished either. {_by_hand(project, database, variables)}"
    return "The warehouse describes today again."


def _by_hand(project: Path, database: Path, variables: Vars) -> str:
    """What to run where today could not be built."""
    words = ["dbt", "build"]
    if variables:
        words += ["--vars", yaml.safe_dump(variables, default_flow_style=True, width=10_000).strip()]
    where = f"cd {shlex.quote(str(project.resolve()))} && REGULARS_DATABASE={shlex.quote(str(database.resolve()))}"
    return f"The warehouse may describe a past day. For today:\n  {where} {shlex.join(words)}"


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """A SIGTERM ends dbt and builds today, as Ctrl-C does, instead of leaving dbt at a past day without anybody."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _where_it_stands(days: list[date], done: list[PastDay]) -> str:
    if not done:
        return "No day is done."
    stands = f"In history: {done[0].as_of_date} to {done[-1].as_of_date} ({len(done)})."
    if len(done) == len(days):
        return stands
    # From the last of a shorter month the steps would be others.
    go_on = f"go on with --from {days[len(done)]}, or " if days[0].day <= SHORTEST_MONTH else ""
    return f"{stands} To have the rest, {go_on}run the same again: days that are done come out the same."


def _found(database: Path, day: date, seconds: float) -> PastDay:
    with connect(database, read_only=True) as connection:
        ((audiences, members, customers, is_remembered),) = read_built(
            connection,
            """
            select
                count(distinct audience),
                count(*),
                count(distinct customer_id),
                (select count(*) > 0 from intermediate.int_audience_memory where row_kind = 'seen' and entered_on = ?)
            from intermediate.int_audience_members
            """,
            day,
        )
    if not is_remembered:
        raise BackfillError(
            f"the build as of {day} left nothing in history: {day} is after the newest load of the shop"
        )
    return PastDay(day, audiences, members, customers, round(seconds, 1))


def _line(found: PastDay) -> str:
    return (
        f"{found.as_of_date}  {found.member_count:>9,} members ({found.customer_count:,} customers) "
        f"of {found.audience_count} audiences, {found.seconds:.0f} s"
    )


def _day(option: str, text: str, *, is_end: bool = False) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            return first.replace(day=calendar.monthrange(first.year, first.month)[1]) if is_end else first
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(f'{option} "{text}" is no date; expected 2025-01 or 2025-01-31')
