"""The guarantees of docs/publishing.md that no other file proves, each under its name; at every destination."""

import json
from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from regulars.publish.apply import LAST_RETRY
from regulars.publish.errors import LockedError, MovedError, ReconcileError
from regulars.publish.ledger import locked
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, utc_now

from .world import (
    PLACES,
    Clock,
    CrashError,
    Customer,
    Fakes,
    Line,
    Stumble,
    World,
    ledger_of,
    new,
    people,
    running_fakes,
    sent,
)

COUNTS = {"add", "update", "remove", "keep", "wait", "no_consent", "no_identifier", "erased", "there"}


@pytest.fixture(scope="module")
def fakes(request: pytest.FixtureRequest) -> Iterator[Fakes]:
    with (
        pytest.MonkeyPatch.context() as patch,
        running_fakes(request.getfixturevalue("postgres"), patch.setenv) as found,
    ):
        yield found


def is_right(world: World, place: str) -> None:
    said = world.settings()
    with duckdb.connect(ledger_path(said)) as connection:
        [sync] = [one for one in said.syncs if one.destination == place]
        world.check(place, *ledger_of(connection, said.sync_id(sync)))


@pytest.mark.parametrize("place", ["webhook", "klaviyo", "meta", "google"])
def test_guarantee_1_state_advances_only_after_acknowledgement(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    [result] = sent(world, Line(None, (Stumble(0, 99, "lost"),)))
    assert (result.acknowledged, result.is_done) == (0, False)
    with duckdb.connect(ledger_path(world.settings())) as connection:
        assert connection.execute("select count(*) from sync_state").fetchall() == [(0,)]
    sent(world)
    is_right(world, place)


@pytest.mark.parametrize("place", ["webhook", "meta"])
def test_guarantee_2_an_unknown_outcome_is_replayed_with_the_same_bytes(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    bodies: list[tuple[bytes, str]] = []

    class Heard(Line):
        def request(self, method, url, **more):
            if method == "POST":
                bodies.append((more["body"], more["headers"].get("Idempotency-Key", "")))
            return super().request(method, url, **more)

    # Meta is first asked which audience it is.
    if place == "meta":
        fakes.meta.add_audience("loyal")
    [result] = sent(world, Heard(None, (Stumble(1 if place == "meta" else 0, 99, "lost"),)))
    assert result.pending == 2
    count, (body, key) = len(bodies), bodies[-1]
    # The world moves: what may have arrived goes again as it was, and then what changed.
    world.people["c2"] = Customer(email="p2@example.com", tier="silver")
    world.build()
    [result] = sent(world, Heard(None))
    assert result.replayed == 2
    assert bodies[count][1] == key
    if place == "webhook":
        assert key
        assert bodies[count] == (body, key)
    else:
        # A session of Meta's is closed by its first batch: the rows go again, in a new one.
        assert {json.dumps(json.loads(one)["payload"]) for one, _ in (bodies[count], bodies[-1])} == {
            json.dumps(json.loads(body)["payload"])
        }
    is_right(world, place)


def test_guarantee_3_rows_that_go_missing_fail_the_run(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    from regulars.publish import apply

    read = apply.read_rows
    monkeypatch.setattr(apply, "read_rows", lambda *words: list(read(*words))[1:])
    with pytest.raises(ReconcileError, match="2 planned, but 1 acknowledged, 0 rejected and 0 pending"):
        sent(world)


def test_guarantee_4_rejected_rows_come_back_with_a_back_off_and_a_cap_and_stay_listed(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    fakes.webhook.refuse = lambda row: "wrong" if row["customer_id"] == "c2" else ""
    # Each pause is twice the one before it; a run an hour before it is over tries nothing, nor one after the last.
    due = [2**number - 1 for number in range(LAST_RETRY)]
    tries, hours = [], 0
    for hour in sorted({*due, *(hour - 1 for hour in due[1:]), 400, 2 * 400}):
        world.moment += timedelta(hours=hour - hours)
        hours = hour
        if sent(world)[0].rejected:
            tries.append(hour)
    assert tries == due
    with duckdb.connect(ledger_path(world.settings())) as connection:
        found = connection.execute("select customer_id, code, attempt_count from sync_reject").fetchall()
    assert found == [("c2", "wrong", LAST_RETRY)]
    # A change helps at once.
    fakes.webhook.refuse = lambda _: ""
    world.people["c2"] = Customer(email="p2@example.com", tier="silver")
    world.build()
    [result] = sent(world)
    assert result.is_done
    is_right(world, "webhook")


@pytest.mark.parametrize("place", PLACES)
def test_guarantee_5_an_empty_audience_or_too_many_removals_stop_it_unless_forced(tmp_path, fakes, place):
    many = {f"c{number}": Customer(email=f"p{number}@example.com") for number in range(120)}
    world = new(tmp_path, fakes, place, people=many)
    for _ in range(2):
        sent(world)
    is_right(world, place)
    for left, word in ((0, "nobody is left"), (80, "more than max_removal_share")):
        world.people = dict(list(many.items())[:left])
        world.build()
        line = Line(None)
        [result] = sent(world, line)
        assert word in result.message
        assert (result.acknowledged, line.count) == (0, 0)
    for _ in range(2):
        sent(world, force=True)
    is_right(world, place)


def test_guarantee_5_only_who_was_added_by_this_tool_is_removed(tmp_path, fakes):
    world = new(tmp_path, fakes, "meta", "klaviyo", "webhook", people=people(1, 2))
    for _ in range(2):
        sent(world)
    [audience] = fakes.meta.audiences.values()
    audience.members["EMAIL:somebody else's"] = ""
    other = fakes.klaviyo.add_profile({"external_id": "x", "email": "x@example.com"})
    [list_id] = fakes.klaviyo.members
    fakes.klaviyo.members[list_id].add(other.id)
    fakes.webhook.people["loyal"]["x"] = {}
    world.people = people(2)
    world.build()
    sent(world, force=True)
    assert len(audience.members) == 2
    assert fakes.klaviyo.on_list("loyal") == {"c2", "x"}
    assert set(fakes.webhook.people["loyal"]) == {"c2", "x"}


@pytest.mark.parametrize("place", PLACES)
def test_guarantee_6_unchanged_input_makes_no_write_calls(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1, 2, 3))
    for _ in range(2):
        sent(world)
    is_right(world, place)
    path = world.folder / "out" / "loyal.csv"
    written = path.stat().st_mtime_ns if path.exists() else 0
    line = Line(None)
    [result] = sent(world, line)
    assert (result.planned, result.requests, line.count) == (0, 0, 0)
    assert written == (path.stat().st_mtime_ns if path.exists() else 0)


def test_guarantee_7_a_plan_writes_nothing_names_nobody_and_is_applied_or_refused(tmp_path, fakes):
    world = new(tmp_path, fakes, *PLACES, people=people(1, 2, 3))
    said = world.settings()
    line = Line(None)
    plans = make_plans(said, world.warehouse, list(said.syncs), world.now)
    assert line.count == 0
    assert not (world.folder / "out").exists()
    assert not fakes.postgres.execute("select to_regclass('world.loyal')").fetchone()[0]
    assert [plan.add for plan in plans] == [3] * len(PLACES)
    assert {type(value) for plan in plans for name, value in plan.as_dict().items() if name in COUNTS} == {int}
    assert not any(f'"{customer_id}"' in json.dumps(plan.as_dict()) for plan in plans for customer_id in world.people)
    world.people["c3"] = Customer(email="p3@example.com", has_email_consent=False, has_ads_consent=False)
    world.build()
    with pytest.raises(MovedError):
        sent(world, line, plans=plans)
    assert line.count == 0
    plans = make_plans(said, world.warehouse, list(said.syncs), world.now)
    for result, plan in zip(sent(world, plans=plans), plans, strict=True):
        assert result.acknowledged + result.pending == plan.writes == 2


@pytest.mark.parametrize("place", PLACES)
def test_guarantee_9_without_consent_nobody_is_sent_and_revoking_it_is_a_removal(tmp_path, fakes, place):
    said_nothing = Customer(email="p3@example.com", has_email_consent=None, has_ads_consent=None)
    world = new(tmp_path, fakes, place, people=people(1, 2) | {"c3": said_nothing})
    for _ in range(2):
        sent(world)
    is_right(world, place)
    world.people["c2"] = Customer(email="p2@example.com", has_email_consent=False, has_ads_consent=False)
    world.build()
    for _ in range(2):
        sent(world)
    is_right(world, place)
    assert set(world.wanted(place)) == {"c1"}


def test_guarantee_9_erasure_goes_everywhere_past_the_guards_and_blocks_adding_again(tmp_path, fakes):
    world = new(tmp_path, fakes, *PLACES, people=people(1, 2))
    for _ in range(2):
        sent(world)
    said = world.settings()
    # She alone is left in the audience: the guard of empty audiences does not keep her there.
    world.people = people(2)
    world.build()
    sent(world)
    world.bury("c2")
    [erased], problems = ask_to_erase(
        said, world.warehouse, request_id="r1", customer_ids=("c2",), now=world.now, client=Clock().client()
    )
    assert problems == []
    assert (erased.status, sorted(erased.targets)) == ("done", sorted(said.sync_id(sync) for sync in said.syncs))
    # Under another id, with her address.
    world.people = {"c9": Customer(email=" P2@example.com")} | people(1)
    world.build()
    for _ in range(2):
        sent(world)
    for place in PLACES:
        is_right(world, place)
        assert set(world.wanted(place)) == {"c1"}


def test_an_erasure_that_google_only_accepted_is_open_until_it_says_done(tmp_path, fakes):
    world = new(tmp_path, fakes, "google", people=people(1, 2))
    for _ in range(2):
        sent(world)
    fakes.google.polls["remove"] = 2
    asked: list[str] = []
    for number in range(3):
        [erased], problems = ask_to_erase(
            world.settings(), world.warehouse, request_id="r1", customer_ids=("c2",), now=world.now,
            client=Clock().client(),
        )  # fmt: skip
        asked.append(erased.status)
        assert ("has not said yet that it is done" in "".join(problems)) == (number < 2)
    assert asked == ["open", "open", "done"]
    assert len([job for job in fakes.google.jobs.values() if job.verb == "remove"]) == 1


def test_two_runs_at_once_one_says_who_has_the_ledger(tmp_path, fakes):
    world = new(tmp_path, fakes, *PLACES, people=people(1))
    line = Line(None)
    with locked(ledger_path(world.settings()), utc_now()), pytest.raises(LockedError, match="process"):
        sent(world, line)
    assert line.count == 0


@pytest.mark.parametrize("place", ["webhook", "klaviyo", "meta", "google"])
def test_a_run_that_crashes_says_so_afterwards(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1))
    with pytest.raises(CrashError):
        sent(world, Line(None, (Stumble(0, 99, "crash"),)))
    sent(world)
    with duckdb.connect(ledger_path(world.settings())) as connection:
        runs = connection.execute("select status from sync_run order by started_at").fetchall()
    assert runs[0] == ("killed",)
