"""Fits find the parameters that made the data, and say so when there is nothing to find."""

import warnings
from types import ModuleType

import numpy as np
import pytest

from predict.btyd.simulate import Simulated, simulate
from regulars.errors import FitError
from regulars.predict.btyd import bgnbd, forecast, geometric, mbgnbd
from regulars.predict.btyd.geometric import Parameters
from regulars.predict.btyd.statistics import CollapsedHistories, Histories, collapse, histories_of

MODELS = (bgnbd, mbgnbd)
COLUMNS = ("frequency", "recency_days", "age_days")


def test_true_parameters_are_recovered(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    fitted = geometric.fit(collapse(simulated.histories), first_order_can_be_last=true.first_order_can_be_last)
    found = fitted.parameters
    assert fitted.converged
    assert fitted.log_likelihood >= geometric.log_likelihood(true, collapse(simulated.histories))
    # Four standard errors of 200,000 customers, measured over 20 seeds.
    assert found.r == pytest.approx(true.r, rel=0.055)
    assert found.alpha_days == pytest.approx(true.alpha_days, rel=0.055)
    assert found.a == pytest.approx(true.a, rel=0.13)
    assert found.b == pytest.approx(true.b, rel=0.14)
    assert found.a / (found.a + found.b) == pytest.approx(true.a / (true.a + true.b), rel=0.05)


@pytest.mark.parametrize("first_order_can_be_last", [False, True])
def test_slope_is_the_derivative(first_order_can_be_last: bool) -> None:
    true = Parameters(0.6, 300.0, 0.8, 2.5, first_order_can_be_last)
    simulated = simulate(true, 500, longest_age_days=2_000, horizon_days=1.0, seed=3)
    likelihood = geometric._prepare(collapse(simulated.histories), first_order_can_be_last, 500.0)
    point = np.array([0.5, 0.7, 1.2, 2.0])
    _, slope = likelihood.value_and_slope(point)
    for direction, step in enumerate(np.eye(4) * 1e-5):
        up, down = likelihood.value_and_slope(point + step)[0], likelihood.value_and_slope(point - step)[0]
        assert slope[direction] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-4)


def test_likelihood_is_that_of_single_customers_added_up() -> None:
    # Each by hand: x = 0 stops never in the BG/NBD, with b / (a + b) left in the MBG/NBD.
    r, alpha, a, b = 0.5, 10.0, 1.0, 3.0
    once = collapse(histories_of([0], [0], [30]))
    still_active = (alpha / (alpha + 30.0)) ** r
    assert np.exp(bgnbd.log_likelihood(bgnbd.parameters_of(r, alpha, a, b), once)) == pytest.approx(still_active)
    assert np.exp(mbgnbd.log_likelihood(mbgnbd.parameters_of(r, alpha, a, b), once)) == pytest.approx(
        0.75 * still_active + 0.25
    )
    # x = 1 at day 20 of 30: rate r / alpha, then survived (b / (a + b)) or stopped there (a / (a + b)).
    twice = collapse(histories_of([1], [20], [30]))
    alone = r * alpha**r * (0.75 * 40.0 ** -(r + 1) + 0.25 * 30.0 ** -(r + 1))
    assert np.exp(bgnbd.log_likelihood(bgnbd.parameters_of(r, alpha, a, b), twice)) == pytest.approx(alone)
    both = collapse(histories_of([0, 1], [0, 20], [30, 30]))
    parameters = bgnbd.parameters_of(r, alpha, a, b)
    parts = bgnbd.log_likelihood(parameters, once) + bgnbd.log_likelihood(parameters, twice)
    assert bgnbd.log_likelihood(parameters, both) == pytest.approx(parts)


