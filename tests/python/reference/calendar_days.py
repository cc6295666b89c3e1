"""Local calendar days as whole numbers since 1970-01-01: windows are then plain subtraction."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

EPOCH = datetime.date(1970, 1, 1)


def day_number(day: datetime.date) -> int:
    return (day - EPOCH).days


def as_date(number: int) -> datetime.date:
    return EPOCH + datetime.timedelta(days=int(number))


def dates(numbers: pd.Series) -> pd.Series:
    """Dates of day numbers; what is missing stays missing."""
    return pd.Series(
        [None if pd.isna(number) else as_date(int(number)) for number in numbers], index=numbers.index, dtype=object
    )


def local_days(instants: pd.Series, timezone: str) -> pd.Series:
    """The shop's calendar day of each instant, as a nullable day number."""
    local = instants.dt.tz_convert(timezone).dt.tz_localize(None)
    return ((local.dt.normalize() - pd.Timestamp(EPOCH)) / pd.Timedelta(days=1)).round().astype("Int64")


def iso_weeks(days: pd.Series) -> pd.DataFrame:
    """ISO year and week of each day number, its month, and those of the week's Monday and Sunday."""
    moments = pd.to_datetime(days.astype("int64"), unit="D")
    iso = moments.dt.isocalendar()
    monday = moments - pd.to_timedelta(iso["day"].astype("int64") - 1, unit="D")
    return pd.DataFrame(
        {
            "iso_year": iso["year"].astype("int64"),
            "iso_week": iso["week"].astype("int64"),
            "monday_month": monday.dt.month.astype("int64"),
            "sunday_month": (monday + pd.Timedelta(days=6)).dt.month.astype("int64"),
            "month": moments.dt.month.astype("int64"),
        },
        index=days.index,
    )


def months(days: pd.Series) -> pd.Series:
    """Calendar month of each day number as year * 12 + month; missing stays missing."""
    moments = pd.to_datetime(days.astype("float64"), unit="D")
    return (moments.dt.year * 12 + moments.dt.month).astype("Int64")


def middle(values: np.ndarray) -> float:
    """Median, the mean of the two middle values for even counts."""
    return float(np.median(values))
