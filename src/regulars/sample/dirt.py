"""A few rows that a load must refuse, each for one known reason, and none that changes the rows beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa

from regulars.sample.columns import as_text
from regulars.sample.settings import ShopSettings

SHARE_OF_EACH_REASON = 0.00003
MAX_SHARE_OF_TABLE = 0.006
"""Well under the 1 % at which a load gives up."""

FAR_FUTURE = datetime(2199, 1, 1, tzinfo=UTC)
BEYOND_RANGE = Decimal("9000000000000.0000")
FREE_LINE_NUMBER = 900
"""No order has that many lines, so these numbers are free in every order."""


@dataclass(frozen=True)
class Blemish:
    """One way in which a row of a table is unusable."""

    reason: str
    columns: tuple[str, ...]
    value: object
    """What stands in each of the columns; an order id gets the number of the chunk behind it."""
    is_text_only: bool = False
    """The value fits no typed column, so only a CSV file can hold it."""
    rows: int = 1
    """Rows rejected together (both rows of a repeated key)."""


BLEMISHES: dict[str, tuple[Blemish, ...]] = {
    "orders": (
        Blemish("unparsable_timestamp", ("ordered_at",), "31/02/2024", is_text_only=True),
        Blemish("unknown_status", ("status",), "shipped?"),
        Blemish("timestamp_in_future", ("ordered_at",), FAR_FUTURE),
        Blemish("duplicate_key", ("channel",), "telephone", rows=2),
        Blemish("unknown_currency", ("currency",), "EURO"),
        Blemish("null_key", ("order_id",), None),
    ),
    "order_lines": (
        Blemish("order_line_without_order", ("order_id",), "no-order"),
        Blemish("unparsable_number", ("unit_price",), "twelve", is_text_only=True),
        Blemish("number_not_finite", ("quantity",), "NaN", is_text_only=True),
        Blemish("number_out_of_range", ("unit_price",), BEYOND_RANGE),
        Blemish("duplicate_key", ("product_title",), "Something else", rows=2),
    ),
    "refunds": (
        Blemish("refund_without_order", ("order_id",), "no-order"),
        Blemish("unparsable_timestamp", ("refunded_at",), "soon", is_text_only=True),
    ),
    "customers": (
        Blemish("timestamp_in_future", ("created_at",), FAR_FUTURE),
        Blemish("duplicate_key", ("last_name",), "Doppelgänger", rows=2),
        Blemish("unparsable_boolean", ("email_consent",), "perhaps", is_text_only=True),
        Blemish("unparsable_json", ("attributes",), "{shoe_size: 42"),
    ),
    "email_events": (
        Blemish("unknown_event_type", ("event_type",), "thought_about"),
        Blemish("no_customer", ("customer_id", "email"), None),
        Blemish("timestamp_in_future", ("occurred_at",), FAR_FUTURE),
    ),
    "web_events": (
        Blemish("unknown_event_type", ("event_type",), "hovered"),
        Blemish("unparsable_timestamp", ("occurred_at",), "yesterday", is_text_only=True),
        Blemish("missing_value", ("event_type",), None),
    ),
    "marketing_spend": (Blemish("missing_value", ("amount",), None),),
}
_KEYS = {
    "orders": "order_id",
    "refunds": "refund_id",
    "customers": "customer_id",
    "email_events": "event_id",
    "web_events": "event_id",
}


@dataclass(frozen=True)
class DirtyRows:
    """Rows to add to a file, and how often each reason stands in them."""

    tables: list[pa.Table]
    counts: dict[str, int]


def dirty_rows_of(settings: ShopSettings, table_name: str, clean: pa.Table, chunk: int) -> DirtyRows:
    """Unusable rows for one chunk of a table, made from some of its clean rows under keys of their own."""
    tables: list[pa.Table] = []
    counts: dict[str, int] = {}
    left = int(clean.num_rows * MAX_SHARE_OF_TABLE)
    serial = 0
    for blemish in BLEMISHES.get(table_name, ()):
        if blemish.is_text_only and settings.file_format != "csv":
            continue
        wanted = int(clean.num_rows * SHARE_OF_EACH_REASON) + (1 if chunk == 0 else 0)
        count = min(wanted, left // blemish.rows)
        if count == 0:
            continue
        left -= count * blemish.rows
        rows = clean.take(pa.array(np.linspace(0, clean.num_rows - 1, count).astype(np.int64)))
        rows = _with_own_keys(table_name, rows, f"dirty-{chunk}-", serial)
        serial += count
        spoilt = _spoilt(rows, blemish, chunk)
        tables += [rows, spoilt] if blemish.rows == 2 else [spoilt]
        counts[blemish.reason] = count * blemish.rows
    return DirtyRows(tables, counts)


def _with_own_keys(table_name: str, rows: pa.Table, prefix: str, serial: int) -> pa.Table:
    numbers = range(serial, serial + rows.num_rows)
    if table_name == "order_lines":
        return _replaced(rows, "line_number", pa.array([FREE_LINE_NUMBER + number for number in numbers]))
    if table_name == "marketing_spend":
        return _replaced(rows, "channel", pa.array([f"{prefix}{number}" for number in numbers]))
    return _replaced(rows, _KEYS[table_name], pa.array([f"{prefix}{number}" for number in numbers]))


def _spoilt(rows: pa.Table, blemish: Blemish, chunk: int) -> pa.Table:
    if blemish.is_text_only:
        rows = as_text(rows)
    for column in blemish.columns:
        is_order = column == "order_id" and blemish.value is not None
        value = f"{blemish.value}-{chunk}" if is_order else blemish.value
        rows = _replaced(rows, column, pa.array([value] * rows.num_rows, type=rows.schema.field(column).type))
    return rows


def _replaced(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    position = rows.schema.get_field_index(column)
    return rows.set_column(position, rows.schema.field(column), values)
