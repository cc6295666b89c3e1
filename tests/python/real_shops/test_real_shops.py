"""Real files through the whole path: every line accounted for, money conserved, the independent computation agrees."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import real_data
from reference import assert_agrees, compute

# What the preset takes for a product; the rest are charges such as postage.
PRODUCTS = "^([0-9]{5}|DCGS|SP[0-9]|PADS)"
SHOPS = {
    "built_online_retail": ("online_retail.csv.gz", "Quantity", "UnitPrice"),
    "built_online_retail_ii": ("online_retail_ii.parquet", "quantity", "unit_price"),
}


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest) -> tuple[Path, Path, str, str]:
    """The warehouse, the file it came from, and the file's columns for quantity and price."""
    name, quantity, price = SHOPS[request.param]
    return request.getfixturevalue(request.param), real_data(name), quantity, price


def test_every_line_and_every_cent_is_accounted_for(shop: tuple[Path, Path, str, str]) -> None:
    database, file, quantity, price = shop
    with duckdb.connect(database, read_only=True) as connection:
        lines, amount = one_row(
            connection, f"select count(*), sum({quantity} * cast({price} as decimal(18, 4))) from '{file}'"
        )
        sold, sold_amount = one_row(connection, "select count(*), sum(quantity * unit_price) from raw.order_lines")
        returned, returned_amount = one_row(connection, "select count(*), sum(amount) from raw.refunds")
        (charges,) = one_row(connection, "select sum(shipping_amount) from raw.orders")
        (rejected,) = one_row(connection, "select count(*) from raw.rejected_rows")
        (charge_lines,) = one_row(
            connection,
            f"""
            select count(*) from '{file}'
            where {quantity} >= 0 and not regexp_matches(upper(trim({_stock_code(connection, file)})), '{PRODUCTS}')
            """,
        )
    assert sold_amount + charges - returned_amount == amount
    assert sold + returned + rejected + charge_lines == lines


def _stock_code(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    columns = [name for name, *_ in connection.execute(f"describe select * from '{file}'").fetchall()]
    return next(name for name in columns if name.lower().replace("_", "") == "stockcode")


def test_money_is_the_same_from_landing_to_segments(shop: tuple[Path, Path, str, str]) -> None:
    database, *_ = shop
    with duckdb.connect(database, read_only=True) as connection:
        (gross,) = one_row(connection, "select sum(cast(quantity * unit_price as decimal(18, 4))) from raw.order_lines")
        (refunds,) = one_row(connection, "select sum(amount) from raw.refunds")
        orders = one_row(connection, "select sum(gross_amount), sum(refund_amount) from marts.fct_orders")
        valid, guests = one_row(
            connection,
            "select sum(net_amount), coalesce(sum(net_amount) filter (where is_guest_order), 0)"
            " from marts.fct_orders where is_valid",
        )
        (customers,) = one_row(connection, "select sum(net_revenue_amount) from marts.customer_segments")
        (categories,) = one_row(connection, "select sum(net_amount) from marts.customer_category_facts")
    assert orders == (gross, refunds)
    assert customers + guests == valid
    assert categories == customers
    assert customers > Decimal(0)


def test_the_independent_computation_agrees(shop: tuple[Path, Path, str, str]) -> None:
    database, *_ = shop
    assert_agrees(compute(database), database)
