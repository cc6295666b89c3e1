"""Predictions are not computed a second time here: they are read, and what the segments make of them is computed."""

from __future__ import annotations

import duckdb
import pandas as pd

from .frames import query

COLUMNS = [
    "customer_id",
    "expected_orders_365d",
    "expected_revenue_ticks",
    "purchase_probability_30d",
    "expected_amount_ticks",
    "basis",
]


def read_predictions(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Those that count (a learnt model or the purchase model), by customer; none where nothing was built."""
    found = connection.execute(
        "select count(*) from information_schema.tables"
        " where table_schema = 'marts' and table_name = 'pred_purchase_intent'"
    ).fetchone()
    if found is None or not found[0]:
        return pd.DataFrame(columns=COLUMNS).set_index("customer_id")
    return query(
        connection,
        """
        select
            customer_id,
            expected_orders_365d,
            cast(round(expected_revenue_365d * 10000) as bigint) as expected_revenue_ticks,
            purchase_probability_30d,
            cast(round(expected_order_amount * 10000) as bigint) as expected_amount_ticks,
            basis
        from marts.pred_purchase_intent
        where basis in ('blend', 'btyd')
        """,
    ).set_index("customer_id")
