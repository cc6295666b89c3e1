"""Odd days: what a run makes of a source, a plan, a guard or a disk that is not as it should be."""

import csv
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from regulars.cli import app
from regulars.errors import RegularsError
from regulars.publish import apply
from regulars.publish.erasure import Request, keep_request
from regulars.publish.errors import LedgerError, MovedError, PublishRefusedError
from regulars.publish.fakes.google import Outcome
from regulars.publish.fakes.webhook import Fault
from regulars.publish.ledger import DuckDBLedger
from regulars.publish.plan import consent
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, run_syncs
from regulars.publish.settings import load_settings
from regulars.publish.status import read_status

from .shop import TABLES
from .world import Clock, CrashError, Customer, Line, Mapping, Stumble, World, new, people, sent

MODELS = Path(__file__).parents[3] / "models"


def planned(world: World):
    said = world.settings()
    return make_plans(said, world.warehouse, list(said.syncs), world.now)


@dataclass
class Said:
    """What a command leaves and prints."""

    exit_code: int
    output: str


def do(world: World, statement: str) -> None:
    with duckdb.connect(world.warehouse) as connection:
        connection.execute(statement)


def in_ledger(world: World, query: str) -> list[tuple]:
    with duckdb.connect(ledger_path(world.settings())) as connection:
        return connection.execute(query).fetchall()


def command(world: World, *words: str):
    world.settings()
    given = ["--settings", str(world.folder / "publish.yml")]
    given += [] if words[0] in ("status", "retry") else ["--database", str(world.warehouse)]
    said = CliRunner().invoke(app, ["publish", *words, *given])
    # As `main` does.
    error = said.exception if isinstance(said.exception, RegularsError) else None
    return Said(error.exit_code, str(error)) if error else Said(said.exit_code, said.output)


def pause(world: World) -> None:
    do(
        world,
        "insert into marts.audience_guardrails values"
        " ('loyal', 'k1', '2026-02-01', 0.01, 0.1, 0, 0.1, 0, 0.1, 'breached')",
    )


# the source


def test_the_warehouse_of_these_tests_has_the_columns_of_the_models():
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        mine = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_name not in ('int_customer_contacts')"
        ).fetchall()
    contracts = {
        (model["name"], column["name"]): column.get("data_type", "")
        for path in (MODELS / "marts").glob("*/_*__models.yml")
        for model in yaml.safe_load(path.read_text())["models"]
        for column in model.get("columns", [])
    }
    assert [(table, column) for table, column, _ in mine if (table, column) not in contracts] == []


def test_the_value_of_a_member_is_sent_as_seed(tmp_path, fakes):
    world = new(tmp_path, fakes, "meta", people=people(1, 2))
    do(world, "update marts.audience_members set value = case customer_id when 'c1' then 12.5 else 3 end")
    path = tmp_path / "publish.yml"
    world.settings()
    path.write_text(path.read_text().replace("purpose: ads", "purpose: ads, value: member_value"))
    said = load_settings(path)
    [result] = run_syncs(said, world.warehouse, list(said.syncs), client=Clock().client())
    assert (result.acknowledged, result.is_done) == (2, True)
    assert any("12.5" in str(body) for body in fakes.meta.bodies)


@pytest.mark.parametrize("table", ["intermediate.int_customer_contacts", "marts.customer_segments"])
def test_a_customer_twice_anywhere_stops_that_sync_and_sends_nothing(tmp_path, fakes, table):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    do(world, f"insert into {table} select * from {table} where customer_id = 'c1'")
    [result] = sent(world)
    assert "1 rows too many" in result.message
    assert (result.requests, result.is_done, fakes.webhook.people) == (0, False, {})
    with pytest.raises(PublishRefusedError, match="more than once"):
        planned(world)


