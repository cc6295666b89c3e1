"""Every test of the data on a shop that the sample shop is too polite to be: `dbt build` must be green over it.

The rows stand in tables of the shop's own, so that nothing has passed through the loader's checks.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from reference import assert_agrees, compute

from regulars.load.landing import create_tables

from .dbt_runs import run_dbt

FIRST, SECOND = "timestamptz '2026-01-02 00:00:00+00'", "timestamptz '2026-01-03 00:00:00+00'"
ROWS = {
    "orders": [
        # an e-mail as the id, small letters and large, with blanks; a guest
        f"('o1', 'M@s.com', null, timestamptz '2025-10-20 12:00:00+00', 'paid', 'eur', {FIRST})",
        f"('o2', ' m@S.com ', null, timestamptz '2025-11-20 12:00:00+00', 'paid', 'EUR', {FIRST})",
        f"('o3', null, 'm@s.com', timestamptz '2025-12-20 12:00:00+00', 'paid', 'EUR', {FIRST})",
        f"('o4', ' 17', null, timestamptz '2025-12-21 12:00:00+00', 'partially_refunded', 'EUR', {FIRST})",
        f"('o5', null, null, timestamptz '2025-12-21 12:00:00+00', 'paid', 'EUR', {FIRST})",
        f"('o6', '17', null, timestamptz '2025-12-22 12:00:00+00', 'cancelled', 'EUR', {FIRST})",
        # the hour that comes twice on the Azores, and a currency whose rate is written in small letters
        f"('o7', '18', null, timestamptz '2025-10-26 00:30:00+00', 'paid', 'SEK', {FIRST})",
        f"('o8', '18', null, timestamptz '2025-12-26 00:30:00+00', 'paid', 'USD', {FIRST})",
    ],
    "order_lines": [
        *(f"('o{number}', 1, 'p1', 1, 10, 0, {FIRST})" for number in range(1, 9)),
        f"('o4', 2, 'p2', 2, 20, 0, {FIRST})",
        f"('o4', 3, 'p3', 1, 30, 5, {FIRST})",
        # withdrawn by a later load; one that was never there
        f"('o4', 3, 'p3', 0, 30, 5, {SECOND})",
        f"('o5', 2, 'p2', 0, 0, 3, {FIRST})",
        # a free line, and amounts as large as the loader takes them
        f"('o7', 2, 'p2', 1, 0, 0, {FIRST})",
        f"('o7', 3, 'p2', 10, 99999999999.9999, 0.0001, {FIRST})",
    ],
    "refunds": [
        # of a withdrawn line, of a line in full without a quantity, of the order
        f"('r1', 'o4', timestamptz '2025-12-23 12:00:00+00', 4, 3, 1, {FIRST})",
        f"('r2', 'o4', timestamptz '2025-12-23 12:00:00+00', 40, 2, null, {FIRST})",
        f"('r3', 'o4', timestamptz '2025-12-23 12:00:00+00', 3, null, null, {FIRST})",
    ],
    "customers": [
        f"('M@s.com', 'other@s.com', timestamptz '2025-10-01 00:00:00+00', {FIRST})",
        f"(' 17', ' A@B.com', null, {FIRST})",
    ],
    "products": [
        f"('p1', 'tea', 4, null, {FIRST})",
        f"('p2', 'pots', null, timestamptz '2026-01-01 00:00:00+00', {FIRST})",
    ],
    "exchange_rates": [
        f"(date '2025-01-01', 'sek', 0.09, {FIRST})",
        f"(date '2025-01-01', 'SEK', 0.1, {SECOND})",
    ],
    "marketing_spend": [f"(date '2025-12-01', ' ads ', 5, 'EUR', {FIRST})"],
}
COLUMNS = {
    "orders": "order_id, customer_id, email, ordered_at, status, currency, _loaded_at",
    "order_lines": "order_id, line_number, product_id, quantity, unit_price, discount_amount, _loaded_at",
    "refunds": "refund_id, order_id, refunded_at, amount, line_number, quantity, _loaded_at",
    "customers": "customer_id, email, created_at, _loaded_at",
    "products": "product_id, category, unit_cost, created_at, _loaded_at",
    "exchange_rates": "day, currency, rate, _loaded_at",
    "marketing_spend": "day, channel, amount, currency, _loaded_at",
}


@pytest.fixture
def hostile_shop(tmp_path: Path) -> Path:
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(database) as connection:
        create_tables(connection)
        for table, rows in ROWS.items():
            connection.execute(f"insert into raw.{table} ({COLUMNS[table]}) values {', '.join(rows)}")
    return database


def test_every_data_test_is_green_and_the_numbers_are_right(hostile_shop, tmp_path):
    run_dbt("build", "--exclude-resource-type", "unit_test", database=hostile_shop, scratch=tmp_path)
    with duckdb.connect(hostile_shop) as connection:
        validity = dict(connection.sql("select order_id, order_validity from marts.fct_orders").fetchall())
        assert validity["o8"] == "no_exchange_rate"
        [[customers, orders]] = connection.sql(
            "select count(distinct customer_id), count(*) from marts.fct_orders where order_id in ('o1', 'o2', 'o3')"
        ).fetchall()
        assert (customers, orders) == (1, 3), "an e-mail is one customer, as an id and without one"
        lines = connection.sql(
            "select line_number, net_unit_count, refund_amount, net_amount from marts.fct_order_lines"
            " where order_id = 'o4' order by 1"
        ).fetchall()
        # four of the withdrawn line and three of the order fall on what line 2, given back in full, leaves: line 1
        assert [[float(value) for value in line] for line in lines] == [[1, 1, 7, 3], [2, 0, 40, 0]]
    assert_agrees(compute(hostile_shop), hostile_shop)


def test_unit_tests_are_about_themselves_whatever_the_vars(hostile_shop, tmp_path):
    """On the Azores the day of the change has an hour twice, and the as-of date is that day."""
    variables = {
        "as_of_date": "2025-10-26",
        "shop_timezone": "Atlantic/Azores",
        "reporting_currency": "SEK",
        "merge_customers_by_email": False,
        "customer_type_value": "margin",
        "recent_purchase_days": 100,
        "lapsed_purchase_days": 720,
        "recent_engagement_days": 30,
        "slipping_ratio": 2,
        "vip_percent_rank": 0.95,
        "gift_tags": ["x"],
        "peak_week_ratio": 3,
    }
    run_dbt("build", database=hostile_shop, scratch=tmp_path, variables=variables)
    with duckdb.connect(hostile_shop) as connection:
        assert connection.sql("select order_id from marts.fct_orders order by 1").fetchall() == [("o1",)]
    assert_agrees(compute(hostile_shop, **variables), hostile_shop)
