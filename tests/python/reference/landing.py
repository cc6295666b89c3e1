"""The landing tables as frames: the newest load of a key wins, blanks are nothing, decimals become whole numbers."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd

from .frames import query
from .identity import email_customer_id, normalised

TEXT, INSTANT, DAY, TICKS, RATE, WHOLE, FLAG = "text", "instant", "day", "ticks", "rate", "whole", "flag"

SQL_TYPES = {
    TEXT: "varchar",
    INSTANT: "timestamptz",
    DAY: "date",
    TICKS: "decimal(18,4)",
    RATE: "decimal(18,8)",
    WHOLE: "bigint",
    FLAG: "boolean",
}


@dataclass(frozen=True)
class Table:
    key: tuple[str, ...]
    columns: dict[str, str]


def _table(key: str, **kinds: str) -> Table:
    columns = {column: kind for kind, names in kinds.items() for column in names.split()}
    return Table(tuple(key.split()), columns)


TABLES = {
    "orders": _table(
        "order_id",
        text="order_id customer_id email status currency discount_codes channel gift_note ship_to_name"
        " ship_to_country ship_to_postal_code",
        instant="ordered_at",
        ticks="shipping_amount tax_amount",
        flag="is_gift",
    ),
    "order_lines": _table(
        "order_id line_number",
        text="order_id product_id product_title",
        whole="line_number",
        ticks="quantity unit_price discount_amount",
    ),
    "refunds": _table(
        "refund_id", text="refund_id order_id", instant="refunded_at", ticks="amount quantity", whole="line_number"
    ),
    "customers": _table(
        "customer_id",
        text="customer_id email phone first_name last_name country postal_code language acquisition_channel attributes",
        instant="created_at consent_updated_at",
        flag="email_consent sms_consent ads_user_data_consent ads_personalization_consent tracking_consent",
    ),
    "products": _table(
        "product_id",
        text="product_id title category brand tags",
        ticks="unit_cost unit_price",
        flag="is_active is_in_stock",
        instant="created_at",
    ),
    "email_events": _table(
        "event_id",
        text="event_id customer_id email event_type campaign_id",
        instant="occurred_at",
        flag="is_machine_open",
    ),
    "web_events": _table("event_id", text="event_id customer_id email event_type product_id", instant="occurred_at"),
    "marketing_spend": _table("day channel", day="day", text="channel currency", ticks="amount"),
    "exchange_rates": _table("day currency", day="day", text="currency", rate="rate"),
}

EXPRESSIONS = {
    TEXT: "nullif(trim({0}), '')",
    INSTANT: "{0}",
    DAY: "date_diff('day', date '1970-01-01', {0})",
    TICKS: "cast(cast({0} as decimal(38, 4)) * 10000 as bigint)",
    RATE: "cast(cast({0} as decimal(38, 8)) * 100000000 as bigint)",
    WHOLE: "{0}",
    FLAG: "{0}",
}

DTYPES = {
    TEXT: "str",
    INSTANT: "datetime64[us, UTC]",
    DAY: "Int64",
    TICKS: "Int64",
    RATE: "Int64",
    WHOLE: "Int64",
    FLAG: "boolean",
}


def read_landing(connection: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """Every landing table, newest version of each key; a table that is absent is empty."""
    present = {
        name
        for (name,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'raw'"
        ).fetchall()
    }
    cursor = connection.cursor()
    cursor.execute("set timezone = 'UTC'")
    return {name: _read(cursor, name, table, name in present) for name, table in TABLES.items()}


def _read(connection: duckdb.DuckDBPyConnection, name: str, table: Table, is_present: bool) -> pd.DataFrame:
    if not is_present:
        return pd.DataFrame({column: pd.Series(dtype=DTYPES[kind]) for column, kind in table.columns.items()})
    expressions = [f"{EXPRESSIONS[kind].format(column)} as {column}" for column, kind in table.columns.items()]
    rows = query(connection, f"select {', '.join(expressions)}, _loaded_at from raw.{name}")
    rows = rows.astype({column: DTYPES[kind] for column, kind in table.columns.items()})
    if "currency" in table.columns:
        rows["currency"] = rows["currency"].str.upper()
    if "customer_id" in table.columns:
        rows = _without_emails_as_ids(rows)
    newest = rows.sort_values("_loaded_at", kind="stable").drop_duplicates(list(table.key), keep="last")
    return newest.drop(columns="_loaded_at").reset_index(drop=True)


def _without_emails_as_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """A customer id that is an e-mail address becomes the id of that e-mail, and the e-mail where none is given."""
    is_email = rows["customer_id"].str.contains("@", regex=False).fillna(False).astype(bool)
    if not is_email.any():
        return rows
    as_email = normalised(rows["customer_id"])
    email = rows["email"].where(normalised(rows["email"]).notna() | ~is_email, as_email)
    ids = [
        email_customer_id(text) if is_one else own
        for text, own, is_one in zip(as_email, rows["customer_id"], is_email, strict=True)
    ]
    return rows.assign(email=email, customer_id=pd.Series(ids, index=rows.index, dtype="str"))
