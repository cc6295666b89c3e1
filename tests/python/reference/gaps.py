"""Order days, the gaps between them and the shop's typical gap, today or as of any earlier day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calendar_days import middle
from .rules import Rules


def order_days(valid_orders: pd.DataFrame) -> pd.DataFrame:
    """Distinct (customer, day) with ``gap``, the days since the day before; missing on the first."""
    days = valid_orders.dropna(subset=["customer_id"])[["customer_id", "day"]].astype({"day": "int64"})
    days = days.drop_duplicates().sort_values(["customer_id", "day"]).reset_index(drop=True)
    days["gap"] = days.groupby("customer_id")["day"].diff()
    return days


def typical_gap(gaps: np.ndarray, rules: Rules) -> float:
    """Median of the shop's gaps, or the default while there are too few of them."""
    if len(gaps) < rules.min_gaps_for_typical or len(gaps) == 0:
        return float(rules.default_gap_days)
    return middle(gaps)


def typical_gap_before(days: pd.DataFrame, moments: np.ndarray, rules: Rules) -> dict[int, float]:
    """The typical gap as of each of these days: gaps whose closing order day came before it."""
    closed = days.dropna(subset=["gap"]).sort_values("day")
    closing_days = closed["day"].to_numpy()
    gaps = closed["gap"].to_numpy()
    typical = {}
    for moment in np.unique(moments):
        typical[int(moment)] = typical_gap(gaps[: np.searchsorted(closing_days, moment, side="left")], rules)
    return typical
