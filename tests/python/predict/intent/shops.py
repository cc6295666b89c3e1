"""Shops in DuckDB: landing tables filled, the project's own compiled SQL run, and the Python models called on it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from project.harness import Model, Project, Warehouse

from regulars.predict.intent import nodes

from .simulated_shop import AS_OF

VARS = {"prediction_snapshots": 16, "as_of_date": AS_OF.isoformat()}
LAND = """
    insert into raw.orders by name
    select customer_id || ' ' || ordered_at as order_id, customer_id, ordered_at at time zone 'UTC' as ordered_at,
        'paid' as status, 'EUR' as currency, timestamptz '2020-01-01 00:00:00+00' as _loaded_at
    from new_orders {order};
    insert into raw.order_lines by name
    select customer_id || ' ' || ordered_at as order_id, 1 as line_number, 'p1' as product_id, 1 as quantity,
        cast(amount as decimal(18, 4)) as unit_price, 0 as discount_amount,
        timestamptz '2020-01-01 00:00:00+00' as _loaded_at
    from new_orders {order}
"""


def land(connection: duckdb.DuckDBPyConnection, orders: pa.Table, order: str = "") -> None:
    """Orders of one line each."""
    connection.register("new_orders", orders)
    connection.execute(LAND.format(order=order))
    connection.unregister("new_orders")


def orders_of(rows: Iterable[tuple[str, str, float]]) -> pa.Table:
    """(customer, ISO time, amount) as the columns that `land` takes."""
    kept = list(rows)
    types = (pa.string(), pa.string(), pa.float64())
    arrays = [pa.array([row[place] for row in kept], kind) for place, kind in enumerate(types)]
    table = pa.table(dict(zip(("customer_id", "ordered_at", "amount"), arrays, strict=True)))
    return table.set_column(1, "ordered_at", table.column("ordered_at").cast(pa.timestamp("us")))


def project_of(target: Path) -> Project:
    """The SQL models of a dbt build, parents first, as it compiled them; its as-of date is to be replaced."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes_by_id = manifest["nodes"]
    compiled = {row["unique_id"]: row["compiled_code"] for row in results}
    models = []
    for key in compiled:
        node = nodes_by_id[key]
        if node["resource_type"] != "model" or node["language"] != "sql":
            continue
        parents = tuple(nodes_by_id[name]["name"] for name in node["depends_on"]["nodes"] if name in nodes_by_id)
        kind = node["config"]["materialized"]
        models.append(Model(node["name"], node["schema"], kind, compiled[key], parents))
    seeds = tuple(
        (node["name"], node["config"]["column_types"])
        for key, node in nodes_by_id.items()
        if node["resource_type"] == "seed" and key in compiled
    )
    return Project(_parents_first(models), seeds)


def _parents_first(models: list[Model]) -> tuple[Model, ...]:
    known = {model.name for model in models}
    done: dict[str, Model] = {}
    while len(done) < len(models):
        for model in models:
            if all(parent in done for parent in model.parents if parent in known):
                done.setdefault(model.name, model)
    return tuple(done.values())


@dataclass
class Shop:
    """One shop, and the models trained for it so far."""

    warehouse: Warehouse
    stored: pa.Table | None = None

    @classmethod
    def of(cls, project: Project, orders: pa.Table | None = None, *, order: str = "", threads: int = 1) -> "Shop":
        warehouse = Warehouse(project)
        warehouse.connection.execute(f"set threads = {threads}")
        if orders is not None:
            land(warehouse.connection, orders, order)
        return cls(warehouse)

    def build_features(self, as_of: date) -> None:
        models = [
            Model(m.name, m.schema, m.materialized, m.sql.replace(AS_OF.isoformat(), as_of.isoformat()), m.parents)
            for m in self.warehouse.project.models
        ]
        self.warehouse.build(as_of, models)

    def relation(self, name: str, **replaced: Any) -> duckdb.DuckDBPyRelation:
        others = ", ".join(f"{value!r} as {column}" for column, value in replaced.items())
        columns = f"* replace ({others})" if others else "*"
        return self.warehouse.connection.sql(f"select {columns} from {self.warehouse.project.by_name[name].relation}")

    def rows(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.relation(name).order("all").to_arrow_table().to_pylist()
        return found

    def train(self, **gate: Any) -> pa.Table:
        """What the next `pred_intent_models` appends."""
        new = nodes.train_if_due(
            self.relation("int_prediction_gate", **gate),
            self.relation("int_intent_training"),
            self.relation("int_intent_scoring"),
            self._stored_relation() if self.stored is not None else None,
        )
        self.stored = new if self.stored is None else pa.concat_tables([self.stored, new])
        return new

    def score(self, **gate: Any) -> pa.Table:
        """`pred_purchase_intent`, by customer."""
        reader = nodes.score_customers(
            self.relation("int_prediction_gate", **gate), self.relation("int_intent_scoring"), self._stored_relation()
        )
        return reader.read_all().sort_by("customer_id")

    def _stored_relation(self) -> duckdb.DuckDBPyRelation:
        assert self.stored is not None
        self.warehouse.connection.register("stored_models", self.stored)
        return self.warehouse.connection.sql("select * from stored_models")
