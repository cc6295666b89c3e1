"""One simulated shop, built by dbt once, and the project's SQL as that build compiled it."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import run_in_warehouse
from project.harness import Project

from regulars.load.landing import create_tables

from .shops import VARS, Shop, land, project_of
from .simulated_shop import AS_OF, Simulated, simulate


@dataclass(frozen=True)
class BuiltShop:
    """A warehouse in which dbt has built `pred_purchase_intent`, and the truth behind it."""

    database: Path
    simulated: Simulated
    project: Project

    @property
    def past(self) -> pa.Table:
        return before(self.simulated.orders, AS_OF.isoformat())

    def predictions(self) -> pa.Table:
        return self._mart("pred_purchase_intent", "customer_id")

    def models(self) -> pa.Table:
        return self._mart("pred_intent_models", "training_number")

    def _mart(self, name: str, key: str) -> pa.Table:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.sql(f"from marts.{name} order by {key}").to_arrow_table()


def before(orders: pa.Table, day: str) -> pa.Table:
    return orders.filter(
        pc.less(orders.column("ordered_at"), pa.scalar(datetime.fromisoformat(day), pa.timestamp("us")))
    )


@pytest.fixture(scope="session")
def built_simulated_shop(tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    """2,400 customers over two years and two months, up to the as-of date."""
    database = tmp_path_factory.mktemp("simulated-shop") / "shop.duckdb"
    simulated = simulate(2_400, seed=5)
    with duckdb.connect(str(database)) as connection:
        connection.execute("set timezone = 'UTC'")
        create_tables(connection)
        land(connection, before(simulated.orders, AS_OF.isoformat()))
    build_predictions(database, "+pred_purchase_intent")
    return BuiltShop(database, simulated, project_of(database.with_name("shop-target")))


def build_predictions(database: Path, *select: str, **variables: object) -> None:
    run_in_warehouse(
        database, "dbt", "--quiet", "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
        "--select", *select, "--vars", json.dumps(VARS | variables),
    )  # fmt: skip


@pytest.fixture(scope="session")
def project(built_simulated_shop: BuiltShop) -> Project:
    return built_simulated_shop.project


@pytest.fixture(scope="session")
def trained(built_simulated_shop: BuiltShop) -> Shop:
    """The same shop in memory as of the same day, with the model that dbt trained."""
    shop = Shop.of(built_simulated_shop.project, built_simulated_shop.past)
    shop.build_features(AS_OF)
    shop.stored = built_simulated_shop.models()
    return shop
