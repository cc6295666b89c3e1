"""When a label changes if nothing else happens: evaluate it again on every later day until it differs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from .calendar_days import as_date


def first_change(evaluate: Callable[[int], np.ndarray], as_of: int, horizon_days: int) -> list[object]:
    """First later as-of date at which ``evaluate(offset)`` differs from ``evaluate(0)``; None without one."""
    today = evaluate(0)
    offset_of_change = np.full(len(today), -1)
    for offset in range(1, horizon_days + 1):
        open_rows = offset_of_change < 0
        if not open_rows.any():
            break
        offset_of_change[open_rows & (evaluate(offset) != today)] = offset
    return [as_date(as_of + offset) if offset > 0 else None for offset in offset_of_change]


def date_column(values: list[object], index: pd.Index) -> pd.Series:
    return pd.Series(values, index=index, dtype=object)
