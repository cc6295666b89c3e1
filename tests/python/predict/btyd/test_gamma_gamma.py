"""What an order is worth: recovered in simulation, finite for every amount, and clear where no mean exists."""

import numpy as np
import pytest
from scipy.special import gammaln

from regulars.errors import FitError, HistoryError
from regulars.predict.btyd.gamma_gamma import GammaGammaFit, collapse_spend, expected_amount, fit
from regulars.predict.btyd.statistics import Floats, Ints


def spend(p: float, q: float, gamma: float, customers: int, seed: int) -> tuple[Ints, Floats, Floats]:
    """Order counts from 1, mean amounts, and the amount of one further order each."""
    random = np.random.default_rng(seed)
    count = random.geometric(0.35, customers)
    rate = random.gamma(q, 1.0 / gamma, customers)
    return count, random.gamma(p * count, 1.0 / rate) / count, random.gamma(p, 1.0 / rate)


@pytest.mark.parametrize(("p", "q", "gamma"), [(6.25, 3.74, 15.44), (2.0, 2.5, 40.0), (30.0, 8.0, 9.0)])
def test_true_parameters_are_recovered_and_forecasts_calibrated(p: float, q: float, gamma: float) -> None:
    count, mean, following = spend(p, q, gamma, 100_000, seed=2)
    fitted = fit(collapse_spend(count, mean))
    assert fitted.converged
    assert fitted.has_finite_mean
    # Four standard errors over 20 seeds; p and gamma are known far better together than each alone.
    assert fitted.q == pytest.approx(q, rel=0.045)
    assert (fitted.p, fitted.gamma) == pytest.approx((p, gamma), rel=0.43 if p == 30.0 else 0.17)
    assert fitted.population_mean == pytest.approx(gamma * p / (q - 1.0), rel=0.02)
    expected = expected_amount(fitted, count, mean)
    order = np.argsort(expected, kind="stable")
    # The dearest tenth is left to the total: its spread has no end for small q.
    for rows in np.array_split(order, 10)[:-1]:
        error = following[rows].std() / np.sqrt(len(rows))
        assert abs(expected[rows].mean() - following[rows].mean()) < 4.5 * error + 0.01 * expected[rows].mean()
    # One-time buyers were not learnt from, and are foreseen all the same.
    once = count == 1
    assert expected[once].sum() == pytest.approx(following[once].sum(), rel=0.02)


def test_forecast_is_the_formula_of_the_note() -> None:
    count, mean, _ = spend(6.25, 3.74, 15.44, 5_000, seed=3)
    fitted = fit(collapse_spend(count, mean))
    by_note = fitted.p * (fitted.gamma + count * mean) / (fitted.p * count + fitted.q - 1.0)
    assert expected_amount(fitted, count, mean) == pytest.approx(by_note, rel=1e-12)