def test_a_member_twice_or_without_a_name_is_refused(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    for row in ("select * from marts.audience_members where customer_id = 'c1'",
                "select 'loyal', null, 'treatment', true, null"):  # fmt: skip
        world.build()
        do(world, f"insert into marts.audience_members {row}")
        with pytest.raises(PublishRefusedError, match=r"loyal: (0 rows .* 1 customers|1 rows .* 0 customers)"):
            sent(world)
    assert fakes.webhook.people == {}


def test_who_is_held_back_is_not_sent_and_is_counted(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2, 3, 4))
    do(world, "update marts.audience_members set arm = 'control' where customer_id = 'c2'")
    do(world, "update marts.audience_members set is_sampled = false where customer_id = 'c3'")
    [plan] = planned(world)
    assert (plan.add, plan.held_back, plan.wanted) == (2, 2, 2)
    [result] = sent(world)
    assert (set(fakes.webhook.people["loyal"]), result.left_out["held_back"]) == ({"c1", "c4"}, 2)
    assert "left out: 2 held back" in command(world, "plan").output


def test_advertising_needs_both_consents():
    with duckdb.connect() as connection:
        found = connection.execute(
            "select data, personal, " + consent("ads", "one") + " from (select data as has_ads_user_data_consent,"
            " personal as has_ads_personalization_consent, data, personal from"
            " (values (true, true), (true, false), (true, null), (false, true), (null, true)) as said(data, personal))"
            " as one"
        ).fetchall()
    assert [said for *_, said in found] == [True, False, False, False, False]


# the plan


