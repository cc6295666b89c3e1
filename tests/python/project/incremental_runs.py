"""Builds on top of builds, each held against a rebuild from nothing of the same landing rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from regulars.load.landing import create_tables

from .comparison import differences
from .dbt_runs import run_dbt
from .harness import Shop, Warehouse, append_rows

# The memory of past builds, which a database built from nothing cannot have.
MEMORY = {
    "customer_rfm": ("previous_rfm_tier", "rfm_tier_changed_on"),
    "customer_segments": ("previous_rfm_tier", "rfm_tier_changed_on"),
}


class IncrementalWarehouse:
    """A database file that real dbt builds again and again."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path = path
        self.scratch = scratch
        with duckdb.connect(str(path)) as connection:
            create_tables(connection)
        self.dbt("seed")

    def dbt(self, command: str, *arguments: str, variables: dict[str, Any] | None = None) -> None:
        run_dbt(command, *arguments, database=self.path, scratch=self.scratch, variables=variables)

    def load(self, shop: Shop) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            for table, rows in shop.items():
                append_rows(connection, table, rows)

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection

    def differences(self, fresh: Warehouse) -> list[str]:
        """What the marts hold that a rebuild of the same rows as of the same date does not, and the other way round."""
        fresh.copy_landing(self.path)
        fresh.copy_python_models(self.path)
        with self.connected() as connection:
            (as_of,) = connection.execute("select as_of_date from intermediate.int_as_of").fetchall()[0]
            fresh.build(as_of, keeps_python_models=True)
            stands = {model.name: _content(connection, model.name) for model in fresh.project.marts}
        should = {model.name: _content(fresh.connection, model.name) for model in fresh.project.marts}
        return differences(stands, should)


def _content(connection: duckdb.DuckDBPyConnection, mart: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    names = [name for name, *_ in connection.execute(f"describe marts.{mart}").fetchall()]
    kept = [name for name in names if name not in MEMORY.get(mart, ())]
    return kept, connection.execute(f"select {', '.join(kept)} from marts.{mart}").fetchall()
