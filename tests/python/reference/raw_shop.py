"""Small shops made by hand: landing rows as dictionaries, in an in-memory DuckDB."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import duckdb
import pandas as pd

from .calendar_days import as_date, day_number
from .computation import compute
from .landing import SQL_TYPES, TABLES
from .seeds import read_seeds

LOADED_AT = "2024-01-01 00:00:00+00"


def make_shop(**tables: Iterable[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A connection with the landing tables; what a row does not name is null."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("create schema raw")
    for name, table in TABLES.items():
        columns = [f"{column} {SQL_TYPES[kind]}" for column, kind in table.columns.items()]
        connection.execute(f"create table raw.{name} ({', '.join(columns)}, _loaded_at timestamptz not null)")
    for name, rows in tables.items():
        for row in rows:
            given = {"_loaded_at": LOADED_AT, **row}
            marks = ", ".join("?" for _ in given)
            connection.execute(f"insert into raw.{name} ({', '.join(given)}) values ({marks})", list(given.values()))
    return connection


def order(order_id: str, customer_id: str | None, day: str, **more: Any) -> dict[str, Any]:
    instant = day if " " in day else f"{day} 12:00:00+00"
    return {
        "order_id": order_id,
        "customer_id": customer_id,
        "ordered_at": instant,
        "status": "paid",
        "currency": "EUR",
        **more,
    }


def line(order_id: str, price: str, number: int = 1, quantity: str = "1", **more: Any) -> dict[str, Any]:
    return {"order_id": order_id, "line_number": number, "quantity": quantity, "unit_price": price, **more}


def shop_of(
    purchases: dict[str, list[tuple[str, str]]], **tables: list[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Landing rows of customers who each bought on some days for some price."""
    orders, lines = list(tables.pop("orders", [])), list(tables.pop("order_lines", []))
    for customer, days in purchases.items():
        for number, (day, price) in enumerate(days):
            orders.append(order(f"{customer}-{number}", customer, day))
            lines.append(line(f"{customer}-{number}", price))
    return {"orders": orders, "order_lines": lines, **tables}


def segments(
    purchases: dict[str, list[tuple[str, str]]] | None = None,
    as_of_date: str | None = None,
    *,
    tables: dict[str, list[dict[str, Any]]] | None = None,
    seeds: dict[str, list[dict[str, Any]]] | None = None,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """The reference's frames of a hand-made shop; customer frames are indexed by customer."""
    return segments_as_of(make_shop(**shop_of(purchases or {}, **(tables or {}))), as_of_date, seeds=seeds, **options)


def segments_as_of(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: str | None,
    *,
    seeds: dict[str, list[dict[str, Any]]] | None = None,
    with_changes: bool = False,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """The same for a shop that is there already; windows are only those given, tiers are the project's."""
    rules = read_seeds()
    for name in ("gift_occasions", "peak_seasons"):
        rules[name] = rules[name].iloc[:0]
    for name, rows in (seeds or {}).items():
        bounds = [
            {end: day_number(datetime.date.fromisoformat(row[end])) for end in ("starts_on", "ends_on")} for row in rows
        ]
        rules[name] = pd.DataFrame([{**row, **bound} for row, bound in zip(rows, bounds, strict=True)])
    frames = compute(connection, as_of_date, seeds=rules, with_changes=with_changes, **options)
    multiple = ("orders", "as_of", "customer_category_facts", "customer_ad_segments")
    return {name: frame if name in multiple else frame.set_index("customer_id") for name, frame in frames.items()}


AS_OF = "2024-06-01"


def ago(days: int, at: str = "") -> str:
    """The day so many days before ``AS_OF``, with a time of day where one is given."""
    day = as_date(day_number(datetime.date.fromisoformat(AS_OF)) - days).isoformat()
    return f"{day} {at}+00" if at else day
