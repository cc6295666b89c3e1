"""The project's compiled SQL, run straight in DuckDB: a whole rebuild of a tiny shop in a fraction of a second.

dbt compiles every model once. A `Warehouse` then holds the landing tables, fills them from rows a test made up, and
executes the compiled selects in the order of the graph, for any as-of date.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from regulars.load.landing import LOADED_AT, TABLES, TABLES_BY_NAME, create_tables

from .dbt_runs import PROJECT, run_dbt
from .stand_ins import STAND_INS

DATABASE = "regulars"

# Compiled in place of the as-of date, and replaced by the date of each rebuild. It stands in one model only.
PLACEHOLDER_DATE = "2999-12-31"

Row = dict[str, Any]
Shop = dict[str, list[Row]]

IN_MEMORY = ":memory:"
FIRST_LOAD = "2020-01-01 00:00:00+00"


@dataclass(frozen=True)
class Model:
    """One compiled model."""

    name: str
    schema: str
    materialized: str
    sql: str
    parents: tuple[str, ...]
    """Names of the models it reads."""
    is_python: bool = False
    """Its SQL is a stand-in (see `stand_ins`)."""

    @property
    def relation(self) -> str:
        return f'"{DATABASE}"."{self.schema}"."{self.name}"'

    def sql_as_of(self, as_of: str) -> str:
        return self.sql.replace(PLACEHOLDER_DATE, as_of)


@dataclass(frozen=True)
class Project:
    """Every model, parents before children, and the seeds with their declared types."""

    models: tuple[Model, ...]
    seeds: tuple[tuple[str, dict[str, str]], ...]

    @cached_property
    def by_name(self) -> dict[str, Model]:
        return {model.name: model for model in self.models}

    @cached_property
    def marts(self) -> tuple[Model, ...]:
        return tuple(model for model in self.models if model.schema == "marts")

    def with_sql(self, name: str, sql: str) -> Project:
        """The same project in which this model is something else."""
        models = tuple(replace(model, sql=sql) if model.name == name else model for model in self.models)
        return replace(self, models=models)

    def consumers(self, name: str) -> tuple[Model, ...]:
        """The models that read it, directly or through others, parents first."""
        reached = {name}
        found = []
        for model in self.models:
            if reached.intersection(model.parents):
                reached.add(model.name)
                found.append(model)
        return tuple(found)


def compile_project(scratch: Path, variables: Mapping[str, Any] | None = None) -> Project:
    """Compile with dbt against an empty warehouse, so that no model is incremental."""
    scratch.mkdir(parents=True, exist_ok=True)
    database = scratch / f"{DATABASE}.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        create_tables(connection)
    run_dbt(
        "compile", database=database, scratch=scratch, variables={"as_of_date": PLACEHOLDER_DATE, **(variables or {})}
    )
    manifest = json.loads((scratch / "target" / "manifest.json").read_text(encoding="utf-8"))
    nodes = {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["enabled"] and not _is_of_audiences(node)
    }
    ordered = _parents_first({key: _model_parents(node, nodes) for key, node in nodes.items()})
    models = tuple(
        Model(
            name=nodes[key]["name"],
            schema=nodes[key]["schema"],
            materialized=nodes[key]["config"]["materialized"],
            sql=STAND_INS[nodes[key]["name"]] if nodes[key]["language"] == "python" else nodes[key]["compiled_code"],
            parents=tuple(nodes[parent]["name"] for parent in _model_parents(nodes[key], nodes)),
            is_python=nodes[key]["language"] == "python",
        )
        for key in ordered
    )
    dated = [model.name for model in models if PLACEHOLDER_DATE in model.sql]
    if dated != ["int_as_of"]:
        raise AssertionError(f"the as-of date is compiled into {dated}; it belongs into int_as_of alone")
    seeds = tuple(
        (node["name"], node["config"]["column_types"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "seed"
    )
    return Project(models, seeds)


def _is_of_audiences(node: dict[str, Any]) -> bool:
    """Audiences are read by no segment; their own tests are in tests/python/audiences."""
    return "audiences" in node["fqn"] or node["name"] == "experiment_results"


def _model_parents(node: dict[str, Any], nodes: dict[str, Any]) -> list[str]:
    return sorted({parent for parent in node["depends_on"]["nodes"] if parent in nodes})


def _parents_first(parents: dict[str, list[str]]) -> list[str]:
    ordered: list[str] = []
    waiting = dict(sorted(parents.items()))
    while waiting:
        ready = [key for key, needed in waiting.items() if all(parent in ordered for parent in needed)]
        ordered += ready
        for key in ready:
            del waiting[key]
    return ordered


def arrow_rows(table_name: str, rows: Iterable[Row]) -> pa.Table:
    """Landing rows as text columns, for DuckDB to cast on insert. What a row does not name is null."""
    names = [*TABLES_BY_NAME[table_name].column_names, LOADED_AT]
    kept = list(rows)
    unknown = {name for row in kept for name in row} - set(names)
    if unknown:
        raise KeyError(f"raw.{table_name} has no column {sorted(unknown)}")
    columns = {
        name: pa.array([_text(row.get(name, FIRST_LOAD if name == LOADED_AT else None)) for row in kept], pa.string())
        for name in names
    }
    return pa.table(columns)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def append_rows(connection: duckdb.DuckDBPyConnection, table_name: str, rows: Iterable[Row]) -> None:
    """Add landing rows to a table."""
    table = arrow_rows(table_name, rows)
    if not table.num_rows:
        return
    casts = ", ".join(
        f'cast("{column.name}" as {column.sql_type}) as "{column.name}"'
        for column in TABLES_BY_NAME[table_name].columns
    )
    connection.register("new_rows", table)
    connection.execute(
        f"insert into raw.{table_name} by name"
        f" select {casts}, cast({LOADED_AT} as timestamptz) as {LOADED_AT} from new_rows"
    )
    connection.unregister("new_rows")


class Warehouse:
    """A database with the landing tables, the seeds, and the models of a project; in memory, or in a file."""

    def __init__(self, project: Project, path: Path | None = None, *, only_tables: bool = False) -> None:
        self.project = project
        self.only_tables = only_tables
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute(f"attach '{path or IN_MEMORY}' as {DATABASE}")
        self.connection.execute(f"use {DATABASE}")
        create_tables(self.connection)
        self.connection.execute("create schema if not exists seeds")
        for name, types in project.seeds:
            path = PROJECT / "seeds" / f"{name}.csv"
            declared = ", ".join(f"'{column}': '{kind}'" for column, kind in types.items())
            self.connection.execute(
                f"create table seeds.{name} as select * from read_csv(?, header = true, types = {{{declared}}})",
                [str(path)],
            )
        for schema in sorted({model.schema for model in project.models}):
            self.connection.execute(f"create schema if not exists {schema}")

    def close(self) -> None:
        self.connection.close()

    def fill(self, shop: Shop) -> None:
        """Make the landing tables hold exactly these rows."""
        for table in TABLES:
            self.connection.execute(f"delete from {table.relation}")
            append_rows(self.connection, table.name, shop.get(table.name, []))

    def copy_landing(self, path: Path) -> None:
        """Take over the landing tables of a database file."""
        self.connection.execute(f"attach '{path}' as other (read_only)")
        for table in TABLES:
            self.connection.execute(f"delete from {table.relation}")
            self.connection.execute(f"insert into {table.relation} by name select * from other.{table.relation}")
        self.connection.execute("detach other")

    def copy_python_models(self, path: Path) -> None:
        """Take over what dbt's run of the Python models left in a database file."""
        self.connection.execute(f"attach '{path}' as other (read_only)")
        for model in self.project.models:
            if model.is_python:
                there = f"other.{model.schema}.{model.name}"
                self.connection.execute(f"create or replace table {model.relation} as select * from {there}")
        self.connection.execute("detach other")

    def build(
        self, as_of: str | datetime.date, models: Iterable[Model] | None = None, *, keeps_python_models: bool = False
    ) -> None:
        """Rebuild every model as of a date."""
        for model in self.project.models if models is None else models:
            if model.is_python and keeps_python_models:
                continue
            kind = "view" if model.materialized == "view" and not self.only_tables else "table"
            self.connection.execute(f"create or replace {kind} {model.relation} as\n{model.sql_as_of(str(as_of))}")

    def content(self, relation: str, without: Iterable[str] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Names of the columns, and every row in one fixed order."""
        names = [name for name, *_ in self.connection.execute(f"describe {relation}").fetchall()]
        kept = [name for name in names if name not in set(without)]
        rows = self.connection.execute(f"select {', '.join(kept)} from {relation} order by all").fetchall()
        return kept, rows

    def marts(self, without: Iterable[str] = ()) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
        """The content of every mart."""
        return {model.name: self.content(model.relation, without) for model in self.project.marts}

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement).fetchall()