def test_any_order_of_the_customers_gives_the_same_digits(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    kept = [getattr(simulated.histories, name)[:20_000] for name in COLUMNS]
    shuffled = np.random.default_rng(0).permutation(20_000)
    fits = [
        geometric.fit(collapse(Histories(*columns)), first_order_can_be_last=true.first_order_can_be_last)
        for columns in (kept, [column[shuffled] for column in kept])
    ]
    assert fits[0] == fits[1]


def test_another_time_unit_gives_the_same_fit(shop: tuple[Parameters, Simulated]) -> None:
    true, simulated = shop
    kept = [getattr(simulated.histories, name)[:20_000] for name in COLUMNS]
    model = {"first_order_can_be_last": true.first_order_can_be_last}
    days = geometric.fit(collapse(Histories(*kept)), **model)
    hours = geometric.fit(collapse(Histories(kept[0], kept[1] * 24, kept[2] * 24)), **model)
    assert hours.parameters.alpha_days / 24 == pytest.approx(days.parameters.alpha_days, rel=1e-4)
    assert hours.parameters.b == pytest.approx(days.parameters.b, rel=1e-3)
    orders = float(kept[0].sum())
    assert hours.log_likelihood + orders * np.log(24.0) == pytest.approx(days.log_likelihood, abs=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_nobody_and_one_time_buyers_alone_are_refused(model: ModuleType) -> None:
    with pytest.raises(FitError, match="there is no customer to learn from"):
        model.fit(collapse(histories_of([], [], [])))
    with pytest.raises(FitError, match="none of the 3 customers has a second order day"):
        model.fit(collapse(histories_of([0, 0, 0], [0, 0, 0], [9, 0, 5])))


ODD_SHOPS = {
    "one customer": ([3], [40], [50]),
    "one customer who came back on the last day": ([1], [1], [1]),
    "one with 10,000 orders": ([10_000], [10_000], [10_000]),
    "one with 10,000 orders among one-time buyers": ([10_000] + [0] * 50, [12_000] + [0] * 50, [12_000] + [300] * 50),
    "all alike": ([2] * 400, [60] * 400, [90] * 400),
    "all back every day": ([99] * 40, [99] * 40, [99] * 40),
    "all stopped at once": ([1] * 300, [1] * 300, [3_000] * 300),
    "one repeat buyer of a thousand": ([0] * 999 + [1], [0] * 999 + [10], [365] * 1_000),
    "nobody ever stops": ([9] * 100 + [99] * 100, [900] * 100 + [995] * 100, [901] * 100 + [1_000] * 100),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("columns", ODD_SHOPS.values(), ids=ODD_SHOPS.keys())
def test_odd_shops_give_finite_numbers_and_no_warning(columns: tuple[list[int], ...], model: ModuleType) -> None:
    histories = histories_of(*columns)
    fitted = model.fit(collapse(histories))
    found = fitted.parameters
    assert all(np.isfinite([found.r, found.alpha_days, found.a, found.b, fitted.log_likelihood]))
    assert min(found.r, found.alpha_days, found.a, found.b) > 0.0
    assert not (fitted.converged and fitted.at_bounds)
    for horizon in (1.0, 365.0, 1e5):
        expected = model.expected_orders(found, histories, horizon)
        ordering = model.probability_of_order(found, histories, horizon)
        assert np.all(np.isfinite(expected))
        assert np.all((ordering >= 0.0) & (ordering <= 1.0))
        assert np.all(expected >= ordering - 1e-7)
    days = forecast.days_to_next_order(found, histories, limit_days=365.0)
    assert np.all(np.isnan(days) | ((days > 0.0) & (days <= 365.0)))


def with_more_one_time_buyers(collapsed: CollapsedHistories, times: int) -> CollapsedHistories:
    once = collapsed.histories.frequency == 0
    return CollapsedHistories(collapsed.histories, np.where(once, times, 1) * collapsed.customer_count)


@pytest.mark.parametrize("first_order_can_be_last", [False, True])
def test_few_repeat_buyers_are_not_sampled_away(monkeypatch: pytest.MonkeyPatch, first_order_can_be_last: bool) -> None:
    true = Parameters(0.5, 900.0, 0.8, 2.5, first_order_can_be_last)
    # A seed whose a and b are not at the end of a long flat ridge, where one processor's last digits decide how far a
    # fit walks.
    seen = simulate(true, 3_000, longest_age_days=3_000, horizon_days=1.0, seed=11).histories
    shop = with_more_one_time_buyers(collapse(seen), times=2_000)
    whole = geometric.fit(shop, first_order_can_be_last=first_order_can_be_last)
    assert whole.converged
    monkeypatch.setattr(geometric, "FEW_HISTORIES", 0)
    sampled = geometric.fit(shop, first_order_can_be_last=first_order_can_be_last)
    assert sampled.log_likelihood == pytest.approx(whole.log_likelihood, abs=0.01)


def test_one_customer_is_no_converged_fit() -> None:
    assert not bgnbd.fit(collapse(histories_of([3], [40], [50]))).converged
    assert not mbgnbd.fit(collapse(histories_of([10_000], [10_000], [10_000]))).converged


def test_customers_who_never_stop_are_named_at_a_bound() -> None:
    random = np.random.default_rng(5)
    age = np.full(2_000, 5_000)
    orders = random.poisson(random.gamma(1.0, 1.0 / 500.0, 2_000) * 5_000)
    recency = np.where(orders > 0, np.ceil(5_000 * random.beta(np.maximum(orders, 1), 1.0)), 0).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = bgnbd.fit(collapse(histories_of(np.minimum(orders, recency), recency, age)))
    assert fitted.parameters.a / (fitted.parameters.a + fitted.parameters.b) < 0.005
    assert fitted.parameters.r == pytest.approx(1.0, rel=0.1)
