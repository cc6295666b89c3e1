"""Which mutants are noticed: each is run in place of its model, and what its consumers make of it is looked at.

The shops' marts agree with the independent reference, column by column, before any model is changed; a mutant is
noticed where a column that the reference knows, or a reason, is no longer what it was. Columns of which nobody else has
an opinion are seen only through the models that read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from project.harness import DATABASE, PLACEHOLDER_DATE, Model, Project

from .mutants import Mutant

MUTANTS = "mutants"
TOO_MANY_ROWS = 10_000


@dataclass(frozen=True)
class Case:
    """One built shop, the date it is looked at, and the columns of each mart that somebody else has computed too."""

    name: str
    path: Path
    """The database file, with every model built as a table."""
    as_of: str
    known_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    given_models: frozenset[str] = frozenset()
    """Models that hold what the case says instead of what they compute."""


@dataclass(frozen=True)
class Content:
    """What a table holds, in one number for all columns and one for the known ones."""

    row_count: int
    all_columns: int | None
    known_columns: int | None


class TooManyRowsError(Exception):
    """A mutant joins everybody with everybody: whoever reads that takes minutes. A smaller shop has to notice it."""


class MutantRunner:
    """One built shop in which models can be replaced; the mutants' tables lie in memory beside its file."""

    def __init__(self, project: Project, case: Case) -> None:
        self.project = project
        self.case = case
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute(f"attach '{case.path}' as {DATABASE} (read_only)")
        self.connection.execute(f"attach ':memory:' as {MUTANTS}")
        self.connection.execute(f"use {DATABASE}")
        self.unchanged: dict[str, tuple[Mapping[str, str], Content]] = {}
        self.consumers: dict[str, list[Model]] = {}

    def notices(self, mutant: Mutant) -> bool:
        """Whether any known column of any mart is different, or a model cannot be built any more."""
        changed: set[str] = set()
        model = self.project.by_name[mutant.model]
        try:
            if self._is_noticed(model, mutant.sql.replace(PLACEHOLDER_DATE, self.case.as_of), changed):
                return True
            for consumer in self._consumers(mutant.model) if changed else ():
                if changed.intersection(consumer.parents) and self._is_noticed(
                    consumer, self._reading(consumer, changed), changed
                ):
                    return True
        except TooManyRowsError:
            return False
        except duckdb.Error:
            return True
        return False

    def _consumers(self, name: str) -> list[Model]:
        """Those by way of which a known column may become another one, parents first.

        Not by way of the Python models: what is learnt from other purchases is something else, but nobody says what.
        """
        if name not in self.consumers:
            found: list[Model] = []
            for model in reversed(self.project.consumers(name)):
                is_computed = not model.is_python and model.name not in self.case.given_models
                is_read = any(model.name in reader.parents for reader in found)
                if is_computed and (is_read or self.case.known_columns.get(model.name)):
                    found.append(model)
            self.consumers[name] = found[::-1]
        return self.consumers[name]

    def _reading(self, model: Model, changed: Iterable[str]) -> str:
        sql = model.sql_as_of(self.case.as_of)
        for name in changed:
            parent = self.project.by_name[name]
            # With the database's name in front or without: dbt writes it or not.
            sql, count = re.subn(rf'("{DATABASE}"\.)?"{parent.schema}"\."{name}"', _mutant_relation(name), sql)
            if name in model.parents and not count:
                raise AssertionError(f"{model.name} reads {name}, but its compiled SQL does not say so")
        return sql

    def _is_noticed(self, model: Model, sql: str, changed: set[str]) -> bool:
        mutated = _mutant_relation(model.name)
        self.connection.execute(f"create or replace table {mutated} as\n{sql}")
        known = self.case.known_columns.get(model.name, ())
        if model.name not in self.unchanged:
            types = self._types(model.relation)
            self.unchanged[model.name] = types, self._content(model.relation, types, known)
        types, before = self.unchanged[model.name]
        after = self._content(mutated, types, known)
        if after == before:
            return False
        if after.row_count > max(TOO_MANY_ROWS, before.row_count):
            raise TooManyRowsError(f"{model.name} has {after.row_count} rows instead of {before.row_count}")
        # Equal values of different types have different hashes.
        if self._types(mutated) != types:
            if self._is_same(model, list(types)):
                return False
            changed.add(model.name)
            return bool(known) and not self._is_same(model, known)
        changed.add(model.name)
        return bool(known) and (after.row_count, after.known_columns) != (before.row_count, before.known_columns)

    def _types(self, relation: str) -> dict[str, str]:
        return {name: str(kind) for name, kind, *_ in self.connection.execute(f"describe {relation}").fetchall()}

    def _content(self, relation: str, columns: Iterable[str], known: Sequence[str]) -> Content:
        sums = (f"sum(hash({', '.join(names)}))" if names else "null" for names in (columns, known))
        [row] = self.connection.execute(f"select count(*), {', '.join(sums)} from {relation}").fetchall()
        return Content(*row)

    def _is_same(self, model: Model, columns: Sequence[str]) -> bool:
        listed = ", ".join(columns)
        mutated = _mutant_relation(model.name)
        [(same,)] = self.connection.execute(
            f"select (select count(*) from {mutated}) = (select count(*) from {model.relation}) and not exists ("
            f"select {listed} from {model.relation} except all select {listed} from {mutated})"
        ).fetchall()
        return bool(same)


def _mutant_relation(name: str) -> str:
    return f'"{MUTANTS}"."main"."{name}"'


class Shops:
    """The shops in which a process tries its mutants."""

    def __init__(self, project: Project, cases: Sequence[Case]) -> None:
        self.runners = [MutantRunner(project, case) for case in cases]
        self.orders: dict[tuple[str, str], list[MutantRunner]] = {}

    def notice(self, mutant: Mutant) -> bool:
        """Whether any shop notices it.

        What notices one mutant often notices the next one of the same place: that shop is asked first. The order
        decides how long it takes, not what is found.
        """
        order = self.orders.setdefault((mutant.model, mutant.place), list(self.runners))
        for position, runner in enumerate(order):
            if runner.notices(mutant):
                order.insert(0, order.pop(position))
                return True
        return False


# Each process of the pool has its own.
_shops: list[Shops] = []


def _open_shops(project: Project, cases: Sequence[Case]) -> None:
    _shops[:] = [Shops(project, cases)]


def _is_noticed(mutant: Mutant) -> bool:
    return _shops[0].notice(mutant)


def noticed_by(project: Project, cases: Sequence[Case], mutants: Sequence[Mutant], processes: int = 2) -> set[Mutant]:
    """The mutants that some case notices."""
    with ProcessPoolExecutor(processes, initializer=_open_shops, initargs=(project, cases)) as pool:
        noticed = list(pool.map(_is_noticed, mutants, chunksize=8))
    return {mutant for mutant, found in zip(mutants, noticed, strict=True) if found}
