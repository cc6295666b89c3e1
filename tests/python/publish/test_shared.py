"""What people share — an address, a property that was once sent — is neither lost nor left behind."""

from pathlib import Path

import pytest

from regulars.publish import run
from regulars.publish.erasure import Request, keep_request
from regulars.publish.run import ledger_path, run_syncs

from .world import Clock, CrashError, Customer, Fakes, Mapping, World


def sent(world: World, **more) -> list[run.Result]:
    world.build()
    said = world.settings()
    return run_syncs(
        said, world.warehouse, list(said.syncs), force=True, now=world.now, client=Clock().client(), **more
    )


def new(tmp_path: Path, fakes: Fakes, place: str) -> World:
    fakes.reset()
    return World(tmp_path, fakes, (place,))


def there(world: World) -> set[str]:
    if world.places == ("google",):
        return set(world.fakes.google.lists["1"])
    return {one for audience in world.fakes.meta.audiences.values() for one in audience.members}


@pytest.mark.parametrize("place", ["meta", "google"])
@pytest.mark.parametrize(
    ("others_before", "others_now"),
    [("c@example.com", "a@example.com"), ("a@example.com", "a@example.com")],
    ids=["has it now", "shared it"],
)
def test_who_has_the_address_that_an_erased_person_had_stays(tmp_path, fakes, place, others_before, others_now):
    world = new(tmp_path, fakes, place)
    world.people = {"c1": Customer(email="a@example.com"), "c3": Customer(email=others_before)}
    sent(world)
    # Her address is a new one by now: only that is buried.
    world.people = {"c1": Customer(email="new@example.com"), "c3": Customer(email=others_now)}
    world.build()
    keep_request(ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", ("c1",)))
    world.bury("c1")
    for _ in range(3):
        sent(world)
    assert there(world) == world.hashes(place)
    assert len(there(world)) == 1


def late(fakes: Fakes, *, removals: int, additions: int) -> None:
    """Google does what it was asked to when its status is told, after so many questions."""
    fakes.google.is_late = True
    fakes.google.polls = {"remove": removals, "ingest": additions}


def test_nobody_is_added_under_an_address_whose_removal_is_under_way(tmp_path, fakes):
    world = new(tmp_path, fakes, "google")
    world.people = {"c1": Customer(email="a@example.com"), "c2": Customer(email="b@example.com")}
    sent(world)
    late(fakes, removals=3, additions=0)
    world.people = {"c2": Customer(email="b@example.com"), "c3": Customer(email="a@example.com")}
    for _ in range(6):
        [result] = sent(world)
    assert there(world) == world.hashes("google")
    assert result.planned == 0


def test_an_address_is_not_removed_while_somebody_is_added_under_it(tmp_path, fakes):
    world = new(tmp_path, fakes, "google")
    world.people = {"c1": Customer(email="a@example.com"), "c2": Customer(email="b@example.com")}
    sent(world)
    late(fakes, removals=0, additions=4)
    world.people["c3"] = Customer(email="a@example.com")
    sent(world)
    del world.people["c1"]
    fakes.google.polls["remove"] = 9
    for _ in range(16):
        [result] = sent(world)
    assert there(world) == world.hashes("google")
    assert result.planned == 0


@pytest.mark.parametrize("place", ["meta", "google"])
def test_who_shares_an_address_with_somebody_who_leaves_is_sent_again_even_after_a_crash(
    tmp_path, fakes, monkeypatch, place
):
    world = new(tmp_path, fakes, place)
    world.people = {"c1": Customer(email="a@example.com"), "c2": Customer(email="a@example.com")}
    sent(world)
    del world.people["c1"]
    from regulars.publish.apply import Run

    with monkeypatch.context() as patch:
        waits = Run.wait_for_jobs
        patch.setattr(Run, "wait_for_jobs", lambda one: crashed(waits(one)))
        with pytest.raises(CrashError):
            sent(world)
    assert there(world) == set()
    for _ in range(3):
        sent(world)
    assert there(world) == world.hashes(place)
    assert len(there(world)) == 1


def crashed(_: int) -> int:
    raise CrashError


def test_a_property_that_was_once_sent_is_cleared_when_it_is_sent_again_without_a_value(tmp_path, fakes):
    world = new(tmp_path, fakes, "klaviyo")
    world.people = {"c1": Customer(tier="gold")}
    sent(world)
    world.mapping = Mapping(properties=("net_revenue_amount",))
    sent(world)
    world.mapping = Mapping()
    world.people = {"c1": Customer(tier=None)}
    sent(world)
    sent(world)
    profile = fakes.klaviyo.profile("c1")
    assert profile is not None
    assert profile.attributes["properties"] == {"net_revenue_amount": "12.5000"}
