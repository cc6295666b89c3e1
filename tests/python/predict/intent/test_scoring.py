"""From probabilities to days and words, by hand."""

import numpy as np
import pytest

from regulars.predict.intent import scoring
from regulars.predict.intent.scoring import Churn, median_days, probability_by, risk_of


def by_horizon(*rows: tuple[float, float, float]) -> dict[int, np.ndarray]:
    table = np.array(rows)
    return {30: table[:, 0], 90: table[:, 1], 365: table[:, 2]}


def constant(chance_a_day: float) -> tuple[float, float, float]:
    return tuple(1 - (1 - chance_a_day) ** days for days in (30, 90, 365))


@pytest.mark.filterwarnings("error")
def test_days_until_the_chance_is_a_half() -> None:
    rows = [
        constant(1 - 0.5 ** (1 / 10)),
        constant(1 - 0.5 ** (1 / 60)),
        (0.0, 0.0, 0.75),
        (0.1, 0.5, 0.6),
        (0.1, 0.2, 0.49),
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0),
    ]
    days = median_days(by_horizon(*rows))
    # Of nothing for 90 days and three quarters by 365, half has come midway; ½ at 90 is 90; below ½ there is none.
    assert days[:4] == pytest.approx([10, 60, 227.5, 90])
    assert np.isnan(days[4:6]).all()
    assert 0 < days[6] < 2


@pytest.mark.filterwarnings("error")
def test_median_of_those_who_order_within_a_horizon() -> None:
    # .4 by day 90, so .2 is half: with .2 by day 30 that is day 30. A chance that hardly is has its middle at 45.
    days = median_days(by_horizon((0.2, 0.4, 0.5), constant(1e-7), (0.0, 0.0, 0.5)), within=90)
    assert days[:2] == pytest.approx([30, 45], rel=1e-3)
    assert np.isnan(days[2])
    rising = by_horizon(*(constant(chance) for chance in (0.001, 0.01, 0.1)))
    assert np.all(median_days(rising, within=90) < 45)


@pytest.mark.filterwarnings("error")
def test_probability_between_horizons() -> None:
    found = by_horizon(constant(0.01), (0.1, 0.3, 0.6), (0.0, 0.0, 1.0))
    for days in (1, 15, 30, 60, 90, 200, 365):
        assert probability_by(found, days)[0] == pytest.approx(1 - 0.99**days)
    for days in (30, 90, 365):
        assert probability_by(found, days) == pytest.approx(found[days], abs=1e-11)
    steps = [probability_by(found, days) for days in range(1, 366)]
    assert np.all(np.diff(steps, axis=0) >= -1e-12)


def test_a_bound_belongs_to_the_risk_it_begins() -> None:
    churn = Churn(365, 0.33, 0.66)
    probability = np.array([0.0, 0.329999, 0.33, 0.5, 0.65999949, 0.6599996, 0.66, 1.0])
    assert risk_of(probability, churn).tolist() == ["low", "low", "medium", "medium", "medium", "high", "high", "high"]
    # What is written decides: nobody sees a probability of .330000 called low.
    assert risk_of(np.array([0.3299996]), churn).tolist() == ["medium"]


def test_an_amount_beyond_the_type_is_held_at_what_no_shop_has() -> None:
    amounts = scoring._money(np.array([1.2e14, -1.2e14, 12.345, np.nan])).cast(scoring.MONEY)
    assert [None if value is None else float(value) for value in amounts.to_pylist()] == [1e13, -1e13, 12.34, None]
