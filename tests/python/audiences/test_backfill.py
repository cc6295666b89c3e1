"""`regulars backfill`: which days it takes, and what it leaves in history, also when run again or when a day fails."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

from regulars.audiences import backfill as module
from regulars.audiences.backfill import BackfillError, backfill_days, check_days, past_days
from regulars.audiences.dbt import DbtFailedError, parse_vars
from regulars.errors import UsageError, WarehouseError

WORDS = ("backfill", "--from", "2025-10", "--to", "2025-12", "--project-dir", ROOT)


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute(query).fetchall()


def history(database: Path) -> list[tuple[object, ...]]:
    return rows(database, "select * from marts.audience_history order by all")


def test_three_months_enter_history_and_again_change_nothing(shop, say, tmp_path, monkeypatch):
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    members = "select audience, customer_id, arm from intermediate.int_audience_members order by all"
    of_today = rows(shop, members)
    lines = say(*WORDS, "--database", shop).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["2025-10-01", "2025-11-01", "2025-12-01"]
    first = history(shop)
    # Today is described as before, and the looks are those of the past and today's.
    assert rows(shop, members) == of_today
    looks = "select distinct entered_on from intermediate.int_audience_memory where row_kind = 'seen' order by 1"
    assert [day for (day,) in rows(shop, looks)] == [date(2025, month, 1) for month in (10, 11, 12)] + [
        date(2026, 1, 1)
    ]
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
    assert history(shop) == first
    for day in again:
        assert rows(shop, in_it.format(day["as_of_date"])) == [(day["member_count"],)]
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


@pytest.fixture
def dbt_that_fails_at(monkeypatch):
    """dbt builds nothing, and fails as of one day."""

    def stand_in(day: str | None):
        def run(project, *words, variables, environment):
            if variables.get("as_of_date") == day:
                raise DbtFailedError("dbt build failed:\nCompilation Error in model aud_x")

        monkeypatch.setattr(module, "run_dbt_apart", run)
        monkeypatch.setattr(module, "_found", lambda _, day, seconds: module.PastDay(day, 1, 1, 1, seconds))

    return stand_in


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ("2025-03-01", "the build as of 2025-03-01: .*aud_x\nin history: 2025-01-01 to 2025-02-01 [(]2[)].*dbt build"),
        ("2025-01-01", "the build as of 2025-01-01: .*no day is done"),
        (None, "the build of today: .*2025-01-01 to 2025-03-01 [(]3[)]"),
    ],
)
def test_a_day_that_fails_stops_and_says_what_is_done(built_audiences, dbt_that_fails_at, failing, message):
    dbt_that_fails_at(failing)
    with pytest.raises(BackfillError, match=f"(?s){message}"):
        backfill_days(ROOT, built_audiences, past_days("2025-01", "2025-03", "month"), {}, print)


def test_a_build_that_left_nothing_in_history_is_a_failure(built_audiences):
    with pytest.raises(BackfillError, match="as of 2024-05-01 left nothing in history"):
        module._found(built_audiences, date(2024, 5, 1), 0)


@pytest.mark.parametrize("text", ["3", "[a]", "{a: "])
def test_vars_are_a_mapping(text):
    with pytest.raises(UsageError, match="--vars"):
        parse_vars(text)
