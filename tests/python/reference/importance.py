"""Importance from the history and, where there are any, from the predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .ranks import lowest_ranks, percent_rank_at_least
from .rules import Rules


def customer_importance(facts: pd.DataFrame, predictions: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    buyers = facts[facts["order_count"] > 0]
    expected = predictions.reindex(buyers.index)
    orders = buyers["order_count"].astype(float) + expected["expected_orders_365d"].astype(float).fillna(0)
    revenue = buyers["net_revenue_amount"] + expected["expected_revenue_ticks"].astype(float).fillna(0).astype("int64")
    order_ranks = lowest_ranks(orders)
    revenue_ranks = lowest_ranks(revenue)
    labels = np.select(
        [
            (buyers["order_count"] == 1).to_numpy(),
            percent_rank_at_least(order_ranks, rules.vip_percent_rank)
            & percent_rank_at_least(revenue_ranks, rules.vip_percent_rank),
            percent_rank_at_least(order_ranks, rules.frequent_percent_rank),
        ],
        ["one_time", "vip", "frequent"],
        "loyal",
    )
    importance = pd.Series(labels, index=buyers.index, dtype=object).reindex(facts.index)
    basis = expected["basis"].astype(object).fillna("history").reindex(facts.index)
    return pd.DataFrame({"importance": importance.fillna("none"), "importance_basis": basis})
