"""Random lives of a shop, with faults of every kind: in the end every place holds what the source says, and no more.

In CI a fixed set of lives runs. Many more, from any seed:

    REGULARS_PROPERTY_LIVES=20000 REGULARS_PROPERTY_SEED=1 pytest tests/python/publish/test_property.py

The ledger is in memory and outlives a crash as a file would, by its transactions: what a real file does is the business
of `test_kill.py`.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from adbc_driver_postgresql import dbapi
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from regulars.publish import ledger as ledger_module
from regulars.publish import run
from regulars.publish.erasure import Request, keep_request
from regulars.publish.fakes.google import Outcome
from regulars.publish.run import ask_to_erase, ledger_path, retry_rejected, run_syncs

from .postgres_server import quick_folder
from .shop import TABLES
from .world import (
    KINDS,
    PLACES,
    Brief,
    Clock,
    CrashError,
    Customer,
    Fakes,
    Line,
    Mapping,
    Stumble,
    World,
    emptied,
    fill,
    ledger_of,
    running_fakes,
    small_batches,
)

LIVES = int(os.environ.get("REGULARS_PROPERTY_LIVES", "0"))
SEED = int(os.environ.get("REGULARS_PROPERTY_SEED", "0"))
SHARES = {"files": 40, "webhook": 110, "postgres": 60, "klaviyo": 110, "meta": 110, "google": 110, "all": 20}
"""Lives of each place in CI, and of all places in one ledger."""
MOST_HEALING_RUNS = 12

CUSTOMERS = st.builds(
    Customer,
    tier=st.sampled_from(["gold", "silver", None]),
    amount=st.sampled_from(["12.5000", None]),
    email=st.sampled_from(["a@example.com", "B@example.com", "c@example.com", "d@example.com", "nowhere", None]),
    phone=st.sampled_from([None, None, "+45 20 11 22 33", "+4520112244"]),
    is_in=st.sampled_from([True, True, True, False]),
    has_email_consent=st.sampled_from([True, True, True, True, False, None]),
    has_ads_consent=st.sampled_from([True, True, True, True, False, None]),
)
NAMES = st.sampled_from(["c1", "c2", "c3", "c4", "c5"])
MAPPINGS = st.builds(
    Mapping,
    st.sampled_from([("rfm_tier", "net_revenue_amount"), ("rfm_tier",), ()]),
    st.sampled_from([("email", "phone"), ("email",)]),
)
STUMBLES = st.builds(Stumble, st.integers(0, 8), st.sampled_from([1, 1, 2, 60]), st.sampled_from(KINDS))


@dataclass(frozen=True, repr=False)
class Mood(Brief):
    """How the platforms behave in one run."""

    refuses_silver: bool = False
    polls: int = 0
    cancelled: int = 0
    has_failed: bool = False
    counts_otherwise: bool = False
    session_error: int = 0
    lost_rows: int = 0
    sessions_expire: bool = False
    is_late: bool = False
    polls_of_removals: int = 0


MOODS = st.one_of(
    st.just(Mood()),
    st.builds(
        Mood,
        st.booleans(),
        st.integers(0, 3),
        st.integers(0, 1),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0, 1870145, 1870148, 1870158, 1870159]),
        st.integers(0, 1),
        st.booleans(),
        st.booleans(),
        st.integers(0, 3),
    ),
)


@dataclass(frozen=True, repr=False)
class Day(Brief):
    """What happens until the next run, and how that goes."""

    changes: dict[str, Customer | None]
    mapping: Mapping | None = None
    erased: str = ""
    """Whose erasure is asked for: a customer id, or `a@example.com`."""
    erases_at_once: bool = False
    stumbles: tuple[Stumble, ...] = ()
    mood: Mood = Mood()
    crashes_at: int = 0
    """The statement of the ledger at which the process ends; 0: none."""
    force: bool = False
    hours: int = 0


DAYS = st.builds(
    Day,
    st.dictionaries(NAMES, st.one_of(CUSTOMERS, CUSTOMERS, CUSTOMERS, st.none()), max_size=4),
    st.one_of(st.none(), st.none(), st.none(), MAPPINGS),
    st.sampled_from([""] * 8 + ["c1", "c2", "a@example.com"]),
    st.booleans(),
    st.lists(STUMBLES, max_size=2).map(tuple),
    MOODS,
    st.one_of(st.just(0), st.integers(20, 110)),
    st.booleans(),
    st.sampled_from([0, 2, 48, 24 * 530]),
)


class Memory:
    """Stands in for `duckdb.connect` of the ledger: one connection, whose memory is the disk."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.connection.execute("attach ':memory:' as shop; use shop;" + TABLES + "use memory")
        self.count = self.crashes_at = 0
        self.has_tables = False

    def connect(self, path: Path) -> "Memory":
        path.touch()
        return self

    def execute(self, statement: str, *values: Any) -> Any:
        if statement.startswith("attach ") or (self.has_tables and "create table if not exists" in statement):
            return self.connection
        self.count += 1
        if self.count == self.crashes_at:
            raise CrashError
        return self.connection.execute(statement, *values)

    def close(self) -> None:
        self.has_tables = True
        with suppress(duckdb.Error):
            self.connection.execute("rollback")

    def forget(self) -> None:
        if self.has_tables:
            for (name,) in self.connection.execute(
                "select table_name from duckdb_tables() where database_name = 'memory' and not temporary"
            ).fetchall():
                self.connection.execute(f"delete from {name}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


class Stumbling:
    """A connection to PostgreSQL on which commits stumble."""

    def __init__(self, real: Any, kind: str) -> None:
        self.real, self.kind = real, kind

    def commit(self) -> None:
        if self.kind == "crash":
            raise CrashError
        if self.kind in {"503", "429", "429 date", "proxy", "no connection"}:
            raise dbapi.OperationalError("broken", status_code=10)
        self.real.commit()
        if self.kind == "crash after":
            raise CrashError
        if self.kind:
            raise dbapi.OperationalError("broken", status_code=10)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@dataclass
class Stage:
    """What all lives share."""

    fakes: Fakes
    memory: Memory
    folder: Path
    line: Line

    def new_line(self, *stumbles: Stumble) -> None:
        self.line.stumbles, self.line.count = stumbles, 0


@contextmanager
def stage(postgres: Any) -> Iterator[Stage]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        fakes = stack.enter_context(running_fakes(postgres, patch.setenv))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=quick_folder())))
        memory = Memory()
        patch.setattr(ledger_module, "duckdb", SimpleNamespace(connect=memory.connect, Error=duckdb.Error))
        patch.setattr(run, "write_tables", lambda *_: "")
        patch.setattr(run, "destination_of", small_batches)
        patch.setattr(os, "fsync", lambda _: None)
        found = Stage(fakes, memory, folder, Line(Clock().client()._pool))
        connect = dbapi.connect

        def stumbling(*words: Any, **more: Any) -> Any:
            kind = found.line.next_kind()
            if kind == "401":
                raise dbapi.OperationalError("password authentication failed", status_code=10)
            return Stumbling(connect(*words, **more), kind)

        patch.setattr(dbapi, "connect", stumbling)
        yield found


