"""A batch that never gets a clear answer holds up nobody for ever, loses no removal, and is said to be given up."""

from datetime import timedelta
from functools import partial

import duckdb
import pytest

from regulars.publish.apply import GIVEN_UP, LAST_RETRY, MOST_ATTEMPTS
from regulars.publish.destinations import Answer
from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.fakes.google import Outcome
from regulars.publish.fakes.webhook import Fault
from regulars.publish.run import ask_to_erase, ledger_path, run_syncs
from regulars.publish.status import read_status

from . import world as places
from .world import Clock, Customer, World, ledger_of, people


def new(tmp_path, fakes, place, *numbers):
    fakes.reset()
    world = World(tmp_path, fakes, (place,), people(*numbers))
    world.build()
    return world


def sent(world):
    said = world.settings()
    [result] = run_syncs(said, world.warehouse, list(said.syncs), now=world.now, client=Clock().client())
    return result


def is_right(world, place, rejected=frozenset()):
    said = world.settings()
    with duckdb.connect(ledger_path(said), read_only=True) as connection:
        there, listed = ledger_of(connection, said.sync_id(said.syncs[0]))
    assert listed == set(rejected)
    world.check(place, there, listed)


def until_given_up(world, before=lambda: None):
    """A run each day, until one gives up; its result."""
    for _ in range(20):
        world.moment += timedelta(days=1)
        before()
        result = sent(world)
        if "given up" in result.message:
            return result
        assert result.acknowledged == 0
    raise AssertionError("never given up")


def test_rows_that_meta_never_receives_do_not_keep_a_withdrawal_from_being_removed(tmp_path, fakes):
    world = new(tmp_path, fakes, "meta", 1, 2, 3)
    sent(world)
    fakes.meta.lost_rows = 1
    world.people |= people(4)
    world.build()
    assert sent(world).pending == 1
    world.people |= people(1, has_ads_consent=False)
    world.build()

    for _ in range(MOST_ATTEMPTS - 1):
        fakes.meta.lost_rows = 1
        assert (sent(world).acknowledged, fakes.meta.lost_rows) == (0, 0)
    result = sent(world)
    assert (result.acknowledged, result.rejected, result.codes) == (1, 1, {GIVEN_UP: 1})
    assert result.planned == result.acknowledged + result.rejected + result.pending
    [audience] = fakes.meta.audiences.values()
    assert set(audience.members.values()) == {"c2", "c3"}
    world.moment += timedelta(hours=2)
    assert sent(world).is_done
    is_right(world, "meta")


def test_a_withdrawal_is_removed_although_her_own_batch_was_given_up(tmp_path, fakes):
    """She is taken to be there with who knows what."""
    world = new(tmp_path, fakes, "meta", 1, 2)
    sent(world)
    world.people |= people(4)
    world.build()
    for _ in range(MOST_ATTEMPTS):
        fakes.meta.lost_rows = 1
        sent(world)
    assert "given up" in sent(world).message
    world.people |= people(4, has_ads_consent=False)
    world.build()
    assert sent(world).is_done
    is_right(world, "meta")


def test_a_removal_of_which_google_does_only_a_part_lets_others_through_and_is_never_lost(tmp_path, fakes):
    world = new(tmp_path, fakes, "google", 1, 2, 3)
    sent(world)
    world.people |= people(1, has_ads_consent=False) | people(9)
    world.build()

    does_a_part = partial(fakes.google.outcomes.__setitem__, slice(None), [Outcome("PARTIAL_SUCCESS", left_out=1)])
    for _ in range(MOST_ATTEMPTS):
        does_a_part()
        assert sent(world).acknowledged == 0
    fakes.google.outcomes.clear()
    result = sent(world)
    # Whom to add is added, whom to remove comes back.
    assert (result.acknowledged, result.codes) == (1, {GIVEN_UP: 1})
    # For months: more often than any other row is tried.
    for _ in range(LAST_RETRY + 1):
        assert until_given_up(world, does_a_part).codes == {GIVEN_UP: 1}
    fakes.google.outcomes.clear()
    world.moment += timedelta(days=9)
    for _ in range(3):
        result = sent(world)
    assert result.is_done
    is_right(world, "google")


