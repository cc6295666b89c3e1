"""The back-test's figures, against values worked out by hand and scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from regulars.predict import metrics


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_log_loss_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    # Rounded, so that there are ties.
    probability = np.round(random.uniform(0.01, 0.99, 400), 1 + seed % 2)
    orders = random.poisson(probability)
    assert metrics.area_under_curve(orders, probability) == pytest.approx(roc_auc_score(orders > 0, probability))
    assert metrics.log_loss(orders, np.clip(probability, 0.01, 0.99)) == pytest.approx(
        sklearn_log_loss(orders > 0, np.clip(probability, 0.01, 0.99))
    )


def test_auc_counts_ties_half() -> None:
    # Pairs (buyer, other): .5 beats .2, ties with .5; .9 beats both: 3.5 of 4.
    assert metrics.area_under_curve(floats(1, 2, 0, 0), floats(0.5, 0.9, 0.2, 0.5)) == 3.5 / 4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("happened", [floats(0, 0, 0), floats(1, 3, 1)])
def test_auc_needs_both_kinds(happened: np.ndarray) -> None:
    assert np.isnan(metrics.area_under_curve(happened, floats(0.1, 0.2, 0.3)))


@pytest.mark.filterwarnings("error")
def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert metrics.log_loss(floats(1, 0), floats(0.0, 0.0)) == pytest.approx(-np.log(1e-6) / 2)


def test_calibration_error_by_hand() -> None:
    # Bin .1-.2: two customers, mean .15, half bought: .35. Bin .9-1 (1 is in it): two, mean .95, both: .05.
    error = metrics.calibration_error(floats(0, 1, 1, 4), floats(0.1, 0.2 - 1e-12, 0.9, 1.0))
    assert error == pytest.approx((2 * 0.35 + 2 * 0.05) / 4)
    bins = metrics.calibration(floats(0, 1, 1, 4), floats(0.1, 0.19, 0.9, 1.0))
    assert bins == [(2, pytest.approx(0.145), 0.5), (2, pytest.approx(0.95), 1.0)]


def test_errors_by_hand() -> None:
    actual, expected = floats(0, 2, 4), floats(1, 2, 0)
    assert metrics.mean_absolute_error(actual, expected) == pytest.approx(5 / 3)
    assert metrics.root_mean_square_error(actual, expected) == pytest.approx(np.sqrt(17 / 3))
    assert metrics.total_bias(actual, expected) == pytest.approx(-0.5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("actual", [floats(0, 0), floats(5, -5), floats(1, -9)])
def test_a_share_of_nothing_is_no_number(actual: np.ndarray) -> None:
    assert np.isnan(metrics.total_bias(actual, floats(1, 2)))
    assert np.isnan(metrics.normalised_gini(actual, floats(1, 2)))


def test_gini_is_that_of_the_curve_summed_up_step_by_step() -> None:
    random = np.random.default_rng(3)
    actual, score = random.gamma(0.3, 100.0, 500), random.normal(size=500)

    def area(by: np.ndarray) -> float:
        shares = np.cumsum(actual[np.argsort(-by)]) / actual.sum()
        return float(np.trapezoid(np.concatenate([[0.0], shares]), dx=1 / 500) - 0.5)

    assert metrics.normalised_gini(actual, score) == pytest.approx(area(score) / area(actual))
    assert metrics.normalised_gini(actual, actual * 7 - 3) == pytest.approx(1.0)
    assert metrics.normalised_gini(actual, -actual) == pytest.approx(-1.0)


def test_ties_mean_nothing_in_whatever_order_rows_come() -> None:
    actual, score = floats(9, 0, 0, 1), floats(1, 1, 1, 1)
    assert metrics.normalised_gini(actual, score) == pytest.approx(0.0)
    assert metrics.lift_of_top(actual, score, share=0.5) == pytest.approx(1.0)
    assert metrics.area_under_curve(actual, score) == 0.5


def test_lift_by_hand() -> None:
    score = np.arange(20.0)
    bought = np.zeros(20)
    bought[[19, 3, 4, 5]] = 1
    # The top tenth are two customers, one of whom bought: a half, against a fifth of all.
    assert metrics.lift_of_top(bought, score) == pytest.approx(2.5)
    assert np.isnan(metrics.lift_of_top(np.zeros(20), score))
