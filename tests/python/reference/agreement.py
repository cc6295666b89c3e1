"""The reference's frames held against the marts of a built warehouse: same keys, same columns, same values."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from .frames import query

RELATIVE_TOLERANCE = 1e-9
SHOWN = 10

RELATIONS = {
    "as_of": "intermediate.int_as_of",
    "orders": "marts.fct_orders",
}

KEYS = {
    "as_of": [],
    "orders": ["order_id"],
    "customer_category_facts": ["customer_id", "category"],
    "customer_ad_segments": ["customer_id", "ad_segment"],
}

# facts of the reference that the marts hold only in a sum (customer_facts.peak_order_count)
NOT_COMPARED = {"orders": ["is_peak_order"]}


def assert_agrees(
    reference: dict[str, pd.DataFrame], warehouse_path: str | Path, frames: list[str] | None = None
) -> None:
    """Fail with the first differences of every frame, both sides shown."""
    found = differences(reference, warehouse_path, frames)
    if found:
        raise AssertionError("reference and warehouse differ:\n" + "\n".join(found))


def differences(
    reference: dict[str, pd.DataFrame], warehouse_path: str | Path, frames: list[str] | None = None
) -> list[str]:
    """One paragraph for each column that differs, empty where all agree."""
    found: list[str] = []
    with duckdb.connect(str(warehouse_path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for name in frames or list(reference):
            relation = RELATIONS.get(name, f"marts.{name}")
            found += _frame_differences(connection, name, relation, reference[name])
    return found


def _frame_differences(
    connection: duckdb.DuckDBPyConnection, name: str, relation: str, expected: pd.DataFrame
) -> list[str]:
    schema, table = relation.split(".")
    types = dict(
        connection.execute(
            "select column_name, data_type from information_schema.columns where table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchall()
    )
    if not types:
        return [f"{relation} is not there"]
    expected = expected.drop(columns=NOT_COMPARED.get(name, []))
    missing = [column for column in expected.columns if column not in types]
    found = [f"{relation} has no column {column}" for column in missing]
    columns = [column for column in expected.columns if column in types]
    inexact = [column for column in columns if column.endswith("_amount") and not types[column].endswith(",4)")]
    found += [f"{relation}.{column} is {types[column]}; amounts are decimals of four places" for column in inexact]
    if inexact:
        return found
    expressions = [_expression(column, types[column]) for column in columns]
    actual = query(connection, f"select {', '.join(expressions)} from {relation}")
    keys = KEYS.get(name, ["customer_id"])
    if any(key in missing for key in keys):
        return found
    left, right = _aligned(expected[columns], actual, keys)
    found += _key_differences(relation, left, right)
    right = right[~right.index.duplicated()]
    shared = left.index.intersection(right.index)
    for column in columns:
        if column not in keys:
            found += _column_differences(f"{relation}.{column}", left[column].loc[shared], right[column].loc[shared])
    return found


def _expression(column: str, data_type: str) -> str:
    if column.endswith("_amount"):
        return f"cast(cast({column} as decimal(38, 4)) * 10000 as bigint) as {column}"
    if data_type.startswith("TIMESTAMP"):
        return f"epoch_us({column}) as {column}"
    if data_type.startswith("DECIMAL") or data_type == "HUGEINT":
        return f"cast({column} as double) as {column}"
    return column


def _aligned(expected: pd.DataFrame, actual: pd.DataFrame, keys: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not keys:
        return expected.reset_index(drop=True), actual.reset_index(drop=True)
    return expected.set_index(keys).sort_index(), actual.set_index(keys).sort_index()


def _key_differences(relation: str, left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    found = []
    if not right.index.is_unique:
        repeated = right.index[right.index.duplicated()].unique()
        found.append(f"{relation} repeats {len(repeated)} keys, such as {list(repeated[:SHOWN])}")
    for here, there, text in (
        (left, right, "lacks the keys that the reference has"),
        (right, left, "has keys that the reference has not"),
    ):
        only = here.index.difference(there.index)
        if len(only):
            found.append(f"{relation} {text} ({len(only)}): {list(only[:SHOWN])}")
    return found


def _column_differences(title: str, expected: pd.Series, actual: pd.Series) -> list[str]:
    mine, theirs = _plain(expected), _plain(actual)
    differs = np.array([not _equal(left, right) for left, right in zip(mine, theirs, strict=True)], dtype=bool)
    if not differs.any():
        return []
    lines = [f"{title}: {int(differs.sum())} of {len(differs)} differ"]
    for position in np.flatnonzero(differs)[:SHOWN]:
        lines.append(f"    {expected.index[position]}: reference {mine[position]!r}, warehouse {theirs[position]!r}")
    return ["\n".join(lines)]


def _plain(values: pd.Series) -> list[object]:
    """Python values: None for every kind of nothing, instants as microseconds, days as ISO text."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        instants = values.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        return [None if pd.isna(value) else int(value) for value in instants.astype("int64").where(values.notna())]
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return [None if pd.isna(value) else value.date().isoformat() for value in values]
    return [_plain_value(value) for value in values]


def _plain_value(value: object) -> object:
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return value


def _equal(left: object, right: object) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        return abs(left - right) <= RELATIVE_TOLERANCE * max(abs(left), abs(right))
    return left == right
