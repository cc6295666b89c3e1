"""The shop's average order, today and as its window moves on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .money import TICKS_PER_UNIT, rounded_ratio
from .rules import Rules


class ShopAverage:
    """Average amount of the orders in the window; None without an order there."""

    def __init__(self, days: pd.Series, amounts: pd.Series, as_of: int, rules: Rules, *, may_override: bool) -> None:
        order = np.argsort(days.to_numpy(dtype=np.int64), kind="stable")
        self._days = days.to_numpy(dtype=np.int64)[order]
        self._sum_before = np.concatenate([[0], np.cumsum(amounts.to_numpy(dtype=np.int64)[order])])
        self._as_of = as_of
        self._window_days = rules.aov_window_days
        given = rules.average_order_value if may_override else None
        self._override = None if given is None else round(given * TICKS_PER_UNIT)

    def later(self, offset: int) -> int | None:
        """The average as of so many days later, when no order is added."""
        if self._override is not None:
            return self._override
        first = 0
        if self._window_days is not None:
            first = int(np.searchsorted(self._days, self._as_of + offset - self._window_days, side="left"))
        count = len(self._days) - first
        if count == 0:
            return None
        return rounded_ratio(int(self._sum_before[-1] - self._sum_before[first]), count)
