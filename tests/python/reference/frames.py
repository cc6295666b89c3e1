"""Query results as frames without loss: whole numbers with nulls stay whole, where plain pandas would make floats."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

EXACT_TYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(na_value=np.nan),
}


def query(connection: duckdb.DuckDBPyConnection, statement: str) -> pd.DataFrame:
    return connection.execute(statement).to_arrow_table().to_pandas(types_mapper=EXACT_TYPES.get)


def look_up(keys: pd.Series, values: pd.Series) -> pd.Series:
    """The value of each key, missing where there is none; unlike ``map`` it keeps the type when nothing matches."""
    found = values.reindex(pd.Index(keys.array))
    return found.set_axis(keys.index)
