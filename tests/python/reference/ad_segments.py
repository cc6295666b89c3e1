"""Advertising segments: customer × segment, a customer is in many."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from .money import TICKS_PER_UNIT, at_least
from .orders import UNCATEGORISED
from .ranks import lowest_ranks, percent_rank_at_least
from .rules import Rules

FLOAT_DOUBT = 1e-9


def customer_ad_segments(
    facts: pd.DataFrame,
    categories: pd.DataFrame,
    lifecycle_state: pd.Series,
    typical: float,
    predictions: pd.DataFrame,
    rules: Rules,
) -> pd.DataFrame:
    orders = facts["order_count"]
    is_inactive = lifecycle_state.isin(["slipping_away", "lost"])
    is_unmoved = (
        facts["is_subscribed"]
        & (facts["email_received_count"] >= rules.disengaged_emails).fillna(False).astype(bool)
        & (facts["engagement_count_90d"] == 0).fillna(False).astype(bool)
    )
    members = {
        "all_customers": orders >= 1,
        "best_customers": _best(facts, typical, rules),
        "sale_shoppers": _sale_shoppers(facts, rules),
        "full_price_shoppers": (orders >= rules.sale_shopper_orders) & (facts["discounted_order_count"] == 0),
        "gift_buyers": facts["gift_order_count"] >= 1,
        "disengaged": is_unmoved | is_inactive,
        "peak_season_buyers": _peak_season_buyers(facts, rules),
        "likely_to_buy_30d": _likely_to_buy(facts, predictions, rules),
        "likely_high_order_value": _likely_high_order_value(facts, predictions, rules),
    }
    frames = [
        pd.DataFrame({"customer_id": facts.index[np.asarray(is_member, dtype=bool)], "ad_segment": segment})
        for segment, is_member in members.items()
    ]
    named = categories[(categories["net_unit_count"] >= TICKS_PER_UNIT) & (categories["category"] != UNCATEGORISED)]
    frames.append(
        pd.DataFrame(
            {"customer_id": named["customer_id"], "ad_segment": "category_buyers:" + named["category"].astype("str")}
        )
    )
    return pd.concat(frames, ignore_index=True)


def _best(facts: pd.DataFrame, typical: float, rules: Rules) -> pd.Series:
    buyers = facts[facts["order_count"] > 0]
    share = rules.best_customer_percent_rank
    is_best = (
        (buyers["order_count"] >= rules.best_customer_orders)
        & percent_rank_at_least(lowest_ranks(buyers["order_count"]), share)
        & percent_rank_at_least(lowest_ranks(buyers["net_revenue_amount"]), share)
        & (buyers["median_gap_days"] <= typical)
    )
    return is_best.reindex(facts.index, fill_value=False)


def _sale_shoppers(facts: pd.DataFrame, rules: Rules) -> pd.Series:
    """The score in floats, and in exact fractions where a float could be on the wrong side of the threshold."""
    is_member = pd.Series(False, index=facts.index)
    discounted = facts[(facts["order_count"] > 0) & (facts["discounted_order_count"] > 0)]
    discounted = discounted[discounted["gross_revenue_amount"] > 0]
    if discounted.empty:
        return is_member
    position = (rules.sale_reference_percent * len(discounted) + 99) // 100
    reference = discounted.sort_values("discount_share").iloc[max(position, 1) - 1]
    repeat = facts[(facts["order_count"] >= rules.sale_shopper_orders) & (facts["gross_revenue_amount"] > 0)]
    weight = float(rules.sale_discount_weight)
    score = (
        weight * (repeat["discount_share"] / reference["discount_share"]).clip(upper=1)
        + (1 - weight) * repeat["discounted_order_count"] / repeat["order_count"]
    )
    reaches = score >= float(rules.sale_shopper_score)
    doubtful = (score - float(rules.sale_shopper_score)).abs() < FLOAT_DOUBT
    for customer in repeat.index[doubtful]:
        reaches[customer] = _exact_sale_score(repeat.loc[customer], reference, rules) >= rules.sale_shopper_score
    is_member.loc[repeat.index[reaches]] = True
    return is_member


def _exact_sale_score(customer: pd.Series, reference: pd.Series, rules: Rules) -> Fraction:
    share = Fraction(int(customer["discount_amount"]), int(customer["gross_revenue_amount"]))
    reference_share = Fraction(int(reference["discount_amount"]), int(reference["gross_revenue_amount"]))
    of_orders = Fraction(int(customer["discounted_order_count"]), int(customer["order_count"]))
    weight = rules.sale_discount_weight
    return weight * min(Fraction(1), share / reference_share) + (1 - weight) * of_orders


def _peak_season_buyers(facts: pd.DataFrame, rules: Rules) -> np.ndarray:
    orders, peaks = facts["order_count"].to_numpy(), facts["peak_order_count"].to_numpy()
    is_regular = (orders >= rules.peak_season_orders) & at_least(peaks, orders, rules.peak_season_share)
    return is_regular | ((orders == 1) & (peaks == 1))


def _of_buyers(facts: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions[predictions.index.isin(facts.index[facts["order_count"] > 0])]


def _likely_to_buy(facts: pd.DataFrame, predictions: pd.DataFrame, rules: Rules) -> pd.Series:
    of_buyers = _of_buyers(facts, predictions)
    probability = of_buyers["purchase_probability_30d"].astype(float)
    # One division: a mean of exactly .2 stays .2, and nobody with .2 is above it.
    mean = (probability * 1e6).round().sum() / (1e6 * max(len(probability), 1))
    is_likely = percent_rank_at_least(lowest_ranks(probability), rules.likely_buyer_percent_rank) & (
        probability.to_numpy() > mean
    )
    return pd.Series(is_likely, index=of_buyers.index).reindex(facts.index, fill_value=False)


def _likely_high_order_value(facts: pd.DataFrame, predictions: pd.DataFrame, rules: Rules) -> pd.Series:
    of_buyers = _of_buyers(facts, predictions)
    ranks = lowest_ranks(of_buyers["expected_amount_ticks"].astype("int64"))
    is_high = percent_rank_at_least(ranks, rules.likely_high_value_percent_rank)
    return pd.Series(is_high, index=of_buyers.index).reindex(facts.index, fill_value=False)
