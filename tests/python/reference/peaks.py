"""Peak windows: the seed's where it has any, else found from the shop's own weekly revenue."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from .calendar_days import iso_weeks, middle
from .rules import Rules

DAYS_PER_WEEK = 7


def is_peak_order(orders: pd.DataFrame, is_valid: pd.Series, seasons: pd.DataFrame, rules: Rules) -> np.ndarray:
    days = orders["day"].astype("int64")
    if len(seasons):
        inside = np.zeros(len(orders), dtype=bool)
        for season in seasons.itertuples():
            inside |= ((days >= season.starts_on) & (days <= season.ends_on)).to_numpy()
        return inside
    weeks = iso_weeks(days)
    peaks = peak_week_numbers(weeks[is_valid], orders.loc[is_valid, "net_amount"].astype("int64"), rules)
    return (weeks["iso_week"].isin(peaks) & (weeks["month"] <= rules.peak_last_month)).to_numpy()


def peak_week_numbers(weeks: pd.DataFrame, net_amounts: pd.Series, rules: Rules) -> set[int]:
    """ISO week numbers that are high in two years, or in the only one in which the shop saw such a week."""
    if weeks.empty:
        return set()
    keys = ["iso_year", "iso_week", "monday_month", "sunday_month"]
    by_week = weeks.assign(net=net_amounts).groupby(keys)["net"].sum().reset_index()
    medians = {year: middle(own["net"].to_numpy()) for year, own in by_week.groupby("iso_year")}
    # a median of whole ticks is a whole or a half, so twice the median is exact
    twice_median = by_week["iso_year"].map({year: round(2 * value) for year, value in medians.items()})
    ratio = rules.peak_week_ratio
    is_high = by_week["net"] * 2 * ratio.denominator >= twice_median * ratio.numerator
    high = by_week[is_high & (by_week[["monday_month", "sunday_month"]].max(axis=1) <= rules.peak_last_month)]
    high_years = high.groupby("iso_week")["iso_year"].nunique()
    first, last = (datetime.date.fromisocalendar(*by_week.iloc[at][["iso_year", "iso_week"]], 1) for at in (0, -1))
    seen: dict[int, set[int]] = {}
    while first <= last:
        seen.setdefault(first.isocalendar().week, set()).add(first.isocalendar().year)
        first += datetime.timedelta(days=DAYS_PER_WEEK)
    return {week for week, years in high_years.items() if years >= min(rules.peak_years, len(seen[week]))}
