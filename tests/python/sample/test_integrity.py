"""Keys are unique, references hold, amounts add up, nothing lies outside the shop's days."""

import duckdb
import pytest

from regulars.load.landing import TABLES, Table


def number(shop: duckdb.DuckDBPyConnection, query: str) -> int:
    row = shop.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_and_keys_are_those_of_the_landing_table(shop: duckdb.DuckDBPyConnection, table: Table) -> None:
    described = shop.execute(f"describe {table.name}").fetchall()
    assert [(row[0], row[1]) for row in described] == [
        (column.name, column.sql_type.upper().replace(", ", ",")) for column in table.columns
    ]
    key = ", ".join(table.key)
    assert number(shop, f"select count(*) - count(distinct ({key})) from {table.name}") == 0
    assert number(shop, f"select count(*) from {table.name}") > 0
    for column in table.columns:
        if column.required or column.name in table.key:
            assert number(shop, f"select count(*) from {table.name} where {column.name} is null") == 0
        if column.allowed:
            found = {row[0] for row in shop.execute(f"select distinct {column.name} from {table.name}").fetchall()}
            assert found == set(column.allowed)
    if table.any_of:
        assert number(shop, f"select count(*) from {table.name} where coalesce({', '.join(table.any_of)}) is null") == 0


@pytest.mark.parametrize(
    ("child", "parent", "key"),
    [
        ("order_lines", "orders", "order_id"),
        ("orders", "order_lines", "order_id"),
        ("refunds", "orders", "order_id"),
        ("order_lines", "products", "product_id"),
        ("web_events", "products", "product_id"),
    ],
)
def test_references_hold(shop: duckdb.DuckDBPyConnection, child: str, parent: str, key: str) -> None:
    missing = f"select count(*) from {child} where {key} is not null and {key} not in (select {key} from {parent})"
    assert number(shop, missing) == 0


@pytest.mark.parametrize("table", ["orders", "email_events", "web_events"])
def test_every_customer_id_is_somebody_in_the_truth(shop: duckdb.DuckDBPyConnection, table: str) -> None:
    known = (
        "select customer_id from truth where customer_id is not null union select second_customer_id "
        "from truth where second_customer_id is not null"
    )
    assert number(shop, f"select count(*) from {table} where customer_id not in ({known})") == 0
    assert number(shop, f"select count(*) from {table} where lower(trim(email)) not in (select email from truth)") == 0


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("orders", "ordered_at"),
        ("refunds", "refunded_at"),
        ("customers", "created_at"),
        ("customers", "consent_updated_at"),
        ("email_events", "occurred_at"),
        ("web_events", "occurred_at"),
    ],
)
def test_nothing_lies_outside_the_days_of_the_shop(shop: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    outside = f"not {column} between timestamptz '2023-01-01 00:00:00+00' and timestamptz '2025-12-31 21:00:00+00'"
    assert number(shop, f"select count(*) from {table} where {outside}") == 0


def test_orders_stand_in_the_order_of_time(shop: duckdb.DuckDBPyConnection) -> None:
    jumps = (
        "select count(*) from (select ordered_at - lag(ordered_at) over (order by rowid) as step from "
        "orders) where step < interval 0 second"
    )
    assert number(shop, jumps) == 0


def test_line_numbers_run_from_one(shop: duckdb.DuckDBPyConnection) -> None:
    wrong = (
        "select count(*) from (select order_id from order_lines group by 1 having min(line_number) <> 1 "
        "or max(line_number) <> count(*))"
    )
    assert number(shop, wrong) == 0


def test_amounts_are_possible(shop: duckdb.DuckDBPyConnection) -> None:
    assert (
        number(shop, "select count(*) from order_lines where quantity <= 0 or unit_price <= 0 or discount_amount < 0")
        == 0
    )
    assert number(shop, "select count(*) from order_lines where discount_amount > quantity * unit_price") == 0
    assert number(shop, "select count(*) from refunds where amount <= 0") == 0
    too_much = """
        select count(*) from (select order_id, sum(amount) as back from refunds group by 1)
        join (select order_id, sum(quantity * unit_price - discount_amount) as net from order_lines group by 1)
            using (order_id)
        where back > net + 0.05
    """
    assert number(shop, too_much) == 0


def test_a_refund_of_a_line_names_a_line_and_units_it_has(shop: duckdb.DuckDBPyConnection) -> None:
    wrong = """
        select count(*) from refunds left join order_lines using (order_id, line_number)
        where refunds.line_number is not null
            and (order_lines.order_id is null or refunds.quantity > order_lines.quantity
                or amount > order_lines.quantity * unit_price - discount_amount + 0.01)
    """
    assert number(shop, wrong) == 0


def test_statuses_agree_with_refunds(shop: duckdb.DuckDBPyConnection) -> None:
    assert (
        number(
            shop,
            "select count(*) from orders anti join refunds using (order_id) where status in ('refunded', "
            "'partially_refunded')",
        )
        == 0
    )
    assert (
        number(
            shop,
            "select count(*) from refunds join orders using (order_id) where status in ('test', "
            "'cancelled', 'pending')",
        )
        == 0
    )


def test_every_order_has_a_rate_on_or_before_its_day(shop: duckdb.DuckDBPyConnection) -> None:
    without = """
        select count(*) from orders asof left join exchange_rates as rates
            on orders.currency = rates.currency and cast(ordered_at as date) >= rates.day
        where rates.rate is null and orders.currency <> 'NOK'
    """
    assert number(shop, without) == 0


def test_profiles_are_older_than_their_orders(shop: duckdb.DuckDBPyConnection) -> None:
    assert (
        number(shop, "select count(*) from orders join customers using (customer_id) where ordered_at < created_at")
        == 0
    )


def test_addresses_lead_nowhere(shop: duckdb.DuckDBPyConnection) -> None:
    outside = "not regexp_matches(email, '@([a-z]+[.])?example[.](com|org)$')"
    assert number(shop, f"select count(*) from truth where {outside}") == 0
