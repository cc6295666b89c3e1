"""Forecasts are what happens in simulation, agree with the published closed forms, and stay finite at the edges."""

from types import ModuleType

import numpy as np
import pytest
from scipy.special import hyp2f1

from predict.btyd.simulate import Simulated
from regulars.errors import HorizonError
from regulars.predict.btyd import bgnbd, geometric, mbgnbd
from regulars.predict.btyd.forecast import (
    days_to_next_order,
    expected_orders,
    probability_alive,
    probability_of_order,
)
from regulars.predict.btyd.geometric import Parameters
from regulars.predict.btyd.statistics import Floats, Histories, collapse, histories_of

HORIZON = 2_000.0
FIRST_ORDER = histories_of([0], [0], [0])


def assert_calibrated(predicted: Floats, happened: Floats) -> None:
    """In total and in each tenth of the customers by prediction: means within four and a half standard errors."""
    order = np.argsort(predicted, kind="stable")
    for rows in (order, *np.array_split(order, 10)):
        error = happened[rows].std() / np.sqrt(len(rows))
        assert abs(predicted[rows].mean() - happened[rows].mean()) < 4.5 * error + 1e-4


def test_expected_orders_are_what_comes(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    assert_calibrated(expected_orders(true, simulated.histories, HORIZON), simulated.orders_after)


def test_what_half_of_the_customers_teach_holds_for_the_others(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    kept = [getattr(simulated.histories, name) for name in ("frequency", "recency_days", "age_days")]
    half = len(kept[0]) // 2
    taught = collapse(Histories(*(column[:half] for column in kept)))
    fitted = geometric.fit(taught, first_order_can_be_last=true.first_order_can_be_last).parameters
    others = Histories(*(column[half:] for column in kept))
    orders = simulated.orders_after[half:]
    assert expected_orders(fitted, others, HORIZON).sum() == pytest.approx(orders.sum(), rel=0.03)
    assert probability_of_order(fitted, others, HORIZON).sum() == pytest.approx((orders > 0).sum(), rel=0.02)


@pytest.mark.parametrize("horizon", [50.0, 500.0, HORIZON])
def test_probability_of_an_order_is_the_share_who_order(shop: tuple[Parameters, Simulated], horizon: float) -> None:
    true, simulated = shop
    ordered = (simulated.days_to_next <= horizon).astype(np.float64)
    assert_calibrated(probability_of_order(true, simulated.histories, horizon), ordered)


def test_half_have_ordered_by_the_median(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    for probability in (0.1, 0.5, 0.8):
        days = days_to_next_order(true, simulated.histories, probability=probability, limit_days=HORIZON)
        known = np.isfinite(days)
        assert known.sum() > 1_000
        share = np.mean(simulated.days_to_next[known] <= days[known])
        assert share == pytest.approx(probability, abs=4.0 * np.sqrt(0.25 / known.sum()))
        back = [
            probability_of_order(true, simulated.histories, float(day))[row]
            for row, day in enumerate(days[:20])
            if np.isfinite(day)
        ]
        assert back == pytest.approx([probability] * len(back), rel=1e-9)


def test_half_of_those_who_order_have_done_so_by_half_of_their_probability(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    half = 0.5 * probability_of_order(true, simulated.histories, HORIZON)
    days = days_to_next_order(true, simulated.histories, probability=half, limit_days=HORIZON)
    assert np.all(np.isfinite(days))
    orders = np.isfinite(simulated.days_to_next)
    share = np.mean(simulated.days_to_next[orders] <= days[orders])
    assert share == pytest.approx(0.5, abs=4.0 * np.sqrt(0.25 / orders.sum()))


def test_who_may_never_order_has_no_median(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    days = days_to_next_order(true, simulated.histories, limit_days=365.0)
    is_likely = probability_of_order(true, simulated.histories, 365.0) >= 0.5
    assert np.array_equal(np.isfinite(days), is_likely)
    without_limit = days_to_next_order(true, simulated.histories)
    assert np.array_equal(np.isfinite(without_limit), probability_alive(true, simulated.histories) > 0.5)


def by_hypergeometric_function(parameters: Parameters, histories: Histories, horizon: float) -> Floats:
    """Fader, Hardie and Lee (2005), equation 10, with one more chance to stop in the MBG/NBD; given active."""
    r, a = parameters.r + histories.frequency, parameters.a
    b = parameters.b + parameters.chances(histories.frequency)
    age = parameters.alpha_days + histories.age_days
    function = hyp2f1(r, b, a + b - 1.0, horizon / (age + horizon))
    return (a + b - 1.0) / (a - 1.0) * (1.0 - (age / (age + horizon)) ** r * function)


@pytest.mark.parametrize("model", [bgnbd, mbgnbd])
@pytest.mark.parametrize("a", [0.05, 0.79, 0.95, 2.5, 40.0])
@pytest.mark.parametrize("b", [0.05, 2.4, 30.0])
@pytest.mark.parametrize("r", [0.05, 0.24, 2.0])
def test_expected_orders_are_the_published_closed_form(model: ModuleType, a: float, b: float, r: float) -> None:
    random = np.random.default_rng(4)
    frequency = random.integers(0, 40, 60)
    age = frequency + random.integers(0, 700, 60)
    histories = histories_of(frequency, frequency, age)
    for alpha_days in (1.0, 30.0, 300.0):
        parameters = model.parameters_of(r, alpha_days, a, b)
        for horizon in (30.0, 365.0):
            closed = by_hypergeometric_function(parameters, histories, horizon)
            is_known = np.isfinite(closed) & (closed > 0.0)
            assert is_known.sum() > 50
            expected = probability_alive(parameters, histories) * closed
            found = expected_orders(parameters, histories, horizon)
            assert found[is_known] == pytest.approx(expected[is_known], rel=1e-8)


@pytest.mark.filterwarnings("error")
def test_a_of_one_is_no_special_case() -> None:
    # The closed form is 0 / 0 there: values on both sides meet.
    values = [
        float(expected_orders(bgnbd.parameters_of(0.24, 30.0, a, 2.4), histories_of([4], [50], [90]), 365.0)[0])
        for a in (1.0 - 1e-6, 1.0, 1.0 + 1e-6)
    ]
    assert values[1] == pytest.approx(0.5 * (values[0] + values[2]), rel=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", [bgnbd, mbgnbd])
def test_edges_are_finite(model: ModuleType) -> None:
    histories = histories_of(
        [0, 0, 1, 5, 9_999, 10_000, 10_000, 50_000],
        [0, 0, 1, 5, 10_000, 10_000, 10_000, 50_000],
        [0, 100_000, 100_000, 100_000, 10_000, 10_000, 100_000, 50_000],
    )
    for r in (1e-3, 0.5, 1e3):
        for alpha_days in (1e-4, 10.0, 1e6):
            for a in (1e-4, 1.0, 1e4):
                for b in (1e-4, 1.0, 1e4):
                    parameters = model.parameters_of(r, alpha_days, a, b)
                    alive = probability_alive(parameters, histories)
                    ordering = probability_of_order(parameters, histories, 365.0)
                    orders = expected_orders(parameters, histories, 365.0)
                    days = days_to_next_order(parameters, histories, limit_days=365.0)
                    assert np.all((alive >= 0.0) & (alive <= 1.0))
                    assert np.all((ordering >= 0.0) & (ordering <= alive))
                    assert np.all(np.isfinite(orders) & (orders >= 0.0))
                    assert np.all(np.isnan(days) | ((days > 0.0) & (days <= 365.0)))


def test_ten_thousand_orders_go_on_at_their_pace() -> None:
    # One a day for 10,000 days: given active, one a day, until a of a + b + 10,000 orders is the last.
    parameters = bgnbd.parameters_of(0.5, 30.0, 0.8, 2.5)
    found = float(expected_orders(parameters, histories_of([10_000], [10_000], [10_000]), 365.0)[0])
    alive = float(probability_alive(parameters, histories_of([10_000], [10_000], [10_000]))[0])
    assert found / alive == pytest.approx(365.0 * 10_000.5 / 10_030.0, rel=0.02)


def test_one_time_buyers_are_active_in_one_model_only() -> None:
    assert probability_alive(bgnbd.parameters_of(0.5, 30.0, 1.0, 3.0), FIRST_ORDER)[0] == 1.0
    assert probability_alive(mbgnbd.parameters_of(0.5, 30.0, 1.0, 3.0), FIRST_ORDER)[0] == pytest.approx(0.75)


def test_longer_horizons_expect_more_and_no_horizon_nothing(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    kept = simulated.histories
    few = Histories(kept.frequency[:500], kept.recency_days[:500], kept.age_days[:500])
    by_horizon = [expected_orders(true, few, horizon) for horizon in (0.0, 1.0, 30.0, 365.0, 3_650.0)]
    assert np.all(np.abs(by_horizon[0]) < 1e-12)
    assert np.all(np.diff(by_horizon, axis=0) > 0.0)
    assert np.all(probability_of_order(true, few, 0.0) == 0.0)


def test_nobody_is_forecast_as_nobody() -> None:
    nobody = histories_of([], [], [])
    parameters = bgnbd.parameters_of(0.5, 30.0, 1.0, 3.0)
    assert len(expected_orders(parameters, nobody, 90.0)) == 0
    assert len(days_to_next_order(parameters, nobody)) == 0


@pytest.mark.parametrize("horizon", [-1.0, float("nan"), float("inf")])
def test_horizons_out_of_range_are_refused(horizon: float) -> None:
    parameters = bgnbd.parameters_of(0.5, 30.0, 1.0, 3.0)
    for forecast in (expected_orders, probability_of_order):
        with pytest.raises(HorizonError, match="horizon_days"):
            forecast(parameters, FIRST_ORDER, horizon)


@pytest.mark.parametrize("out_of_range", [{"probability": -0.1}, {"probability": 1.0}, {"limit_days": 0.0}])
def test_probabilities_and_limits_out_of_range_are_refused(out_of_range: dict[str, float]) -> None:
    with pytest.raises(HorizonError, match="out of range"):
        days_to_next_order(bgnbd.parameters_of(0.5, 30.0, 1.0, 3.0), FIRST_ORDER, **out_of_range)