def test_a_plan_is_for_one_destination_object_and_mapping(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    plans = planned(world)
    path = tmp_path / "publish.yml"
    text = path.read_text()
    for change in (("/audiences", "/elsewhere"), ("properties: [", "properties: [rfm_tier] #")):
        path.write_text(text.replace(*change).replace("] #", "], identifiers: [email]} #"))
        said = load_settings(path)
        with pytest.raises(MovedError):
            run_syncs(said, world.warehouse, list(said.syncs), plans=plans, client=Clock().client())
    do(world, "update marts.audience_overview set as_of_date = '2026-03-02'")
    with pytest.raises(MovedError, match="the plan was made for 2 to add"):
        sent(world, plans=plans)
    assert fakes.webhook.people == {}
    world.build()
    assert sent(world, plans=planned(world))[0].acknowledged == 2


def test_what_earlier_runs_left_may_move_a_plan(tmp_path, fakes):
    """A job is over that was under way when it was planned: now there is more to do than was shown."""
    world = new(tmp_path, fakes, "google", people=people(1, 2))
    fakes.google.processing_polls = 1
    assert sent(world)[0].pending == 2
    world.people = {
        "c1": Customer(email="new@example.com"),
        "c2": Customer(email="p2@example.com", has_ads_consent=False),
    }
    world.build()
    plans = planned(world)
    assert (plans[0].writes, plans[0].wait) == (0, 1)
    fakes.google.processing_polls = 0
    [result] = sent(world, plans=plans)
    assert "the plan was made for 0 to add, 0 to update and 0 to remove; now it would be 0, 1 and 1" in result.message
    assert len(fakes.google.lists["1"]) == 2


def test_a_job_that_ends_well_moves_no_plan(tmp_path, fakes):
    world = new(tmp_path, fakes, "google", people=people(1, 2))
    fakes.google.processing_polls = 1
    sent(world)
    world.people["c3"] = Customer(email="p3@example.com")
    world.build()
    plans = planned(world)
    assert (plans[0].add, plans[0].wait) == (1, 2)
    fakes.google.processing_polls = 0
    [result] = sent(world, plans=plans)
    assert (result.acknowledged, result.is_done) == (3, True)


def test_a_plan_is_for_one_payload(tmp_path, fakes):
    world = new(tmp_path, fakes, "meta", people=people(1, 2))
    plans = planned(world)
    path = tmp_path / "publish.yml"
    path.write_text(
        path.read_text().replace("create_audiences: true", "create_audiences: true, limited_data_use: true")
    )
    said = load_settings(path)
    with pytest.raises(MovedError):
        run_syncs(said, world.warehouse, list(said.syncs), plans=plans, client=Clock().client())


def test_a_plan_says_what_would_stop_it(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(*range(120)))
    sent(world)
    world.people = people(*range(60))
    world.build()
    [plan] = planned(world)
    assert "60 of 120 would be removed" in plan.stopped
    assert "apply would stop: webhook/loyal: 60 of 120" in command(world, "plan").output
    [result] = sent(world)
    assert (result.planned, result.pending, result.acknowledged) == (60, 60, 0)
    assert len(fakes.webhook.people["loyal"]) == 120


# guards


def test_who_can_be_sent_no_more_counts_as_a_removal(tmp_path, fakes):
    """At Meta she is removed by the hash of her old address; a shop whose addresses all break keeps its audience."""
    world = new(tmp_path, fakes, "meta", people=people(*range(120)))
    sent(world)
    sent(world)
    [audience] = fakes.meta.audiences.values()
    assert len(audience.members) == 120
    world.people = {name: Customer(email="broken") for name in world.people}
    world.build()
    [result] = sent(world)
    assert "120 of 120 would be removed" in result.message
    assert len(audience.members) == 120
    [result] = sent(world, force=True)
    assert (len(audience.members), result.rejected) == (0, 0)


def test_a_removal_that_waits_is_nobody_who_should_be_there(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(*range(50)))
    sent(world)
    fakes.webhook.refuse = lambda row: "no" if row["customer_id"] == "c7" else ""
    del world.people["c7"]
    world.build()
    assert sent(world)[0].rejected == 1
    world.people = {}
    world.build()
    [result] = sent(world)
    assert "nobody is left" in result.message
    assert len(fakes.webhook.people["loyal"]) == 50


def test_a_paused_audience_keeps_its_state_where_files_are_written(tmp_path, fakes):
    world = new(tmp_path, fakes, "files", people=people(1, 2, 3))
    sent(world)
    world.people = people(1, 2, 4)
    world.build()
    pause(world)
    assert "paused" in sent(world)[0].message
    path = tmp_path / "out" / "loyal.csv"
    assert [row["customer_id"] for row in csv.DictReader(path.open())] == ["c1", "c2"]
    assert in_ledger(world, "select customer_id from sync_state where removed_at is null order by 1") == [
        ("c1",),
        ("c2",),
    ]
    # So whoever is erased is found there.
    ask_to_erase(world.settings(), world.warehouse, request_id="r1", customer_ids=("c2",), now=world.now)
    assert [row["customer_id"] for row in csv.DictReader(path.open())] == ["c1"]


# what runs leave


def test_what_a_lost_batch_was_to_clear_is_cleared_after_it(tmp_path, fakes):
    """Somebody in the batch withdrew, so that it is never sent again: what it was to clear still has its value."""
    world = new(tmp_path, fakes, "klaviyo", people=people(1, 2))
    sent(world)
    sent(world)
    assert fakes.klaviyo.profile("c1").attributes["properties"]["rfm_tier"] == "gold"
    world.people["c1"] = Customer(email="p1@example.com", tier=None)
    world.people["c2"] = Customer(email="p2@example.com", tier="silver")
    world.build()
    # The first request asks for the list.
    [result] = sent(world, Line(None, (Stumble(2, 99, "503"),)))
    assert result.pending == 2
    world.people["c2"] = Customer(email="p2@example.com", has_email_consent=False)
    world.build()
    for _ in range(3):
        [result] = sent(world, force=True)
    assert (result.planned, result.is_done) == (0, True)
    assert "rfm_tier" not in fakes.klaviyo.profile("c1").attributes["properties"]


def test_what_is_refused_when_it_is_sent_again_is_kept_as_it_was(tmp_path, fakes):
    """The secret is wrong by now, say: what became of the batch the first time is as unknown as before."""
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    said: list[tuple[str, bytes]] = []

    class Heard(Line):
        def request(self, method, url, **more):
            said.append((more["headers"]["Idempotency-Key"], more["body"]))
            return super().request(method, url, **more)

    assert sent(world, Heard(None, (Stumble(0, 99, "503 after"),)))[0].pending == 2
    [spooled] = (tmp_path / "ledger.duckdb.spool").iterdir()
    bytes_before = spooled.read_bytes()
    [result] = sent(world, Heard(None, (Stumble(0, 99, "401"),)))
    assert (result.planned, result.pending, result.is_done) == (2, 2, False)
    assert in_ledger(world, "select status, attempt_count from sync_batch") == [("unknown", 2)]
    assert spooled.read_bytes() == bytes_before
    [result] = sent(world, Heard(None))
    assert (result.replayed, result.acknowledged, result.is_done) == (2, 2, True)
    assert set(said) == {(spooled.stem, bytes_before)}


@pytest.mark.parametrize("who", [{"customer_ids": ("c2",)}, {"email": "p2@example.com"}])
def test_what_was_left_is_not_sent_again_with_somebody_who_asks_as_it_is_settled(tmp_path, fakes, monkeypatch, who):
    """Later than the run has looked who is to be erased: the ledger knows nothing of the request yet."""
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    assert sent(world, Line(None, (Stumble(0, 99, "503"),)))[0].pending == 2
    settle = apply.Run.settle

    def settling(run):
        keep_request(ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", **who))
        settle(run)
        raise CrashError

    line = Line(None)
    with monkeypatch.context() as patch:
        patch.setattr(apply.Run, "settle", settling)
        with pytest.raises(CrashError):
            sent(world, line)
    assert line.count == 0
    assert in_ledger(world, "select status from sync_batch") == [("abandoned",)]
    sent(world)
    assert set(fakes.webhook.people["loyal"]) == {"c1"}


def asked_for_before(monkeypatch: pytest.MonkeyPatch, world: World, customer_id: str) -> None:
    """Somebody asks to be erased as soon as the first batch is planned."""
    plan_batch = apply.Run._plan_batch

    def planning(run, batch, load):
        body = plan_batch(run, batch, load)
        keep_request(ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", (customer_id,)))
        return body

    monkeypatch.setattr(apply.Run, "_plan_batch", planning)


@pytest.mark.parametrize("customer_id", ["c3", "c4", "c8"])
def test_who_asks_during_a_run_is_left_out_of_the_very_next_batch(tmp_path, fakes, monkeypatch, customer_id):
    world = new(tmp_path, fakes, "webhook", people=people(*range(1, 9)))
    said = world.settings()
    asked_for_before(monkeypatch, world, customer_id)
    [result] = run_syncs(said, world.warehouse, list(said.syncs), client=Clock().client())
    assert customer_id not in fakes.webhook.people["loyal"]
    assert all(customer_id not in str(one) for one in fakes.webhook.requests)
    assert (result.acknowledged, result.codes) == (7, {"erased": 1})


def test_who_asks_during_a_run_is_left_out_of_the_half_of_a_batch(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "webhook", people=people(*range(1, 9)))
    path = tmp_path / "publish.yml"
    world.settings()
    path.write_text(path.read_text().replace("rows_per_batch: 2", "rows_per_batch: 8"))
    said = load_settings(path)
    fakes.webhook.faults = [Fault(413)]
    asked_for_before(monkeypatch, world, "c8")
    run_syncs(said, world.warehouse, list(said.syncs), client=Clock().client())
    assert set(fakes.webhook.people["loyal"]) == {f"c{number}" for number in range(1, 8)}


def test_who_waits_for_another_attempt_is_not_done(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    fakes.webhook.refuse = lambda row: "no" if row["customer_id"] == "c1" else ""
    assert command(world, "apply").exit_code == 1
    again = command(world, "apply")
    assert again.exit_code == 1
    assert "webhook/loyal: nothing sent, 1 rejected before wait for another attempt" in again.output
    assert command(world, "status").exit_code == 1
    fakes.webhook.refuse = lambda _: ""
    command(world, "retry")
    assert command(world, "apply").exit_code == 0
    assert command(world, "status").exit_code == 0


def test_a_removal_that_is_refused_for_ever_is_never_done(tmp_path, fakes):
    """Who withdrew is still there, so nothing may look green."""
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    sent(world)
    fakes.webhook.refuse = lambda _: "no"
    del world.people["c1"]
    world.build()
    for _ in range(apply.LAST_RETRY + 1):
        [result] = sent(world)
        world.moment += timedelta(days=9)
    assert in_ledger(world, "select attempt_count from sync_reject") == [(apply.LAST_RETRY + 1,)]
    assert (result.rejected, result.waiting, result.given_up, result.is_done) == (1, 1, 0, False)
    [status], _ = read_status(world.settings())
    assert (status.given_up, status.is_done) == (0, False)


def test_an_upload_counts_only_who_is_newly_refused(tmp_path, fakes):
    world = new(tmp_path, fakes, "files", people={**people(1, 2), "c3": Customer(email="broken")})
    path = tmp_path / "publish.yml"
    world.settings()
    text = path.read_text().replace("purpose: email", "purpose: ads")
    text = text.replace("folder: out}", "folder: out, layout: meta_customer_match}")
    path.write_text(text.replace("properties: [rfm_tier, net_revenue_amount]", "properties: []"))
    said = load_settings(path)
    for changed, expected in ((False, (3, 2, 1)), (True, (1, 1, 0))):
        if changed:
            world.people["c4"] = Customer(email="p4@example.com")
            world.build()
        [result] = run_syncs(said, world.warehouse, list(said.syncs), now=world.now)
        assert (result.planned, result.acknowledged, result.rejected) == expected
        assert in_ledger(world, "select customer_id, attempt_count from sync_reject") == [("c3", 1)]


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [("meta", "create_audiences: true", "create_audiences: true, limited_data_use: true"),
     ("files", "folder: out}", "folder: out, layout: meta_customer_match}")],
)  # fmt: skip
def test_what_changes_the_payload_sends_everybody_again(tmp_path, fakes, place, before, after):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    world.mapping = Mapping(properties=())
    path = tmp_path / "publish.yml"
    world.settings()
    path.write_text(path.read_text().replace("purpose: email", "purpose: ads"))
    planned_rows = []
    for change in (None, None, (before, after), None):
        if change:
            path.write_text(path.read_text().replace(*change))
        said = load_settings(path)
        [result] = run_syncs(said, world.warehouse, list(said.syncs), client=Clock().client())
        assert result.is_done
        planned_rows.append(result.planned)
    assert planned_rows == [2, 0, 2, 0]


# several syncs


def test_a_sync_that_cannot_run_stops_no_other(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "klaviyo", "webhook", people=people(1))
    monkeypatch.delenv("WORLD_KLAVIYO")
    results = sent(world)
    assert [one.name for one in results] == ["klaviyo/loyal", "webhook/loyal"]
    assert "WORLD_KLAVIYO" in results[0].message
    assert (results[1].acknowledged, results[1].is_done) == (1, True)
    found = read_status(world.settings())[0]
    assert [(one.last_run, "WORLD_KLAVIYO" in one.message, one.is_done) for one in found] == [
        ("partial", True, False), ("done", False, True)
    ]  # fmt: skip
    said = command(world, "apply")
    assert said.exit_code == 1
    assert "webhook/loyal: unchanged, nothing sent" in said.output
    # Where none can run, nothing is done at all.
    monkeypatch.delenv("WORLD_HOOK")
    assert command(world, "apply").exit_code == 2


def test_an_audience_that_vanished_is_said_and_can_be_retired(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", "files", people=people(1, 2))
    sent(world)
    do(world, "delete from marts.audience_overview where audience = 'loyal'")
    do(world, "delete from marts.audience_members where audience = 'loyal'")
    said = command(world, "apply", "--only", "webhook/loyal")
    assert said.exit_code == 2
    assert "regulars publish retire --only webhook/loyal" in said.output
    assert set(fakes.webhook.people["loyal"]) == {"c1", "c2"}
    for _ in range(2):
        gone = command(world, "retire", "--only", "webhook/loyal", "--only", "files/loyal")
        assert gone.exit_code == 0, gone.output
    assert fakes.webhook.people["loyal"] == {}
    assert len((tmp_path / "out" / "loyal.csv").read_text().splitlines()) == 1
    assert in_ledger(world, "select count(*) from sync_state where removed_at is null") == [(0,)]


def test_everybody_is_sent_again_where_that_is_asked_for(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    sent(world)
    fakes.webhook.people.clear()
    assert sent(world)[0].planned == 0
    assert command(world, "apply", "--resend").exit_code == 0
    assert set(fakes.webhook.people["loyal"]) == {"c1", "c2"}
    assert sent(world, is_resending=True)[0].planned == 2


def test_each_sync_is_told_as_it_is_over(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", "files", people=people(1))
    heard: list[tuple[str, int]] = []
    sent(world, ended=lambda result: heard.append((result.name, len(list((tmp_path / "out").glob("*.csv"))))))
    assert heard == [("webhook/loyal", 0), ("files/loyal", 1)]


def test_nobody_who_may_be_sent_is_said(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2, has_email_consent=False))
    said = command(world, "apply")
    assert (said.exit_code, said.output) == (
        0,
        f"began a new ledger at {tmp_path}/ledger.duckdb\n"
        "webhook/loyal: unchanged, nothing sent\n  nobody may be sent: 2 without consent\n"
    )  # fmt: skip


def test_a_full_disk_under_the_ledger_is_a_sentence_and_heals(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    execute = DuckDBLedger.execute

    def full(ledger, statement, **values):
        if statement.startswith("insert into sync_state"):
            raise duckdb.IOException('IO Error: Could not write file "x": No space left on device')
        execute(ledger, statement, **values)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBLedger, "execute", full)
        with pytest.raises(LedgerError, match="No space left on device; when there is room again, apply again"):
            sent(world)
    [result] = sent(world)
    assert (result.replayed, result.is_done) == (2, True)


# pauses


def test_an_audience_gone_empty_is_stopped_also_while_it_is_paused(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(*range(50)))
    sent(world)
    world.people = {}
    world.build()
    pause(world)
    [result] = sent(world)
    assert "nobody is left to send" in result.message
    assert len(fakes.webhook.people["loyal"]) == 50


def test_a_pause_keeps_why_somebody_was_rejected_and_how_often(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    fakes.webhook.refuse = lambda row: "wrong" if row["customer_id"] == "c2" else ""
    sent(world)
    pause(world)
    world.moment += timedelta(days=1)
    [result] = sent(world)
    assert result.planned == 0
    assert in_ledger(world, "select customer_id, attempt_count from sync_reject") == [("c2", 1)]


# lists


def members_of(world: World, place: str) -> set[str]:
    """Of the one list that was there first, whatever it is called now."""
    if place == "meta":
        return set(next(iter(world.fakes.meta.audiences.values())).members.values())
    if place == "klaviyo":
        account = world.fakes.klaviyo
        return {account.profiles[one].attributes["external_id"] for one in account.members[next(iter(account.lists))]}
    assert world.fakes.postgres is not None
    return {name for (name,) in world.fakes.postgres.execute("select customer_id from world.other").fetchall()}


@pytest.mark.parametrize("place", ["klaviyo", "meta"])
def test_a_list_that_somebody_renamed_is_not_taken_to_be_deleted(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    for _ in range(2):
        sent(world)
    account = fakes.klaviyo
    [list_id] = account.lists if place == "klaviyo" else fakes.meta.audiences

    def rename(name: str) -> None:
        if place == "klaviyo":
            account.lists[list_id] = name
        else:
            fakes.meta.audiences[list_id].name = name

    rename("Loyal customers")
    world.people["c2"] = Customer(email="p2@example.com", has_email_consent=False, has_ads_consent=False)
    world.build()
    [result] = sent(world)
    assert f"{list_id} that it sent to is not called 'loyal' any more" in result.message
    assert list(account.lists if place == "klaviyo" else fakes.meta.audiences) == [list_id]
    rename("loyal")
    [result] = sent(world)
    assert (result.is_done, members_of(world, place)) == (True, {"c1"})


def test_one_list_by_two_names_is_refused(tmp_path, fakes):
    world = new(tmp_path, fakes, "klaviyo", people=people(1, 2))
    list_id = fakes.klaviyo.add_list("loyal")
    world.settings()
    path = tmp_path / "publish.yml"
    [line] = [line for line in path.read_text().splitlines() if "audience: loyal" in line]
    path.write_text(path.read_text() + line.replace("'loyal'", f"'{list_id}'") + "\n")
    said = load_settings(path)
    for _ in range(2):
        first, second = run_syncs(said, world.warehouse, list(said.syncs), now=world.now, client=Clock().client())
    assert first.is_done
    assert f"klaviyo/{list_id} and klaviyo/loyal are one and the same" in second.message


@pytest.mark.parametrize(("place", "words"), [("google", "Google left out some of 2 members"), ("meta", "Meta")])
def test_what_the_platform_left_out_is_told(tmp_path, fakes, place, words):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    if place == "google":
        fakes.google.outcomes = [Outcome("PARTIAL_SUCCESS", left_out=1)]
    else:
        fakes.meta.invalid_entries = 1
    [result] = sent(world)
    assert words in " ".join(result.notes)
    assert words in command(world, "status").output
