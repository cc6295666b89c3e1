"""What the tests of publishing share."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path

import psycopg
import pytest

from regulars.publish.fakes.webhook import Receiver, receiver

from .postgres_server import Server, quick_folder, running_postgres
from .shop import SECRET, Shop
from .world import Fakes, running_fakes


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of a test's own, in memory if it can: a ledger is written and synced all the time."""
    with tempfile.TemporaryDirectory(prefix="regulars-", dir=quick_folder()) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of this worker; a test that uses it makes a schema of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Makes processes that are killed: copies of one that has imported all they need, so that each costs a fork."""
    context = multiprocessing.get_context("forkserver")
    kills = f"{__package__}.kills"
    context.set_forkserver_preload([kills])
    with pytest.MonkeyPatch.context() as patch:
        # Before 3.12.8 that process does not have our `sys.path`, and what it cannot find it leaves out without a word.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        # `exec`, which a child has without importing anything.
        first = context.Process(target=exec, args=(f"import sys; sys.exit({kills!r} not in sys.modules)",))
        first.start()
        first.join(60)
    assert first.exitcode == 0, "each child would import everything anew"
    return context


NUMBERS = count(1)


@pytest.fixture
def database(postgres: Server) -> str:
    """The address of a database of a test's own."""
    name = f"ledger_{next(NUMBERS)}"
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        session.execute(f"create database {name}")
    return postgres.url(database=name)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A receiver of webhooks that was sent nothing that is not as agreed."""
    with receiver(SECRET) as state:
        yield state
        assert state.problems == []


@pytest.fixture
def shop(tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch, ledger_url: str) -> Shop:
    """A shop that publishes to the receiver and to a folder, with either ledger."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return Shop(tmp_path, hook.url, ledger_url=ledger_url)


@pytest.fixture(params=["duckdb", "postgres"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """A test with it runs with either ledger: the address of the one in PostgreSQL, nothing for a DuckDB file."""
    return str(request.getfixturevalue("database")) if request.param == "postgres" else ""


@pytest.fixture(scope="module")
def fakes() -> Iterator[Fakes]:
    """All places but PostgreSQL, and their secrets in the environment."""
    with pytest.MonkeyPatch.context() as patch, running_fakes(None, patch.setenv) as found:
        yield found
