"""Arrow columns from numpy arrays, without a Python object per row."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.load.landing import TABLES_BY_NAME, ColumnType

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MICROSECONDS_PER_SECOND = 1_000_000

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "quantity": pa.decimal128(18, 4),
    "amount": pa.decimal128(18, 4),
    "rate": pa.decimal128(18, 8),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def schema_of(table_name: str) -> pa.Schema:
    """The Arrow schema of a landing table, in the order of its columns, without ``_loaded_at``."""
    table = TABLES_BY_NAME[table_name]
    return pa.schema([pa.field(column.name, _ARROW_TYPES[column.type]) for column in table.columns])


def table_of(table_name: str, columns: Mapping[str, pa.Array]) -> pa.Table:
    """A batch of a landing table from its columns by name."""
    schema = schema_of(table_name)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def decimals(values: Ints, *, places: int, scale: int, null: Bools | None = None) -> pa.Array:
    """Integers in units of ``10 ** -places`` as decimal(18, scale).

    The 128-bit values are laid out by hand: a cast through Arrow costs twenty times as much on a hundred million rows.
    """
    scaled = np.ascontiguousarray(values, dtype=np.int64) * 10 ** (scale - places)
    words = np.empty((len(scaled), 2), dtype=np.int64)
    words[:, 0] = scaled
    words[:, 1] = scaled >> 63
    validity = None
    if null is not None:
        validity = pa.py_buffer(np.packbits(~null, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(scaled), [validity, pa.py_buffer(words.tobytes())])


def money(cents: Ints, null: Bools | None = None) -> pa.Array:
    """Cents as an amount."""
    return decimals(cents, places=2, scale=4, null=null)


def instants(seconds: Ints, null: Bools | None = None) -> pa.Array:
    """Seconds since 1970 (UTC) as timestamps."""
    return pa.array(seconds * MICROSECONDS_PER_SECOND, mask=null).cast(pa.timestamp("us", tz="UTC"))


def dates(days: Ints) -> pa.Array:
    """Days since 1970 as dates."""
    return pa.array(days.astype(np.int32)).cast(pa.date32())


def integers(values: Ints, null: Bools | None = None) -> pa.Array:
    """Whole numbers."""
    return pa.array(values.astype(np.int64, copy=False), mask=null)


def booleans(values: Bools, null: Bools | None = None) -> pa.Array:
    """Truth values."""
    return pa.array(values, mask=null)


def chosen(choices: Sequence[str] | pa.Array, index: npt.NDArray[np.integer], null: Bools | None = None) -> pa.Array:
    """The choice each index points to; null where ``null`` says so."""
    values = choices if isinstance(choices, pa.Array) else pa.array(choices, type=pa.string())
    return values.take(pa.array(index, mask=null))


def numbered(prefix: str, numbers: Ints, width: int = 0) -> pa.Array:
    """Texts such as ``c00000012``."""
    digits = pa.array(numbers).cast(pa.string())
    if width:
        digits = pc.utf8_lpad(digits, width, "0")
    return pc.binary_join_element_wise(prefix, digits, "") if prefix else digits


def joined(*parts: str | pa.Array) -> pa.Array:
    """Texts put one after the other, row by row; null where any part is null."""
    return pc.binary_join_element_wise(*parts, "")


def where(condition: Bools, first: pa.Array, second: pa.Array) -> pa.Array:
    """``first`` where the condition holds, else ``second``."""
    return pc.if_else(pa.array(condition), first, second)


def nulled(values: pa.Array, null: Bools) -> pa.Array:
    """The values with nulls where ``null`` says so."""
    return pc.if_else(pa.array(null), pa.scalar(None, type=values.type), values)


_PLAIN_TYPES: dict[ColumnType, pa.DataType] = {
    "quantity": pa.decimal128(18, 1),
    "amount": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("s", tz="UTC"),
}


def as_printed(table_name: str, table: pa.Table) -> pa.Table:
    """The same rows with amounts in cents and times in seconds, as people print them; text columns stay as they are."""
    columns = [
        table[column.name].cast(_PLAIN_TYPES.get(column.type, table.schema.field(column.name).type))
        for column in TABLES_BY_NAME[table_name].columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def as_text(table: pa.Table) -> pa.Table:
    """The same rows with every value as the text a CSV file holds."""
    return pa.Table.from_arrays([column.cast(pa.string()) for column in table.columns], names=table.column_names)
