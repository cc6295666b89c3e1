"""`regulars backfill`: which days it takes, and what it leaves in history, also when run again or when a day fails."""

import json
import os
import signal
import subprocess
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from conftest import BIN, ROOT

from regulars.audiences import backfill as module
from regulars.audiences.backfill import BackfillError, backfill_days, check_days, past_days
from regulars.audiences.dbt import DbtFailedError, parse_vars
from regulars.errors import UsageError, WarehouseError

from .conftest import copy_project

WORDS = ("backfill", "--from", "2025-10", "--to", "2025-12", "--project-dir", ROOT)


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute(query).fetchall()


def history(database: Path) -> list[tuple[object, ...]]:
    return rows(database, "select * from marts.audience_history order by all")


def memory(database: Path) -> list[tuple[object, ...]]:
    return rows(database, "select * from intermediate.int_audience_memory order by all")


LOOKS = "select distinct entered_on from intermediate.int_audience_memory where row_kind = 'seen' order by 1"
DESCRIBED = (
    "select distinct as_of_date from marts.audience_overview union select as_of_date from intermediate.int_as_of"
)
TODAY = date(2026, 1, 1)


def test_three_months_enter_history_and_again_change_nothing(shop, say, tmp_path, monkeypatch):
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    members = "select audience, customer_id, arm from intermediate.int_audience_members order by all"
    of_today = rows(shop, members)
    lines = say(*WORDS, "--database", shop).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["2025-10-01", "2025-11-01", "2025-12-01"]
    first = history(shop), memory(shop)
    # Today is described as before, and the looks are those of the past and today's.
    assert rows(shop, members) == of_today
    looks = [day for (day,) in rows(shop, LOOKS)]
    assert looks == [*(date(2025, month, 1) for month in (10, 11, 12)), TODAY]
    overlapping = """
        select one.audience, one.customer_id
        from marts.audience_history as one
        join marts.audience_history as other
            on one.audience = other.audience and one.customer_id = other.customer_id
            and one.entered_on < other.entered_on and coalesce(one.left_on > other.entered_on, true)
    """
    assert rows(shop, overlapping) == []
    assert rows(shop, "select * from marts.audience_history where left_on <= entered_on") == []
    in_it = "select count(*) from marts.audience_history where entered_on <= '{0}' and coalesce(left_on > '{0}', true)"
    again = json.loads(say(*WORDS, "--json", "--database", shop))
    assert (history(shop), memory(shop)) == first
    for day in again:
        assert rows(shop, in_it.format(day["as_of_date"])) == [(day["member_count"],)]
    assert rows(shop, in_it.format(TODAY)) == [(len(of_today),)]
    # From one look to the next: who was in, less who left, and who entered.
    for before, after in pairwise(looks):
        ((change,),) = rows(
            shop,
            f"""
            select
                count(*) filter (entered_on > '{before}' and entered_on <= '{after}')
                - count(*) filter (left_on > '{before}' and left_on <= '{after}')
            from marts.audience_history
            """,
        )
        assert rows(shop, in_it.format(before))[0][0] + change == rows(shop, in_it.format(after))[0][0]
    assert 0 < again[0]["customer_count"] <= again[0]["member_count"]


@pytest.mark.parametrize(
    ("words", "days"),
    [
        (("2025-11", "2026-01", "month"), ["2025-11-01", "2025-12-01", "2026-01-01"]),
        (("2025-01-31", "2025-03", "month"), ["2025-01-31", "2025-02-28"]),
        (("2024-01-31", "2024-03-31", "month"), ["2024-01-31", "2024-02-29", "2024-03-31"]),
        (("2025-02", "2025-02", "month"), ["2025-02-01"]),
        (("2025-02", "2025-02", "week"), ["2025-02-01", "2025-02-08", "2025-02-15", "2025-02-22"]),
        (("2025-02-27", "2025-02", "day"), ["2025-02-27", "2025-02-28"]),
        (("2025-02-27", "2025-03-01", "day"), ["2025-02-27", "2025-02-28", "2025-03-01"]),
    ],
)
def test_the_days_of_a_step(words, days):
    assert [str(day) for day in past_days(*words)] == days


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("2025-13", "2025-12", "month"), '--from "2025-13" is no date'),
        (("2025-01", "31/12/2025", "month"), '--to "31/12/2025" is no date; expected 2025-01 or 2025-01-31'),
        (("2025-02-30", "2025-12", "month"), "is no date"),
        (("2025-12", "2025-11", "month"), "2025-12 is after --to 2025-11"),
        (("2025-01", "2025-12", "year"), '--every "year": expected month, week or day'),
    ],
)
def test_words_that_name_no_days_are_refused(words, message):
    with pytest.raises(UsageError, match=message):
        past_days(*words)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2022-12-01", "2025-01-01", "nobody had ordered before; begin with 2023-01-0"),
        ("2025-12-01", "2999-01-01", "after the newest load"),
    ],
)
def test_days_that_the_warehouse_cannot_tell_of_are_refused(built_audiences, first, last, message):
    with pytest.raises(UsageError, match=message):
        check_days(built_audiences, [date.fromisoformat(first), date.fromisoformat(last)], is_many_meant=True)


def test_very_many_days_want_a_yes(built_audiences, tmp_path):
    days = past_days("2024-01", "2025-12", "day")
    with pytest.raises(UsageError, match="731 days, a build each; take larger steps, or say --yes"):
        check_days(built_audiences, days, is_many_meant=False)
    check_days(built_audiences, days, is_many_meant=True)
    with pytest.raises(WarehouseError, match="does not exist"):
        check_days(tmp_path / "none.duckdb", days, is_many_meant=True)


