"""Amounts in the reporting currency: the newest rate on or before the day, the reporting currency itself at 1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .money import RATE_SCALE


def rates_on(days: pd.Series, currencies: pd.Series, rates: pd.DataFrame, reporting: str | None) -> pd.Series:
    """Rate of each (day, currency) in 1/100,000,000; missing where there is none."""
    wanted = pd.DataFrame({"day": days.astype("int64"), "currency": currencies}).reset_index(names="row")
    found = pd.Series(pd.NA, index=days.index, dtype="Int64")
    known = rates.dropna(subset=["day", "currency", "rate"]).astype({"day": "int64"})
    for currency, rows in wanted.groupby("currency"):
        if currency == reporting:
            found.loc[rows["row"]] = RATE_SCALE
            continue
        own = known[known["currency"] == currency].sort_values("day")
        position = np.searchsorted(own["day"].to_numpy(), rows["day"].to_numpy(), side="right") - 1
        has_rate = position >= 0
        found.loc[rows["row"][has_rate]] = own["rate"].to_numpy()[position[has_rate]]
    return found
