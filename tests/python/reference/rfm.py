"""RFM scores, cells and tiers."""

from __future__ import annotations

import pandas as pd

from .ranks import lowest_ranks, scores

SCORES = ["recency_score", "frequency_score", "monetary_score", "fm_score"]


def customer_rfm(facts: pd.DataFrame, tiers: pd.DataFrame) -> pd.DataFrame:
    buyers = facts[facts["order_count"] > 0]
    scored = pd.DataFrame(
        {
            "recency_score": scores(lowest_ranks(buyers["recency_days"].astype("int64"), descending=True)),
            "frequency_score": scores(lowest_ranks(buyers["order_count"])),
            "monetary_score": scores(lowest_ranks(buyers["net_revenue_amount"])),
        }
    )
    scored["fm_score"] = (scored["frequency_score"] + scored["monetary_score"] + 1) // 2
    tier_of = {(row.recency_score, row.fm_score): row.rfm_tier for row in tiers.itertuples()}
    frame = pd.DataFrame(index=facts.index)
    frame[SCORES] = scored.reindex(facts.index).astype("Int64")
    cells = scored["recency_score"].astype(str) + scored["frequency_score"].astype(str)
    frame["rfm_cell"] = (cells + scored["monetary_score"].astype(str)).reindex(facts.index)
    found = [tier_of.get(pair) for pair in zip(scored["recency_score"], scored["fm_score"], strict=True)]
    frame["rfm_tier"] = pd.Series(found, index=scored.index, dtype=object).reindex(facts.index)
    frame.loc[facts["order_count"] == 0, "rfm_tier"] = "prospects"
    return frame
