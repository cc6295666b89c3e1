"""Importance from the history alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .ranks import lowest_ranks, percent_rank_at_least
from .rules import Rules


def customer_importance(facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    buyers = facts[facts["order_count"] > 0]
    order_ranks = lowest_ranks(buyers["order_count"])
    revenue_ranks = lowest_ranks(buyers["net_revenue_amount"])
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
    basis = pd.Series("history", index=buyers.index, dtype=object).reindex(facts.index)
    return pd.DataFrame({"importance": importance.fillna("none"), "importance_basis": basis})