STAGES: dict[str, Stage] = {}


@pytest.fixture(scope="module", autouse=True)
def _stage(request: pytest.FixtureRequest) -> Iterator[None]:
    with stage(request.getfixturevalue("postgres")) as found:
        STAGES["one"] = found
        yield
        STAGES.clear()


def behaves(fakes: Fakes, mood: Mood) -> None:
    """The platforms, in a mood."""
    fakes.behave()
    if mood.refuses_silver:
        fakes.webhook.refuse = lambda row: "silver" if row.get("properties", {}).get("rfm_tier") == "silver" else ""
        fakes.klaviyo.refuse = lambda one: "properties" if one.get("properties", {}).get("rfm_tier") == "silver" else ""
    fakes.klaviyo.polls_until_done = fakes.google.processing_polls = mood.polls
    fakes.klaviyo.cancelled_jobs = mood.cancelled
    fakes.meta.lost_rows = mood.lost_rows
    fakes.google.is_late = mood.is_late
    if mood.is_late:
        fakes.google.polls["remove"] = mood.polls_of_removals
    if mood.has_failed:
        fakes.google.outcomes.append(Outcome("FAILED"))
    if mood.counts_otherwise:
        fakes.google.outcomes.append(Outcome(record_count=99))
    if mood.session_error:
        fakes.meta.session_errors.append(mood.session_error)
    if mood.sessions_expire:
        fakes.meta.expire_sessions()


def sends(scene: Stage, world: World, *, force: bool, **more: Any) -> run.Applied:
    """One run of all syncs; its counts reconcile."""
    said = world.settings()
    client = Clock().client(scene.line)
    results = run_syncs(said, world.warehouse, list(said.syncs), force=force, now=world.now, client=client, **more)
    for result in results:
        assert result.planned == result.acknowledged + result.rejected + result.pending, result
        assert min(result.planned, result.acknowledged, result.rejected, result.pending) >= 0, result
    return results