def test_an_erasure_is_not_open_for_ever_behind_a_removal_that_is_never_done(tmp_path, fakes):
    world = new(tmp_path, fakes, "google", 1, 2, 3)
    sent(world)
    world.people |= people(1, has_ads_consent=False)
    world.build()
    does_a_part = partial(fakes.google.outcomes.__setitem__, slice(None), [Outcome("PARTIAL_SUCCESS", left_out=1)])
    until_given_up(world, does_a_part)
    fakes.google.outcomes.clear()
    for asked in ({"request_id": "r1", "customer_ids": ("c1",)}, {"request_id": "", "customer_ids": ()}):
        ask_to_erase(world.settings(), world.warehouse, **asked, now=world.now, client=Clock().client())
    [erased] = read_status(world.settings())[1]
    assert erased.status == "done"


@pytest.mark.parametrize("code", ["errors_missing", "error_without_row", "job_cancelled"])
def test_an_import_that_klaviyo_never_explains_is_given_up(tmp_path, fakes, monkeypatch, code):
    world = new(tmp_path, fakes, "klaviyo", 1, 2)
    sent(world)
    world.people |= people(3)
    world.build()
    real = KlaviyoDestination.poll
    monkeypatch.setattr(KlaviyoDestination, "poll", lambda *_: Answer("unknown", code=code))
    result = until_given_up(world)
    assert result.codes == {GIVEN_UP: 1}
    assert code in result.message
    monkeypatch.setattr(KlaviyoDestination, "poll", real)
    world.moment += timedelta(hours=2)
    assert sent(world).is_done
    is_right(world, "klaviyo")


def test_of_many_in_a_batch_only_who_is_to_blame_stays_behind(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "meta", *range(100, 160))
    real = MetaDestination.send

    def poisoned(self, batch, body):
        is_hers = b'"c133"' in body
        return Answer("unknown", code="fewer_received") if is_hers else real(self, batch, body)

    monkeypatch.setattr(MetaDestination, "send", poisoned)
    said = world.settings()
    for _ in range(80):
        world.moment += timedelta(hours=6)
        result = sent(world)
        with duckdb.connect(ledger_path(said), read_only=True) as connection:
            _, listed = ledger_of(connection, said.sync_id(said.syncs[0]))
    [audience] = fakes.meta.audiences.values()
    assert len(audience.members) == 59
    assert listed == {"c133"}
    assert result.rejected + result.pending <= 1


@pytest.fixture
def hook_world(tmp_path, fakes, monkeypatch):
    """Two hundred people, to be sent in one request."""
    hook = places.DESTINATIONS["webhook"].replace("rows_per_batch: 2", "rows_per_batch: 500")
    monkeypatch.setitem(places.DESTINATIONS, "webhook", hook)
    return new(tmp_path, fakes, "webhook", *range(200, 400))


def test_a_receiver_that_refuses_whatever_is_sent_as_too_large_is_asked_a_few_times(fakes, hook_world):
    fakes.webhook.faults = [Fault(413)] * 1000
    result = sent(hook_world)
    assert (result.acknowledged, result.rejected, result.pending) == (0, 0, 200)
    assert result.requests < 12
    assert "not even one row of ordinary size; is there a proxy" in result.message
    fakes.webhook.faults.clear()
    assert sent(hook_world).is_done


@pytest.mark.parametrize(("tier", "limit"), [("x" * 20_000, 15_000), ("x" * 2_000, 1_500)])
@pytest.mark.parametrize("customer_id", ["c200", "c333"])
def test_one_row_that_is_really_too_large_is_rejected_alone(fakes, hook_world, monkeypatch, customer_id, tier, limit):
    monkeypatch.setattr(fakes.webhook, "largest_body", limit)
    hook_world.people |= {customer_id: Customer(tier=tier)}
    hook_world.build()
    result = sent(hook_world)
    assert (result.acknowledged, result.codes, result.message) == (199, {"413": 1}, "")
    assert set(fakes.webhook.people["loyal"]) == set(hook_world.people) - {customer_id}
