"""`regulars backfill`: audiences as they were on past days, one build a day, and today's at the end."""

import calendar
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from regulars.audiences.dbt import DbtFailedError, Vars, check_project, run_dbt_apart
from regulars.errors import RegularsError, UsageError, WarehouseError
from regulars.warehouse import connect, read_built

STEPS = {"day": 1, "week": 7}
MONTH = "month"
MANY = 400
SELECTED = ("--select", "+int_audience_memory")
NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


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

    Raises
    ------
    BackfillError: dbt failed; the message is dbt's and says which days are done.
    """
    check_project(project)
    environment = {"REGULARS_DATABASE": str(database.resolve())}
    done: list[PastDay] = []
    try:
        for day in days:
            started = time.monotonic()
            past = variables | {"as_of_date": day.isoformat(), "write_past_history": True}
            run_dbt_apart(project, "build", *SELECTED, *NO_TESTS, variables=past, environment=environment)
            done.append(_found(database, day, time.monotonic() - started))
            say(_line(done[-1]))
        say("building today again …")
        run_dbt_apart(project, "build", *NO_TESTS, variables=variables, environment=environment)
    except DbtFailedError as error:
        failed = f"the build as of {days[len(done)]}" if len(done) < len(days) else "the build of today"
        raise BackfillError(f"{failed}: {error}\n{_where_it_stands(done)}") from error
    except KeyboardInterrupt:
        say(_where_it_stands(done))
        raise
    return done


def _where_it_stands(done: list[PastDay]) -> str:
    days = f"in history: {done[0].as_of_date} to {done[-1].as_of_date} ({len(done)})" if done else "no day is done"
    return (
        f"{days}. The warehouse may describe a past day now: run dbt build for today. The same backfill may be run "
        "again; days that are done come out the same"
    )


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
