"""The fourteen personas and the espresso shot."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .activity import Activity, counts_as_time_passes
from .changes import date_column, first_change
from .rules import Rules
from .shop_value import ShopAverage


def persona_labels(
    orders: np.ndarray,
    recency: np.ndarray,
    is_high: np.ndarray,
    recent_engagements: np.ndarray,
    engagements: np.ndarray,
    recent_intents: np.ndarray,
    profile_age: np.ndarray,
    *,
    knows_engagement: bool,
    rules: Rules,
) -> np.ndarray:
    """One persona each; unknown ages are given as a number that is not young."""
    bought = orders > 0
    frequent = orders >= rules.frequent_orders
    recent = recency <= rules.recent_purchase_days
    is_engaged = (recent_engagements >= 1) & knows_engagement
    dead_buyer = bought & (recency > rules.lapsed_purchase_days) & ~is_engaged
    still_potential = recency <= max(rules.recent_purchase_days, rules.just_passing_from_days)
    conditions = {
        "dead_weight": dead_buyer & ~recent,
        "high_roller": bought & recent & frequent & is_high,
        "brand_enthusiast": bought & recent & frequent,
        "potential_high_roller": bought & recent & is_high,
        "lapsed_high_roller": bought & ~recent & frequent & is_high,
        "lapsed_enthusiast": bought & ~recent & frequent,
        "one_hit_wonder": bought & ~recent & is_high,
        "potential_brand_enthusiast": bought & still_potential,
        "just_passing_through": bought,
        "window_shopper": recent_intents >= 1,
        "almost_there": knows_engagement & (recent_engagements >= rules.frequent_engagements),
        "waiting_for_wows": knows_engagement & (recent_engagements >= 1),
        "false_start": knows_engagement & (engagements >= rules.frequent_engagements),
        "too_new": profile_age < rules.too_new_days,
    }
    return np.select(list(conditions.values()), list(conditions), "dead_weight")


def customer_personas(
    facts: pd.DataFrame,
    created_on: pd.Series,
    activity: Activity,
    average: ShopAverage,
    as_of: int,
    rules: Rules,
    *,
    horizon_days: int | None,
) -> pd.DataFrame:
    orders = facts["order_count"].to_numpy()
    recency = facts["recency_days"].fillna(0).to_numpy(dtype=np.int64)
    value = facts["average_order_amount"].fillna(0).to_numpy(dtype=np.int64)
    lifetime = facts["engagement_count_lifetime"].fillna(0).to_numpy(dtype=np.int64)
    age = (as_of - created_on).fillna(rules.too_new_days).to_numpy(dtype=np.int64)
    window = rules.recent_engagement_days
    engaged = counts_as_time_passes(activity.engagements, facts.index, as_of, window)
    intents = counts_as_time_passes(activity.site_intents, facts.index, as_of, window)

    def labels(later: int) -> np.ndarray:
        shop_average = average.later(later)
        row = min(later, window + 1)
        return persona_labels(
            orders,
            recency + later,
            np.zeros(len(orders), dtype=bool) if shop_average is None else value > shop_average,
            engaged[row],
            lifetime,
            intents[row],
            age + later,
            knows_engagement=activity.has_email_source,
            rules=rules,
        )

    frame = pd.DataFrame(index=facts.index)
    frame["persona"] = labels(0)
    frame["is_espresso_shot"] = _is_espresso_shot(facts, activity, as_of, rules)
    if horizon_days is not None:
        frame["persona_changes_on"] = date_column(first_change(labels, as_of, horizon_days), facts.index)
    return frame


def _is_espresso_shot(facts: pd.DataFrame, activity: Activity, as_of: int, rules: Rules) -> np.ndarray:
    """Engaged within the window and no valid order at that instant or after it."""
    engagements = activity.engagements
    recent = engagements[engagements["day"] >= as_of - rules.espresso_engagement_days]
    is_recent = facts.index.isin(recent["customer_id"].dropna())
    has_ordered_since = (facts["last_ordered_at"] >= facts["last_engaged_at"]).to_numpy(dtype=bool)
    return is_recent & ~has_ordered_since