def test_likelihood_is_highest_at_the_fit_and_as_published() -> None:
    count, mean, _ = spend(6.25, 3.74, 15.44, 2_000, seed=4)
    kept = collapse_spend(count, mean)
    fitted = fit(kept)

    def likelihood(p: float, q: float, gamma: float) -> float:
        n, m = kept.order_count, kept.mean_amount
        rows = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(gamma) + (p * n - 1) * np.log(m)
        rows += p * n * np.log(n) - (p * n + q) * np.log(gamma + n * m)
        return float(kept.customer_count @ rows)

    top = likelihood(fitted.p, fitted.q, fitted.gamma)
    assert fitted.log_likelihood == pytest.approx(top, abs=1e-6)
    for factors in ((1.01, 1, 1), (0.99, 1, 1), (1, 1.01, 1), (1, 0.99, 1), (1, 1, 1.01), (1, 1, 0.99)):
        assert likelihood(fitted.p * factors[0], fitted.q * factors[1], fitted.gamma * factors[2]) < top


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("q", [0.4, 0.8, 1.0, 1.03])
def test_without_a_finite_mean_the_expected_rate_stands_in(q: float) -> None:
    # For q = 1.03 the mean exists, yet lies where nothing was observed.
    count, mean, following = spend(4.0, q, 20.0, 20_000, seed=5)
    fitted = fit(collapse_spend(count, mean))
    assert fitted.converged
    assert fitted.q == pytest.approx(q, rel=0.05)
    assert not fitted.has_finite_mean
    assert fitted.population_mean == pytest.approx(4.0 * 20.0 / q, rel=0.1)
    expected = expected_amount(fitted, count, mean)
    assert np.all(np.isfinite(expected) & (expected > 0.0))
    # Between own and population mean, and nearer to the own with more orders.
    low, high = np.minimum(mean, fitted.population_mean), np.maximum(mean, fitted.population_mean)
    assert np.all((expected >= low * (1 - 1e-12)) & (expected <= high * (1 + 1e-12)))
    shares = expected_amount(fitted, [1, 2, 20], [0.5 * fitted.population_mean] * 3) / fitted.population_mean
    assert shares[0] > shares[1] > shares[2] > 0.5
    # Sums of such amounts say nothing, as one customer makes them; the middle customer is foreseen.
    assert np.median(expected) == pytest.approx(np.median(following), rel=0.03)


ODD_AMOUNTS = {
    "one customer": ([3], [20.0]),
    "all amounts alike": ([2] * 500, [9.99] * 500),
    "one outlier": ([2] * 500 + [5], [9.99, 12.5] * 250 + [1e12]),
    "cents and millions": ([2, 3, 2, 900] * 50, [0.01, 1e7, 30.0, 2.0] * 50),
    "thousands of orders": ([10_000, 20_000, 2] * 30, [10.0, 11.0, 30.0] * 30),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("columns", ODD_AMOUNTS.values(), ids=ODD_AMOUNTS.keys())
def test_odd_amounts_give_finite_numbers_and_no_warning(columns: tuple[list[int], list[float]]) -> None:
    fitted = fit(collapse_spend(*columns))
    numbers = [fitted.p, fitted.q, fitted.gamma, fitted.population_mean, fitted.prior_weight, fitted.log_likelihood]
    assert np.all(np.isfinite(numbers))
    assert min(fitted.population_mean, fitted.prior_weight) > 0.0
    expected = expected_amount(fitted, *columns)
    assert np.all(np.isfinite(expected) & (expected > 0.0))
    assert not (fitted.converged and fitted.at_bounds)


@pytest.fixture(scope="module")
def fitted() -> GammaGammaFit:
    count, mean, _ = spend(6.25, 3.74, 15.44, 5_000, seed=3)
    return fit(collapse_spend(count, mean))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "mean"), [(0, 0.0), (3, 0.0), (3, -5.0), (0, 20.0), (2, np.nan), (2, np.inf)])
def test_customers_without_a_usable_amount_get_the_population_mean(
    fitted: GammaGammaFit, count: int, mean: float
) -> None:
    assert expected_amount(fitted, [count], [mean])[0] == fitted.population_mean


def test_customers_without_a_usable_amount_are_not_learnt_from(fitted: GammaGammaFit) -> None:
    count, mean, _ = spend(6.25, 3.74, 15.44, 5_000, seed=3)
    with_odd_ones = collapse_spend([*count, 4, 4, 4, 1], [*mean, 0.0, -3.0, np.nan, 12.0])
    assert fit(with_odd_ones) == fitted


def test_nobody_to_learn_from_is_refused() -> None:
    with pytest.raises(FitError, match="two orders or more"):
        fit(collapse_spend([1, 1, 2], [20.0, 30.0, -1.0]))
    with pytest.raises(HistoryError, match="expected one value of each per customer"):
        collapse_spend([1, 2], [20.0])


def test_no_amount_moves_by_collapsing() -> None:
    kept = collapse_spend([2, 2, 3], [10.0, 10.0, 12.345])
    assert kept.customer_count.tolist() == [2, 1]
    assert kept.mean_amount == pytest.approx([10.0, 12.345], rel=1e-4)
