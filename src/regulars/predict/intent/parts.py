"""The parts that tell customers apart: each learns from past snapshots and ranks customers for one horizon.

For the probability to order: the purchase model (MBG/NBD) alone, a logistic regression on logarithms and rhythm, and
gradient boosting on the same. For the number of orders: the purchase model's expectation, and a ratio to it learnt by a
Poisson regression and by boosting. Parts are averaged, log odds or logarithms, and a part stays only where it helps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from regulars.predict.intent.design import FURTHEST

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PROBABILITY_PARTS = ("regression", "boosting")
COUNT_PARTS = ("purchase_model", "regression", "boosting")

BOOSTING: dict[str, float | int] = {
    "learning_rate": 0.1,
    "max_iter": 40,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 100,
    "l2_regularization": 10.0,
    "max_features": 0.3,
    "random_state": 0,
}
"""Small trees: the features say most already, and what is left is little and noisy. Twice as many at half the rate were
no better on three shops, and took half as long again."""
DATE_BOOSTING: dict[str, float | int] = {
    "max_iter": 60, "max_leaf_nodes": 8, "min_samples_leaf": 50
}  # fmt: skip
REGRESSION_STRENGTH = 0.05
POISSON_PENALTY = 1e-2
SNAPSHOT_WEIGHT = 3.0
"""Snapshots have a level each; a larger column is held back less by the penalty."""
FEWEST_FOR_BOOSTING = 2_000
STEPS_PER_DEVIATION = 31
"""Trees see 249 steps of each feature: hardly fewer than the 255 bins they would make, and no search for weighted
quantiles, which takes scikit-learn 1.9 four times as long as the trees. And the last bits of a sum move nobody across
a split."""
LEARN_FADE_DAYS = 365.0
"""A snapshot of a year ago counts 1/e as much as one of today."""


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each feature, from the rows learnt from."""

    mean: Floats
    deviation: Floats

    def __call__(self, matrix: Floats) -> Floats:
        """Standardised and held within +-`FURTHEST`."""
        scaled: Floats = np.clip((matrix - self.mean) / self.deviation, -FURTHEST, FURTHEST)
        return scaled


@dataclass(frozen=True)
class Linear:
    """Weights on standardised features and a constant."""

    weights: Floats
    constant: float

    def __call__(self, scaled: Floats) -> Floats:
        """One number a row. Added up feature by feature: a matrix product differs by how rows are batched."""
        total = np.full(len(scaled), self.constant)
        for column, weight in enumerate(self.weights):
            total += weight * scaled[:, column]
        return total


@dataclass(frozen=True)
class LearningRows:
    """n (customer, snapshot) rows with their outcome."""

    scaled: Floats
    """Standardised features, n rows."""
    days_ago: Ints
    """Which snapshot."""


def scaling_of(matrix: Floats) -> Scaling:
    """Mean and deviation of every column; 1 for a column that never varies."""
    deviation = matrix.std(axis=0)
    return Scaling(matrix.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0))


def fit_probability(rows: LearningRows, happened: Floats, parts: Sequence[str]) -> dict[str, object]:
    """Each named part, learnt from who ordered (1) and who did not (0)."""
    weight = _weights(rows.days_ago)
    fitted: dict[str, object] = {}
    if "regression" in parts:
        model = LogisticRegression(C=REGRESSION_STRENGTH, max_iter=300, tol=1e-4)
        model.fit(np.hstack([rows.scaled, _snapshot_columns(rows.days_ago)]), happened > 0, weight)
        width = rows.scaled.shape[1]
        fitted["regression"] = Linear(model.coef_[0][:width].copy(), float(model.intercept_[0]))
    if "boosting" in parts and _is_enough(happened):
        booster = HistGradientBoostingClassifier(**BOOSTING, early_stopping=False)
        fitted["boosting"] = booster.fit(stepped(rows.scaled), happened > 0, weight)
    return fitted


def log_odds(fitted: Mapping[str, object], scaled: Floats) -> dict[str, Floats]:
    """The log odds of each part for n rows."""
    return {name: _odds_of(part, scaled) for name, part in fitted.items()}


def fit_ratio(rows: LearningRows, actual: Floats, expected: Floats, parts: Sequence[str]) -> dict[str, object]:
    """Each named part, learnt from the ratio of the orders that came to those expected.

    A Poisson regression with the logarithm of the expectation as offset is the same as one of the ratio weighted with
    the expectation. The ratio keeps a customer of a hundred orders a year in proportion, where trees would cut her off.
    """
    weight = _weights(rows.days_ago) * expected
    weight /= weight.mean()
    ratio = actual / expected
    fitted: dict[str, object] = {}
    if "regression" in parts:
        model = PoissonRegressor(alpha=POISSON_PENALTY, max_iter=300, tol=1e-5)
        model.fit(rows.scaled, ratio, weight)
        fitted["regression"] = Linear(model.coef_.copy(), float(model.intercept_))
    if "boosting" in parts and _is_enough(actual):
        booster = HistGradientBoostingRegressor(**BOOSTING, loss="poisson", early_stopping=False)
        fitted["boosting"] = booster.fit(stepped(rows.scaled), ratio, weight)
    return fitted


def log_ratios(fitted: Mapping[str, object], scaled: Floats) -> dict[str, Floats]:
    """The logarithm of each part's ratio for n rows; the purchase model's own is 0."""
    ratios = {"purchase_model": np.zeros(len(scaled))}
    for name, part in fitted.items():
        if isinstance(part, Linear):
            ratios[name] = np.clip(part(scaled), -3.0, 3.0)
        elif isinstance(part, HistGradientBoostingRegressor):
            ratios[name] = np.log(np.maximum(part.predict(stepped(scaled)), 0.05))
    return ratios


def fit_days(rows: LearningRows, days: Floats) -> HistGradientBoostingRegressor | None:
    """The median of the days to the next order of those who order within the horizon; None with too few of them."""
    if len(days) < FEWEST_FOR_BOOSTING // 4:
        return None
    settings = {**BOOSTING, **DATE_BOOSTING}
    booster = HistGradientBoostingRegressor(**settings, loss="absolute_error", early_stopping=False)
    return booster.fit(stepped(rows.scaled), days, _weights(rows.days_ago))


def stepped(scaled: Floats) -> Floats:
    """Standardised features, rounded to steps, as trees see them."""
    steps: Floats = np.round(scaled * STEPS_PER_DEVIATION)
    return steps


def _odds_of(part: object, scaled: Floats) -> Floats:
    if isinstance(part, Linear):
        return part(scaled)
    if not isinstance(part, HistGradientBoostingClassifier):
        raise TypeError(f"{type(part).__name__} is no part of a probability")
    odds: Floats = part.decision_function(stepped(scaled))
    return odds


def _weights(days_ago: Ints) -> Floats:
    weights: Floats = np.exp(-days_ago / LEARN_FADE_DAYS)
    return weights


def _snapshot_columns(days_ago: Ints) -> Floats:
    """One column a snapshot, so that the season it fell in is not taken for something about its customers."""
    distinct, place = np.unique(days_ago, return_inverse=True)
    columns = np.zeros((len(days_ago), len(distinct)))
    columns[np.arange(len(days_ago)), place] = SNAPSHOT_WEIGHT
    return columns


def _is_enough(outcome: Floats) -> bool:
    """Trees need rows of both kinds."""
    some = int((outcome > 0).sum())
    return len(outcome) >= FEWEST_FOR_BOOSTING and min(some, len(outcome) - some) >= FEWEST_FOR_BOOSTING // 20
