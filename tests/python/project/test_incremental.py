"""A build on top of earlier builds holds what a build from nothing holds, whatever was loaded in whichever order.

`REGULARS_LOAD_SEQUENCES=40` tries more sequences than the few that every run of the tests can afford.
"""

from __future__ import annotations

import datetime
import os
import random

import pytest

from .harness import Shop
from .incremental_runs import IncrementalWarehouse
from .random_loads import DAYS, FIRST_DAY, RandomShop

SEQUENCES = int(os.environ.get("REGULARS_LOAD_SEQUENCES", "3"))
BUILDS = 4

# What people run between two complete builds, and where a build may have broken off.
PARTS = (
    "staging",
    "intermediate",
    "marts",
    "fct_orders",
    "fct_orders+",
    "+fct_orders",
    "int_as_of+1",
    "int_as_of+",
    "+int_changed_orders",
    "+int_order_days",
    "+int_customer_orders",
    "+customer_category_facts",
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One place for dbt's own files: what it has parsed once it need not parse again."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def shop_file(tmp_path, scratch):
    return IncrementalWarehouse(tmp_path / "shop.duckdb", scratch)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_builds_on_top_of_builds_equal_a_rebuild(shop_file, warehouse, seed):
    chance = random.Random(seed)
    shop = RandomShop(1000 + seed)
    done: list[object] = []
    for number in range(BUILDS):
        shop_file.load(shop.load(chance.choice([3, 8, 25]) if number else 40))
        if number and chance.random() < 0.5:
            part = chance.choice(PARTS)
            afresh = ["--full-refresh"] if chance.random() < 0.15 else []
            shop_file.dbt("run", "--select", part, *afresh)
            done.append(["a part", part, *afresh])
            shop_file.load(shop.load(4))
        variables = None
        if chance.random() < 0.4:
            as_of = FIRST_DAY + datetime.timedelta(days=chance.randrange(200, DAYS + 50))
            variables = {"as_of_date": str(as_of)}
        shop_file.dbt("run", variables=variables)
        done.append(["everything", variables])
        found = shop_file.differences(warehouse)
        assert not found, f"after {done}:\n" + "\n".join(found)


# -- the smallest cases of what once went wrong


def loaded_at(minute: int) -> dict[str, str]:
    return {"_loaded_at": f"2026-01-01 00:{minute:02}:00+00"}


def order(order_id: str, minute: int, **more: object) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer_id": "anna",
        "ordered_at": "2024-05-01 12:00:00+00",
        "status": "paid",
        "currency": "EUR",
        **loaded_at(minute),
        **more,
    }


def line(order_id: str, minute: int, **more: object) -> dict[str, object]:
    return {"order_id": order_id, "line_number": 1, "quantity": 1, "unit_price": 10, **loaded_at(minute), **more}


TWO_ORDERS: Shop = {
    "orders": [order("one", 1), order("two", 1, ordered_at="2024-05-20 12:00:00+00")],
    "order_lines": [line("one", 2, product_id="lamp"), line("two", 2, product_id="chair")],
    "products": [
        {"product_id": "lamp", "category": "light", "unit_cost": 4, **loaded_at(3)},
        {"product_id": "chair", "category": "seating", "unit_cost": 4, **loaded_at(3)},
    ],
    "refunds": [
        {
            "refund_id": "back",
            "order_id": "one",
            "refunded_at": "2024-05-02 12:00:00+00",
            "amount": 3,
            **loaded_at(4),
        }
    ],
}


def assert_equals_a_rebuild(shop_file, warehouse):
    assert shop_file.differences(warehouse) == []


def test_a_refund_that_moves_to_another_order_leaves_the_first(shop_file, warehouse):
    shop_file.load(TWO_ORDERS)
    shop_file.dbt("run")
    moved = {**TWO_ORDERS["refunds"][0], "order_id": "two", **loaded_at(10)}
    shop_file.load({"refunds": [moved]})
    shop_file.dbt("run")
    assert_equals_a_rebuild(shop_file, warehouse)


@pytest.mark.parametrize("part", ["marts", "intermediate", "int_as_of+1"])
def test_building_a_part_loses_nothing(shop_file, warehouse, part):
    shop_file.load(TWO_ORDERS)
    shop_file.dbt("run")
    shop_file.dbt("run", "--select", part)
    assert_equals_a_rebuild(shop_file, warehouse)
    refund = {**TWO_ORDERS["refunds"][0], "refund_id": "late", **loaded_at(10)}
    shop_file.load({"orders": [order("three", 11)], "order_lines": [line("three", 12)], "refunds": [refund]})
    shop_file.dbt("run", "--select", part)
    shop_file.dbt("run")
    assert_equals_a_rebuild(shop_file, warehouse)


def test_switching_an_input_off_and_on_again(shop_file, warehouse):
    """Its rows are gone, and back afterwards: as in a build from nothing."""
    shop_file.load(TWO_ORDERS)
    shop_file.dbt("run")
    shop_file.dbt("run", variables={"has_refunds": False, "has_products": False, "core_category_share": 0.9})
    with shop_file.connected() as connection:
        assert connection.execute("select sum(refund_amount) from marts.fct_orders").fetchall() == [(0,)]
        assert connection.execute("select category, is_core from marts.customer_category_facts").fetchall() == [
            ("uncategorised", True)
        ]
    shop_file.dbt("run")
    assert_equals_a_rebuild(shop_file, warehouse)


def test_a_stricter_core_share_reaches_customers_without_new_orders(shop_file):
    shop_file.load(TWO_ORDERS)
    shop_file.dbt("run")
    shop_file.dbt("run", variables={"core_category_share": 0.9})
    with shop_file.connected() as connection:
        assert connection.execute("select distinct is_core from marts.customer_category_facts").fetchall() == [(False,)]


def test_real_dbt_and_the_harness_build_the_same(shop_file, warehouse):
    """Everything else here trusts the compiled SQL run by hand; this is why it may."""
    shop = RandomShop(7)
    shop_file.load(shop.load(150))
    shop_file.dbt("run", "--full-refresh")
    assert_equals_a_rebuild(shop_file, warehouse)
