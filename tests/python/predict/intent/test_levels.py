"""The level of the whole shop: a season only where years can be compared, else the newest snapshots."""

import numpy as np
import pytest
from scipy.special import expit, logit

from regulars.predict.intent.levels import (
    DRIFT_WEIGHT,
    NEWEST,
    SEASON,
    SEASON_AND_NEWEST,
    Level,
    forecast,
    shift_to_rate,
)

YEAR = 365


def levels(value, newest: int = 90, oldest: int = 720, history_days: int = 900) -> dict[int, Level]:
    """By days ago, every 30 days, of a shop with so much history."""
    return {ago: Level(value(ago), history_days - ago) for ago in range(newest, oldest + 1, 30)}


def wave(ago: float) -> float:
    return 0.6 * np.sin(2 * np.pi * ago / YEAR)


def test_a_season_is_recognised_and_met() -> None:
    found = forecast(levels(wave), days_ago=0, horizon_days=90, full_history_days=180)
    assert found.source == SEASON
    # Between snapshots 30 days apart the wave is taken as straight.
    assert found.value == pytest.approx(wave(0), abs=0.02)
    shifted = forecast(levels(lambda ago: wave(ago + 91)), days_ago=0, horizon_days=90, full_history_days=180)
    assert shifted.value == pytest.approx(0.6, abs=0.02)


def test_half_of_the_drift_of_the_newest_three_pairs_lasts() -> None:
    # This year .2 above the last; only the newest three pairs are asked, older ones differ by 5.
    def value(ago: float) -> float:
        return 1.0 + (0.2 if ago <= 150 else 5.2 if ago < 330 else 0.0)

    found = forecast(levels(value, oldest=780), days_ago=0, horizon_days=90, full_history_days=90)
    assert found.source == SEASON
    assert found.value == pytest.approx(1.0 + DRIFT_WEIGHT * 0.2)


@pytest.mark.parametrize(
    ("history_days", "oldest", "full"),
    [(500, 390, 180), (900, 330, 180), (900, 720, None)],
    ids=["a year ago the shop was new", "no snapshot a year ago", "no season wanted"],
)
def test_without_two_years_to_compare_it_is_the_newest_that_count(
    history_days: int, oldest: int, full: int | None
) -> None:
    known = levels(lambda ago: ago / 100, oldest=oldest, history_days=history_days)
    found = forecast(known, days_ago=0, horizon_days=90, full_history_days=full)
    weights = {ago: np.exp(-(ago - 90) / 60) for ago in known}
    assert found.source == NEWEST
    assert found.value == pytest.approx(sum(w * ago / 100 for ago, w in weights.items()) / sum(weights.values()))


def test_a_single_year_ago_is_averaged_with_the_newest() -> None:
    known = levels(lambda ago: 2.0 if ago > 330 else 1.0, oldest=400)
    found = forecast(known, days_ago=0, horizon_days=90, full_history_days=180)
    assert found.source == SEASON_AND_NEWEST
    newest = forecast(known, days_ago=0, horizon_days=90, full_history_days=None).value
    assert found.value == pytest.approx((2.0 + newest) / 2)


def test_doubt_draws_the_newest_levels_to_nothing() -> None:
    known = {90: Level(0.6, 300), 150: Level(0.6, 240)}
    found = forecast(known, days_ago=0, horizon_days=90, full_history_days=None, prior_snapshots=1.0)
    weight = 1 + np.exp(-1)
    assert found.value == pytest.approx(0.6 * weight / (weight + 1))


def test_a_short_window_is_averaged_with_the_months_around_it() -> None:
    known = levels(lambda ago: 1.0 if ago == 360 else 0.0, newest=30)
    short = forecast(known, days_ago=-5, horizon_days=30, full_history_days=180)
    assert short.source == SEASON
    # Half of the month itself; and the newest of three pairs has a fourth of (nearly) that month in its year before.
    assert short.value == pytest.approx(0.5 - DRIFT_WEIGHT * 0.25 * (25 / 30) / 3)
    long = forecast(known, days_ago=-5, horizon_days=60, full_history_days=180)
    assert long.value == pytest.approx(1.0)


def test_snapshots_that_are_missing_are_bridged_or_left_out() -> None:
    known = levels(wave)
    gone = {ago: level for ago, level in known.items() if ago not in (360, 390, 450)}
    found = forecast(gone, days_ago=0, horizon_days=90, full_history_days=180)
    assert found.source == SEASON
    assert found.value == pytest.approx(wave(0), abs=0.08)
    assert forecast({}, days_ago=0, horizon_days=90, full_history_days=180).value == 0.0
    only = forecast({120: Level(0.7, 500)}, days_ago=0, horizon_days=90, full_history_days=180)
    assert (only.value, only.source) == (pytest.approx(0.7), NEWEST)


def test_nothing_is_learnt_from_windows_that_were_not_over() -> None:
    known = levels(wave, newest=30)
    spoilt = known | {ago: Level(99.0, 0) for ago in (30, 60, 90, 120, 150)}
    for days_ago in (90, 120):
        honest = {ago: level for ago, level in known.items() if ago >= days_ago + 90}
        assert forecast({**spoilt, **honest}, days_ago=days_ago, horizon_days=90, full_history_days=180) == forecast(
            honest, days_ago=days_ago, horizon_days=90, full_history_days=180
        )


@pytest.mark.filterwarnings("error")
def test_shift_meets_the_rate_and_has_an_end() -> None:
    odds = np.random.default_rng(0).normal(size=300) * 2
    for rate in (0.03, 0.5, 0.9):
        assert expit(odds + shift_to_rate(odds, rate)).mean() == pytest.approx(rate, abs=1e-9)
    assert shift_to_rate(np.zeros(5), 0.2) == pytest.approx(logit(0.2))
    assert (shift_to_rate(odds, 0.0), shift_to_rate(odds, 1.0), shift_to_rate(np.zeros(0), 0.3)) == (-8.0, 8.0, 0.0)
