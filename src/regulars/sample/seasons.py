"""The shop's year: seasons, sales, gift windows and the hours of a day."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from regulars.sample.columns import Bools, Floats, Ints
from regulars.sample.settings import ShopSettings

SEASON_SENSITIVITIES = (0.4, 1.0, 1.8)
"""Exponents on the season's factor: people who buy all year, ordinary people, people who live by the seasons."""
SENSITIVITY_SHARES = (0.35, 0.45, 0.20)

PEAK_ISO_WEEKS = (20, 21, 22, 23)
"""The camping season: a peak that lies outside the fourth quarter."""
PEAK_FACTOR = 2.3
NOVEMBER_FACTOR = 1.35
CHRISTMAS_FACTOR = 1.9
AFTER_CHRISTMAS_FACTOR = 0.7
BLACK_WEEK_FACTOR = 2.2
SALE_FACTOR = 1.15
WEEKDAY_FACTORS = (1.05, 0.95, 0.95, 1.0, 1.0, 0.9, 1.15)

NO_SALE = 0
SALES = (
    ("", 0.0),
    ("WINTER20", 0.20),
    ("SPRING10", 0.10),
    ("SUMMER15", 0.15),
    ("BLACK25", 0.25),
)
"""Code and rate of each sale; a day's sale is an index into this."""

_HOUR_WEIGHTS = (2, 1, 0.5, 0.4, 0.4, 0.8, 2, 4, 5, 6, 6.5, 6, 6.5, 6, 5.5, 5.5, 6, 6.5, 8, 9.5, 9.5, 7, 4, 2.5)
LAST_DAY_SHARE = 20.0 / 24.0
"""Nothing happens in the last four hours (UTC) of the last day, so no time zone of the shop moves it to the next."""


@dataclass(frozen=True)
class Seasons:
    """The calendar of a shop; arrays have one value a day from ``start_on``."""

    cumulative: Floats
    """One row a sensitivity: expected orders from the start to each midnight for a purchase rate of one a day."""
    sale: Ints
    is_gift_window: Bools
    month: Ints
    """0 for January."""
    year_number: Ints
    arrival: Floats
    """Cumulative share of the customers who have arrived by each midnight."""
    day_count: int

    def days_of(self, expected: Floats, sensitivity: npt.NDArray[np.integer]) -> Floats:
        """The moment (in days) at which the cumulative season reaches a value, for each customer's sensitivity."""
        midnights = np.arange(self.day_count + 1, dtype=np.float64)
        moments = np.empty_like(expected)
        for group in range(len(SEASON_SENSITIVITIES)):
            of_group = sensitivity == group
            moments[of_group] = np.interp(expected[of_group], self.cumulative[group], midnights)
        return moments

    def expected_by(self, moments: Floats, sensitivity: npt.NDArray[np.integer]) -> Floats:
        """The inverse of ``days_of``: the cumulative season at a moment."""
        midnights = np.arange(self.day_count + 1, dtype=np.float64)
        expected = np.empty_like(moments)
        for group in range(len(SEASON_SENSITIVITIES)):
            of_group = sensitivity == group
            expected[of_group] = np.interp(moments[of_group], midnights, self.cumulative[group])
        return expected


def mothers_day(year: int) -> date:
    """The second Sunday of May."""
    first = date(year, 5, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21 + 1)


def _factor(day: date) -> float:
    factor = WEEKDAY_FACTORS[day.weekday()]
    if day.isocalendar().week in PEAK_ISO_WEEKS:
        factor *= PEAK_FACTOR
    if day.month == 11:
        factor *= NOVEMBER_FACTOR
    if day.month == 12:
        factor *= CHRISTMAS_FACTOR if day.day <= 22 else AFTER_CHRISTMAS_FACTOR
    sale = _sale(day)
    if SALES[sale][0] == "BLACK25":
        factor *= BLACK_WEEK_FACTOR
    elif sale != NO_SALE:
        factor *= SALE_FACTOR
    return factor


def _sale(day: date) -> int:
    if date(day.year, 1, 2) <= day <= date(day.year, 1, 20):
        return 1
    if date(day.year, 4, 4) <= day <= date(day.year, 4, 10):
        return 2
    if date(day.year, 7, 5) <= day <= date(day.year, 7, 25):
        return 3
    if timedelta(days=-4) <= day - black_friday(day.year) <= timedelta(days=3):
        return 4
    return NO_SALE


def _in_gift_window(day: date) -> bool:
    return (
        date(day.year, 12, 1) <= day <= date(day.year, 12, 24)
        or date(day.year, 2, 5) <= day <= date(day.year, 2, 14)
        or timedelta(days=0) <= mothers_day(day.year) - day <= timedelta(days=10)
    )


def seasons_of(settings: ShopSettings) -> Seasons:
    """The calendar from the first to the last day of the shop."""
    days = [settings.start_on + timedelta(days=number) for number in range(settings.day_count)]
    factor = np.array([_factor(day) for day in days])
    # A purchase rate means orders a day in an average year, so the factor is scaled by a whole year even when the
    # shop is younger than that.
    year = [_factor(settings.start_on + timedelta(days=number)) for number in range(max(365, settings.day_count))]
    cumulative = np.zeros((len(SEASON_SENSITIVITIES), len(days) + 1))
    for group, sensitivity in enumerate(SEASON_SENSITIVITIES):
        cumulative[group, 1:] = np.cumsum(factor**sensitivity / np.mean(np.array(year) ** sensitivity))
    number = np.arange(len(days))
    arrivals = factor**0.7 * (1.0 + 2.0 * np.exp(-number / 90.0))
    arrival = np.concatenate([[0.0], np.cumsum(arrivals) / np.sum(arrivals)])
    return Seasons(
        cumulative=cumulative,
        sale=np.array([_sale(day) for day in days], dtype=np.int64),
        is_gift_window=np.array([_in_gift_window(day) for day in days]),
        month=np.array([day.month - 1 for day in days], dtype=np.int64),
        year_number=np.array([day.year - settings.start_on.year for day in days], dtype=np.int64),
        arrival=arrival,
        day_count=len(days),
    )


_HOUR_CUMULATIVE = np.concatenate([[0.0], np.cumsum(_HOUR_WEIGHTS) / np.sum(_HOUR_WEIGHTS)])


def seconds_at(moments: Floats, settings: ShopSettings) -> Ints:
    """Moments in days since the start as seconds since 1970, with the hours of the day as busy as people make them."""
    days = np.clip(np.floor(moments), 0, settings.day_count - 1)
    share = np.interp(moments - np.floor(moments), _HOUR_CUMULATIVE, np.arange(25) / 24.0)
    share = np.where(days == settings.day_count - 1, share * LAST_DAY_SHARE, share)
    return ((days + settings.first_day) * 86400.0 + np.floor(share * 86400.0)).astype(np.int64)


def day_of(seconds: Ints, settings: ShopSettings) -> Ints:
    """Number of the (UTC) day since the start, kept within the shop's days."""
    return np.clip(seconds // 86400 - settings.first_day, 0, settings.day_count - 1)
