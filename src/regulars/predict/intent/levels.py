"""How high the tide is: the part of demand that moves the whole shop at once, by snapshot, and its forecast.

The parts of a model tell customers apart. How many orders come in all also depends on the season and the trend, which
no customer's history shows. On each past snapshot the level is what had to be added to all predictions (a shift of the
log odds, or the logarithm of a factor) to meet what came.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

Floats = npt.NDArray[np.float64]

YEAR_DAYS = 365
FADE_DAYS = 60.0
"""Of two snapshots, one 60 days older counts 1/e as much for the level of today."""
LONG_WINDOW_DAYS = 60
"""A shorter window is averaged with its neighbours: a season comes some days earlier or later."""
DRIFT_WEIGHT = 0.5
"""How much of the difference to a year ago is taken to last: halfway between all and nothing."""
HIGHEST_SHIFT = 8.0
SEASON = "the same weeks a year ago"
SEASON_AND_NEWEST = "the same weeks a year ago and the newest snapshots"
NEWEST = "the newest snapshots"


@dataclass(frozen=True)
class Level:
    """What one past snapshot, with its outcome known, says."""

    value: float
    history_days: int
    """Days of orders before that snapshot."""


@dataclass(frozen=True)
class Forecast:
    """The level expected now and where it comes from."""

    value: float
    source: str
    """`SEASON`, `SEASON_AND_NEWEST` or `NEWEST`."""


def shift_to_rate(log_odds: Floats, rate: float) -> float:
    """What must be added to all log odds so that the mean probability is the rate; within +-8."""
    if not len(log_odds):
        return 0.0

    def excess(shift: float) -> float:
        return float(expit(log_odds + shift).mean()) - rate

    if excess(-HIGHEST_SHIFT) >= 0.0:
        return -HIGHEST_SHIFT
    if excess(HIGHEST_SHIFT) <= 0.0:
        return HIGHEST_SHIFT
    return float(brentq(excess, -HIGHEST_SHIFT, HIGHEST_SHIFT, xtol=1e-10))


def forecast(
    levels: Mapping[int, Level],
    *,
    days_ago: int,
    horizon_days: int,
    full_history_days: int | None,
    prior_snapshots: float = 0.0,
) -> Forecast:
    """The level of the snapshot ``days_ago``, from those whose outcome was known by then.

    Parameters
    ----------
    levels: by days before the as-of date. Only snapshots with ``days_ago + horizon_days`` or more are looked at.
    days_ago: the snapshot to forecast; 0 is today.
    horizon_days: length of the windows that the levels describe.
    full_history_days: so much history before a snapshot makes its level comparable; before, everybody looks new.
        None: no season is looked for.
    prior_snapshots: without a season, so many newest snapshots with a level of 0 are added to those that are known.

    The newest levels, fading, are what is known of every shop. With a comparable snapshot a year ago they are averaged
    with it. Where also one year can be held against another, as at least one known snapshot has a comparable one a year
    before it, the level is that of the same weeks a year ago, plus half of what the newest (up to three) such pairs
    differ by.
    """
    known = {ago: level for ago, level in levels.items() if ago >= days_ago + horizon_days}
    if not known:
        return Forecast(0.0, NEWEST)
    values = {ago: level.value for ago, level in known.items()}
    newest = min(known)
    history_days = known[newest].history_days + newest

    def year_before(ago: int) -> float | None:
        if full_history_days is None or history_days - ago - YEAR_DAYS < full_history_days:
            return None
        return _at(values, ago + YEAR_DAYS, horizon_days)

    year_ago = year_before(days_ago)
    pairs = [value - before for ago, value in sorted(values.items()) if (before := year_before(ago)) is not None][:3]
    if year_ago is not None and pairs:
        return Forecast(year_ago + DRIFT_WEIGHT * float(np.mean(pairs)), SEASON)
    weights = {ago: float(np.exp(-(ago - newest) / FADE_DAYS)) for ago in sorted(values)}
    faded = sum(weight * values[ago] for ago, weight in weights.items()) / (sum(weights.values()) + prior_snapshots)
    if year_ago is not None:
        return Forecast(year_ago + DRIFT_WEIGHT * (faded - year_ago), SEASON_AND_NEWEST)
    return Forecast(faded, NEWEST)


def _at(levels: Mapping[int, float], days_ago: int, horizon_days: int) -> float | None:
    """The level of a day in the past, averaged with the months around it for short windows; None where unknown."""
    value = _between(levels, days_ago)
    if value is None or horizon_days >= LONG_WINDOW_DAYS:
        return value
    sooner, later = _between(levels, days_ago - horizon_days), _between(levels, days_ago + horizon_days)
    if sooner is None or later is None:
        return value
    return 0.5 * value + 0.25 * (sooner + later)


def _between(levels: Mapping[int, float], days_ago: int) -> float | None:
    """The level on a day between two snapshots, by a straight line; None where there is none on one side."""
    nearer = [ago for ago in levels if ago <= days_ago]
    farther = [ago for ago in levels if ago >= days_ago]
    if not nearer or not farther:
        return None
    near, far = max(nearer), min(farther)
    share = (days_ago - near) / (far - near) if far > near else 0.0
    return (1.0 - share) * levels[near] + share * levels[far]