def environment(tmp_path: Path, database: Path) -> dict[str, str]:
    folders = {"DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs")}
    return os.environ | folders | {"REGULARS_DATABASE": str(database)}


def test_whoever_stops_it_half_way_finds_today(shop, tmp_path):
    """By SIGTERM, which takes the way of Ctrl-C."""
    members = "select audience, customer_id, arm from intermediate.int_audience_members order by all"
    before = rows(shop, members)
    words = ["backfill", "--from", "2025-10", "--to", "2025-12", "--project-dir", str(ROOT)]
    with subprocess.Popen(
        [str(BIN / "regulars"), *words],
        env=environment(tmp_path, shop) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        # The next day is being built now.
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(4)
        running.terminate()
        said, errors = running.communicate()
    assert running.returncode == 130, errors
    assert first.startswith("2025-10-01")
    assert "In history: 2025-10-01 to 2025-10-01 (1). To have the rest, go on with --from 2025-11-01, or" in said
    assert "The warehouse describes today again" in said
    assert rows(shop, DESCRIBED) == [(TODAY,)]
    assert [day for (day,) in rows(shop, LOOKS)] == [date(2025, 10, 1), TODAY]
    assert rows(shop, members) == before


BAD_NAME = """
select
    '{% if var("as_of_date") == "2025-11-01" %}sale_shopperz{% else %}sale_shoppers{% endif %}' as audience,
    customer_id

from members
"""


def test_a_name_that_is_not_the_audiences_own_never_enters_memory_and_today_is_built_again(shop, tmp_path, monkeypatch):
    for name, value in environment(tmp_path, shop).items():
        monkeypatch.setenv(name, value)
    project = copy_project(tmp_path / "project")
    rule = project / "models" / "audiences" / "aud_sale_shoppers.sql"
    text = rule.read_text(encoding="utf-8")
    rule.write_text(text[: text.rindex("select")] + BAD_NAME, encoding="utf-8")
    said: list[str] = []
    with pytest.raises(BackfillError, match=r"(?s)as of 2025-11-01.*must be sale_shoppers.*describes today again"):
        backfill_days(project, shop, past_days("2025-11", "2025-12", "month"), {}, said.append)
    assert [line.split()[0] for line in said] == ["building"]
    assert rows(shop, "select * from intermediate.int_audience_memory where audience = 'sale_shopperz'") == []
    assert rows(shop, DESCRIBED) == [(TODAY,)]
    assert rows(shop, LOOKS) == [(TODAY,)]


@pytest.fixture
def dbt_that_fails_at(monkeypatch):
    """dbt builds nothing, and fails, or is stopped, as of some days; None is today."""

    def stand_in(*days: str | None, failure: type[BaseException] = DbtFailedError) -> list[str | None]:
        built: list[str | None] = []

        def run(project, *words, variables, environment):
            built.append(variables.get("as_of_date"))
            if built[-1] in days:
                raise failure("dbt build failed:\nCompilation Error in model aud_x")

        monkeypatch.setattr(module, "run_dbt_apart", run)
        monkeypatch.setattr(module, "_found", lambda _, day, seconds: module.PastDay(day, 1, 1, 1, seconds))
        return built

    return stand_in


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        (["2025-03-01"], "2025-03-01: .*aud_x\nIn history: 2025-01-01 to 2025-02-01 [(]2[)].*today again"),
        (["2025-01-01"], "the build as of 2025-01-01: .*No day is done.\nThe warehouse describes today again"),
        (
            ["2025-03-01", None],
            "2025-03-01: .*That was not finished either. .* past day. For today:\n  cd .* dbt build",
        ),
        (
            [None],
            "the build of today: .*2025-01-01 to 2025-03-01 [(]3[)].\nThe .* past day. For today:\n  cd .* dbt build",
        ),
    ],
)
def test_a_day_that_fails_stops_and_today_is_built(built_audiences, dbt_that_fails_at, failing, message):
    built = dbt_that_fails_at(*failing)
    with pytest.raises(BackfillError, match=f"(?s){message}"):
        backfill_days(ROOT, built_audiences, past_days("2025-01", "2025-03", "month"), {}, print)
    assert built.count(None) == 1
    assert built[-1] is None


def test_the_command_for_today_has_the_vars_of_the_backfill(built_audiences, dbt_that_fails_at):
    dbt_that_fails_at(None, failure=KeyboardInterrupt)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        backfill_days(ROOT, built_audiences, [date(2025, 1, 1)], {"shop_country": "DK"}, said.append)
    assert f"REGULARS_DATABASE={built_audiences} dbt build --vars '{{shop_country: DK}}'" in said[-1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("name", ["as_of_date", "write_past_history"])
def test_vars_that_only_the_days_can_say_are_refused(built_audiences, dbt_that_fails_at, name):
    built = dbt_that_fails_at()
    with pytest.raises(UsageError, match=f"--vars: leave {name} out; backfill says it for each day"):
        backfill_days(ROOT, built_audiences, [date(2025, 1, 1)], {name: "2025-01-01"}, print)
    assert built == []


def test_a_build_that_left_nothing_in_history_is_a_failure(built_audiences):
    with pytest.raises(BackfillError, match="as of 2024-05-01 left nothing in history"):
        module._found(built_audiences, date(2024, 5, 1), 0)


@pytest.mark.parametrize("text", ["3", "[a]", "{a: "])
def test_vars_are_a_mapping(text):
    with pytest.raises(UsageError, match="--vars"):
        parse_vars(text)
