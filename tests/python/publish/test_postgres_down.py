"""A PostgreSQL that goes down in mid-merge, end to end: nobody is rejected for it, and the next run heals."""

import duckdb
import pytest

from regulars.publish.apply import LAST_RETRY
from regulars.publish.destinations.postgres import PostgresDestination
from regulars.publish.run import ledger_path, run_syncs

from .postgres_server import breaking_line
from .world import Customer, World, running_fakes


@pytest.fixture
def world(tmp_path, postgres, monkeypatch):
    with running_fakes(postgres, monkeypatch.setenv) as fakes:
        found = World(tmp_path, fakes, ("postgres",), {f"c{n}": Customer(email=f"p{n}@example.com") for n in range(3)})
        found.build()
        yield found


def sent(world):
    said = world.settings()
    [result] = run_syncs(said, world.warehouse, list(said.syncs), now=world.now)
    return result


def rejects(world):
    with duckdb.connect(ledger_path(world.settings())) as connection:
        return connection.execute("select * from sync_reject").fetchall()


def test_a_connection_that_breaks_in_mid_merge_rejects_nobody_and_a_rerun_heals_at_once(world, postgres, monkeypatch):
    # More often than a rejected row is tried.
    for _ in range(LAST_RETRY + 1):
        with breaking_line(postgres, b"FROM STDIN", is_delivered=False) as url:
            monkeypatch.setenv("WORLD_POSTGRES", url)
            result = sent(world)
        assert (result.acknowledged, result.rejected, result.pending) == (0, 0, 3)
        assert "the connection broke before anything was committed" in result.message
        assert rejects(world) == []
    monkeypatch.setenv("WORLD_POSTGRES", postgres.url())
    result = sent(world)
    assert (result.acknowledged, result.is_done) == (3, True)


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "57P03"])
def test_what_is_no_fault_of_a_row_rejects_none(world, monkeypatch, state):
    real = PostgresDestination.send
    monkeypatch.setattr(PostgresDestination, "send", lambda self, batch, body: self._undone(state, False))
    result = sent(world)
    assert (result.rejected, result.pending, bool(result.message)) == (0, 3, True)
    assert rejects(world) == []
    monkeypatch.setattr(PostgresDestination, "send", real)
    assert sent(world).is_done
