"""Value × activity: six types and the unreachable."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calendar_days import local_days
from .changes import date_column, first_change
from .lifecycle import Rhythm, states
from .rules import Rules
from .shop_value import ShopAverage


def type_labels(
    is_buyer: np.ndarray, is_active: np.ndarray, is_high: np.ndarray, has_cart: np.ndarray, is_subscribed: np.ndarray
) -> np.ndarray:
    return np.select(
        [
            is_buyer & is_high & is_active,
            is_buyer & is_active,
            is_buyer & is_high,
            is_buyer,
            has_cart,
            is_subscribed,
        ],
        ["loyal", "low_value_active", "at_risk", "non_target", "abandoned_cart", "subscriber"],
        "unreachable",
    )


def customer_types(
    facts: pd.DataFrame,
    rhythm: Rhythm,
    value_per_order: pd.Series,
    average: ShopAverage,
    as_of: int,
    rules: Rules,
    *,
    horizon_days: int | None,
) -> pd.DataFrame:
    """``value_per_order`` and ``average`` are of the same kind: order value, or margin."""
    is_buyer = facts["order_count"].to_numpy() > 0
    is_subscribed = facts["is_subscribed"].to_numpy()
    knows_value = value_per_order.notna().to_numpy()
    value = value_per_order.fillna(0).to_numpy(dtype=np.int64)
    has_cart = facts["open_cart_at"].notna().to_numpy()
    cart_day = local_days(facts["open_cart_at"], rules.shop_timezone).fillna(0).to_numpy(dtype=np.int64)

    def labels(later: int) -> np.ndarray:
        shop_average = average.later(later)
        is_high = np.zeros(len(value), dtype=bool) if shop_average is None else knows_value & (value >= shop_average)
        is_active = np.isin(states(rhythm, later, rules), ["new", "active"])
        is_open = has_cart & (cart_day >= as_of + later - rules.open_cart_days)
        return type_labels(is_buyer, is_active, is_high, is_open, is_subscribed)

    frame = pd.DataFrame(index=facts.index)
    frame["customer_type"] = labels(0)
    frame["has_open_cart"] = has_cart
    if horizon_days is not None:
        frame["customer_type_changes_on"] = date_column(first_change(labels, as_of, horizon_days), facts.index)
    return frame
