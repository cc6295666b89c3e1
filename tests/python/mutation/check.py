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

import duckdb
from project.harness import DATABASE, PLACEHOLDER_DATE, Model, Project, Shop, Warehouse

from .mutants import Mutant

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Case:
    """One shop, the date it is looked at, and the columns of each mart that somebody else has computed as well."""

    name: str
    shop: Shop
    as_of: str
    known_columns: Columns = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    """Models that hold what a select says instead of what they compute."""
    seasons: Sequence[Mapping[str, str]] = ()
    """Rows of the seed peak_seasons."""


def build_case(warehouse: Warehouse, case: Case) -> None:
    """Fill and build a warehouse as the case wants it."""
    warehouse.fill(case.shop)
    for season in case.seasons:
        warehouse.connection.execute(
            f"insert into seeds.peak_seasons ({', '.join(season)}) values ({', '.join('?' for _ in season)})",
            list(season.values()),
        )
    warehouse.build(case.as_of)
    for name, select in case.tables.items():
        warehouse.connection.execute(f"create or replace table {warehouse.project.by_name[name].relation} as {select}")
        warehouse.build(case.as_of, warehouse.project.consumers(name))


class MutantRunner:
    """One built shop in which models can be replaced."""

    def __init__(self, project: Project, case: Case) -> None:
        self.project = project
        self.case = case
        self.warehouse = Warehouse(project, only_tables=True)
        build_case(self.warehouse, case)
        self.warehouse.connection.execute("create schema mutant")
        self.columns = {
            model.name: [name for name, *_ in self.warehouse.query(f"describe {model.relation}")]
            for model in project.models
        }

    def notices(self, mutant: Mutant) -> bool:
        """Whether any known column of any mart is different, or a model cannot be built any more."""
        changed: set[str] = set()
        model = self.project.by_name[mutant.model]
        try:
            if self._is_noticed(model, mutant.sql.replace(PLACEHOLDER_DATE, self.case.as_of), changed):
                return True
            for consumer in self.project.consumers(mutant.model):
                if consumer.name in self.case.tables:
                    continue
                if changed.intersection(consumer.parents) and self._is_noticed(
                    consumer, self._reading(consumer, changed), changed
                ):
                    return True
        except duckdb.Error:
            return True
        return False

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
        self.warehouse.connection.execute(f"create or replace table {_mutant_relation(model.name)} as\n{sql}")
        if self._is_same(model, self.columns[model.name]):
            return False
        changed.add(model.name)
        known = self.case.known_columns.get(model.name)
        return bool(known) and not self._is_same(model, known)

    def _is_same(self, model: Model, columns: Sequence[str]) -> bool:
        listed = ", ".join(columns)
        mutated = _mutant_relation(model.name)
        [(same,)] = self.warehouse.query(
            f"select (select count(*) from {mutated}) = (select count(*) from {model.relation}) and not exists ("
            f"select {listed} from {model.relation} except all select {listed} from {mutated})"
        )
        return bool(same)


def _mutant_relation(name: str) -> str:
    return f'"{DATABASE}"."mutant"."{name}"'


# Each process of the pool has its own built shops.
_runners: list[MutantRunner] = []


def _open_shops(project: Project, cases: Sequence[Case]) -> None:
    _runners[:] = [MutantRunner(project, case) for case in cases]


def _noticed_in(mutant: Mutant) -> str | None:
    return next((runner.case.name for runner in _runners if runner.notices(mutant)), None)


def check_mutants(
    project: Project, cases: Sequence[Case], mutants: Sequence[Mutant], processes: int = 2
) -> dict[str, str | None]:
    """The first case that notices each mutant, by the mutant's name; None for those that no case notices."""
    with ProcessPoolExecutor(processes, initializer=_open_shops, initargs=(project, cases)) as pool:
        found = list(pool.map(_noticed_in, mutants, chunksize=4))
    return {mutant.name: case for mutant, case in zip(mutants, found, strict=True)}
