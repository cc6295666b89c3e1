"""Kill −9 at every transition of a batch, a file and an erasure, at every place; then run again: it heals.

`pytest -s tests/python/publish/test_kill.py` prints the matrix. Each cell kills a run that removes, adds, changes and
erases people, once at the first and once at a later time that it gets to the transition.
"""

import os
import shutil
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import duckdb
import pytest

from regulars.publish import run
from regulars.publish.erasure import Request, keep_request
from regulars.publish.run import ledger_path, run_syncs

from .kills import TRANSITIONS, runs
from .world import PLACES, Clock, Customer, Fakes, Line, World, ledger_of, running_fakes, small_batches

BEFORE = {f"c{number}": Customer(email=f"p{number}@example.com") for number in range(7)}
AFTER = {
    "c1": BEFORE["c1"],
    "c2": Customer(email="p2@example.com", tier="silver", amount=None),
    # Another address and a number; and somebody new with the address that she had, and one that two share.
    "c3": Customer(email="p3new@example.com", phone="+45 20 11 22 33"),
    "c4": BEFORE["c4"],
    "c5": Customer(email="p5@example.com", has_email_consent=False, has_ads_consent=False),
    "c6": BEFORE["c6"],
    "c7": Customer(email="p7@example.com"),
    "c8": Customer(email="p8@example.com"),
    "c9": Customer(email="p9@example.com"),
}
JOBS = frozenset({"klaviyo", "google"})
BATCHES = frozenset(PLACES) - {"files"}


def is_met(place: str, transition: str) -> bool:
    """Whether a run at that place ever gets there."""
    if "poll" in transition or "accepted" in transition:
        return place in JOBS
    if "file" in transition or "manifest" in transition:
        return place == "files"
    if "erasure" in transition or "ended" in transition:
        return True
    return place in BATCHES


@pytest.fixture(scope="module")
def fakes(request: pytest.FixtureRequest) -> Iterator[Fakes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "destination_of", small_batches)
        patch.setattr(os, "fsync", lambda _: None)
        with running_fakes(request.getfixturevalue("postgres"), patch.setenv) as found:
            yield found


def copied(source: Path, target: Path) -> None:
    """The shop as it was after its first run."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def heals(world: World, place: str) -> None:
    """Runs until nothing is left to do and nothing is asked, erasures' jobs included; then all is as it should be."""
    said = world.settings()
    line = Line(None)
    for _ in range(6):
        line.count = 0
        results = run_syncs(said, world.warehouse, list(said.syncs), force=True, client=Clock().client(line))
        for one in results:
            assert one.planned == one.acknowledged + one.rejected + one.pending
        is_over = not any(one.planned or one.replayed or one.message for one in results)
        if is_over and not line.count and not results.erasures_left:
            break
    else:
        raise AssertionError(results)
    assert [one.requests for one in results] == [0]
    assert world.fakes.problems == []
    with duckdb.connect(ledger_path(said)) as connection:
        there, rejected = ledger_of(connection, said.sync_id(said.syncs[0]))
        world.check(place, there, rejected)
        assert connection.execute("select status, count(*) from erasure_request group by 1").fetchall() == [("done", 1)]
        assert connection.execute("select count(*) from sync_batch_row").fetchall() == [(0,)]
        left = connection.execute("select count(*) from sync_batch where status in ('sent', 'unknown', 'accepted')")
        assert left.fetchall() == [(0,)]
        assert connection.execute("select count(*) from sync_run where status = 'running'").fetchall() == [(0,)]
    for name in ("spool", "erasures"):
        assert list((world.folder / f"ledger.duckdb.{name}").glob("*")) == []


@pytest.mark.parametrize("place", PLACES)
def test_guarantee_1_killed_at_any_transition_a_rerun_heals(
    fakes: Fakes, tmp_path: Path, forks: ForkServerContext, place: str
) -> None:
    secrets = {name: value for name, value in os.environ.items() if name.startswith("WORLD_")}
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    world = World(first, fakes, (place,))
    fakes.reset()
    world.people = dict(BEFORE)
    world.build()
    said = world.settings()
    [result] = run_syncs(said, world.warehouse, list(said.syncs), client=Clock().client())
    assert result.is_done
    saved = fakes.saved()
    world.people = dict(AFTER)
    world.build()
    keep_request(ledger_path(said), Request("r1", "2026-03-01 00:00:00", ("c4",)))
    lines = []
    for transition in TRANSITIONS:
        if not is_met(place, transition):
            continue
        times = 0
        for nth in (1,) if "erasure" in transition or "ended" in transition else (1, 3):
            fakes.restore(saved)
            copied(first, second)
            healed = World(second, fakes, (place,), dict(AFTER))
            healed.bury("c4")
            fakes.klaviyo.polls_until_done = fakes.google.processing_polls = int(nth == 3)
            child = forks.Process(target=runs, args=(str(second), secrets, transition, nth))
            child.start()
            child.join(60)
            assert child.exitcode in (-9, 0), (transition, child.exitcode)
            times += child.exitcode == -9
            fakes.klaviyo.polls_until_done = fakes.google.processing_polls = 0
            heals(healed, place)
        assert times, f"a run at {place} never gets there: {transition}"
        lines.append(f"{place:9} {transition:52} killed {times}×, healed")
    print("\n" + "\n".join(lines))