def lives(scene: Stage, world: World, day: Day) -> None:
    """One day: the world moves, then a run, which may end in the middle."""
    for customer_id, person in day.changes.items():
        world.people.pop(customer_id, None)
        if person is not None:
            world.people[customer_id] = person
    world.mapping = day.mapping or world.mapping
    world.moment += timedelta(hours=day.hours)
    fill(scene.memory.connection, world.people)
    behaves(scene.fakes, day.mood)
    scene.new_line(*day.stumbles)
    crashes_at = day.crashes_at
    with suppress(CrashError):
        if day.erased:
            crashes_at = 0
            erases(scene, world, day)
        scene.memory.count, scene.memory.crashes_at = 0, crashes_at
        sends(scene, world, force=day.force)
    scene.memory.crashes_at = 0


def erases(scene: Stage, world: World, day: Day) -> None:
    """Somebody asks to be erased, by her id or by an address."""
    said = world.settings()
    is_email = "@" in day.erased
    named = [day.erased] if not is_email else [
        name for name, person in world.people.items() if (person.email or "").lower() == day.erased
    ]  # fmt: skip
    if is_email and not named:
        # Nobody has it now: it means who had it when she was sent.
        query = "select customer_id from {} where strpos(sent_as, sha256(?)) > 0"
        for table in ("sync_state", "sync_batch_row"):
            found = scene.memory.connection.execute(query.format(table), [day.erased]).fetchall()
            named += [name for (name,) in found]
    world.bury(*named)
    if is_email:
        world.tombstones.add(f"email:{day.erased}")
    request_id = f"r{world.now():%Y%m%d%H%M%S}"
    customer_ids = () if is_email else (day.erased,)
    email = day.erased if is_email else ""
    if day.erases_at_once:
        ask_to_erase(
            said, world.warehouse, request_id=request_id, customer_ids=customer_ids, email=email, now=world.now,
            client=Clock().client(scene.line),
        )  # fmt: skip
    else:
        keep_request(ledger_path(said), Request(request_id, "2026-03-01 00:00:00", customer_ids, email))


def heals(scene: Stage, world: World) -> None:
    """Nothing goes wrong any more; after some runs, everything is as it should be, and the next run does nothing."""
    scene.fakes.behave()
    for job in scene.fakes.klaviyo.jobs.values():
        job.polls_left = 0
    for left in scene.fakes.google.jobs.values():
        left.polls_left = 0
    scene.new_line()
    said = world.settings()
    for _ in range(MOST_HEALING_RUNS):
        retry_rejected(said, list(said.syncs), world.now)
        results = sends(scene, world, force=True)
        is_over = not any(one.acknowledged or one.replayed or one.pending or one.message for one in results)
        if is_over and not results.erasures_left:
            break
    else:
        raise AssertionError(f"never done: {results}")
    assert scene.fakes.problems == []
    for sync in said.syncs:
        there, rejected = ledger_of(scene.memory.connection, said.sync_id(sync))
        world.check(sync.destination, there, rejected)
    assert list((world.folder / "ledger.duckdb.spool").glob("*")) == []
    assert list((world.folder / "ledger.duckdb.erasures").glob("*")) == []
    assert scene.memory.connection.execute("select count(*) from sync_batch_row").fetchall() == [(0,)]
    left = scene.memory.connection.execute("select * from sync_batch where status in ('sent', 'unknown', 'accepted')")
    assert left.fetchall() == []
    opened = "select * from erasure_request where status <> 'done'"
    assert scene.memory.connection.execute(opened).fetchall() == []
    scene.new_line()
    again = sends(scene, world, force=False)
    assert [(result.planned, result.requests, result.message) for result in again] == [(0, 0, "")] * len(again)
    assert scene.line.count == 0


def lived(days: list[Day], places: tuple[str, ...]) -> None:
    """A whole life."""
    scene = STAGES["one"]
    scene.fakes.reset()
    scene.memory.forget()
    world = World(emptied(scene.folder / "world"), scene.fakes, places)
    world.warehouse.touch()
    for day in days:
        lives(scene, world, day)
    heals(scene, world)


def property_of(place: str) -> Any:
    """The property at one place, or at all places in one ledger."""
    share = SHARES[place]
    count = round(LIVES * share / sum(SHARES.values())) if LIVES else share
    places = PLACES if place == "all" else (place,)

    @settings(
        max_examples=max(count, 1),
        deadline=None,
        derandomize=not LIVES,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,) if LIVES else (Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @given(days=st.lists(DAYS, min_size=1, max_size=4))
    def found(days: list[Day]) -> None:
        lived(days, places)

    return seed(SEED)(found) if LIVES else found


@pytest.mark.parametrize("place", SHARES)
def test_guarantee_8_after_faults_stop_the_destination_equals_the_source(place: str) -> None:
    property_of(place)()
