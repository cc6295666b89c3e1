"""One horizon: fit its parts on past snapshots, choose which to keep, set the level, and predict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit

from regulars.predict import metrics
from regulars.predict.btyd import mbgnbd
from regulars.predict.intent import parts
from regulars.predict.intent.design import Buyers, ShopView, expected_amounts, expected_orders, log_odds_of
from regulars.predict.intent.levels import NEWEST, SEASON, Forecast, Level, forecast, shift_to_rate
from regulars.predict.intent.parts import LearningRows, Scaling, scaling_of
from regulars.predict.intent.snapshots import Snapshot, known_by

Floats = npt.NDArray[np.float64]

PURCHASE_MODEL = "purchase_model"
RECENCY = "recency"
LAST_PERIOD = "last_period"
PROBABILITY_LADDER: tuple[tuple[str, ...], ...] = ((PURCHASE_MODEL,), ("regression",), ("regression", "boosting"))
COUNT_LADDER: tuple[tuple[str, ...], ...] = (
    (PURCHASE_MODEL,),
    (PURCHASE_MODEL, "regression"),
    (PURCHASE_MODEL, "regression", "boosting"),
)
JUDGES = 3
"""Snapshots that parts are judged on: one alone is moved by what happened to happen in its weeks."""
Loss = Callable[[Sequence[Snapshot], Sequence[Snapshot], int, Sequence[tuple[str, ...]]], dict[tuple[str, ...], float]]
RECENCY_BINS = 20
LEAST_SLOPE, GREATEST_SLOPE = 0.7, 1.3
SLOPE_WEIGHT = 0.5
PRIOR_SNAPSHOTS = 1.0
"""The purchase model is right as it stands: so many snapshots' worth of doubt about what the newest ones add to it."""


@dataclass(frozen=True)
class ProbabilityModel:
    """P(at least one order within the horizon)."""

    horizon_days: int
    kept_parts: tuple[str, ...]
    fitted: Mapping[str, object]
    scaling: Scaling | None
    level: Forecast
    """Forecast from the parts' own levels or from the purchase model's: see `fit_probability`."""
    slope: float = 1.0
    shift: float = 0.0
    """Of the stretched log odds, so that the mean probability is the rate that the level foresees."""
    recency_table: tuple[Floats, Floats] | None = None
    """Upper edges of recency, and the log odds within; for the naive baseline."""

    def log_odds(self, buyers: Buyers, matrix: Floats, shop: ShopView) -> Floats:
        """The parts' mean, before level and slope."""
        if self.kept_parts == (RECENCY,) and self.recency_table is not None:
            edges, odds = self.recency_table
            return odds[np.minimum(np.searchsorted(edges, buyers["recency_days"]), len(odds) - 1)]
        if self.scaling is None or self.kept_parts == (PURCHASE_MODEL,):
            return purchase_log_odds(buyers, shop, self.horizon_days)
        found = parts.log_odds(self.fitted, self.scaling(matrix))
        return mean_of(found, self.kept_parts)

    def probability(self, buyers: Buyers, matrix: Floats, shop: ShopView) -> Floats:
        """Of n customers, with season and calibration."""
        probability: Floats = expit(self.slope * self.log_odds(buyers, matrix, shop) + self.shift)
        return probability


@dataclass(frozen=True)
class CountModel:
    """The expected number of order days within the horizon, and what they bring in."""

    horizon_days: int
    kept_parts: tuple[str, ...]
    fitted: Mapping[str, object]
    scaling: Scaling | None
    level: Forecast
    """As above."""
    shift: float = 0.0
    """Logarithm of the factor that brings all orders to the total that the level foresees."""
    revenue_level: Forecast = field(default_factory=lambda: Forecast(0.0, NEWEST))
    """On top of orders times amount: what a season does to the amount of an order."""

    def orders_before_level(self, buyers: Buyers, matrix: Floats, shop: ShopView) -> Floats:
        """The parts' geometric mean."""
        expected = expected_orders(buyers, shop, self.horizon_days)
        if self.kept_parts == (LAST_PERIOD,):
            days = min(self.horizon_days, 365)
            return np.maximum(buyers[f"order_days_{days}d"], 0.05)
        if self.scaling is None or self.kept_parts == (PURCHASE_MODEL,):
            return expected
        found = parts.log_ratios(self.fitted, self.scaling(matrix))
        orders: Floats = expected * np.exp(mean_of(found, self.kept_parts))
        return orders

    def orders(self, buyers: Buyers, matrix: Floats, shop: ShopView) -> Floats:
        """Of n customers, with the season."""
        orders: Floats = self.orders_before_level(buyers, matrix, shop) * np.exp(self.shift)
        return orders


def mean_of(found: Mapping[str, Floats], names: Sequence[str]) -> Floats:
    """The mean of the named parts; of those that could be fitted."""
    there = [found[name] for name in names if name in found]
    return np.mean(there, axis=0) if len(there) > 1 else there[0]


def purchase_log_odds(buyers: Buyers, shop: ShopView, horizon: int) -> Floats:
    """The purchase model's probability, as log odds."""
    return log_odds_of(mbgnbd.probability_of_order(shop.purchases, buyers.histories, horizon), least=1e-6)


# -- learning


def fit_probability(
    snapshots: Sequence[Snapshot],
    target: Snapshot,
    horizon: int,
    kept_parts: tuple[str, ...],
    *,
    slope: float = 1.0,
    full_history_days: int | None,
) -> ProbabilityModel:
    """The model for the target snapshot, from the snapshots whose outcome was known by then."""
    known = known_by(snapshots, target.days_ago, horizon)
    wanted = [name for name in kept_parts if name in parts.PROBABILITY_PARTS]
    scaling, fitted = None, {}
    if known and wanted:
        rows, scaling = learning_rows(known)
        happened = np.concatenate([snapshot.orders(horizon) for snapshot in known])
        fitted = parts.fit_probability(rows, happened, wanted)
        kept_parts = tuple(name for name in kept_parts if name in fitted)
    table = recency_table(known[0], horizon) if known and kept_parts == (RECENCY,) else None
    model = ProbabilityModel(
        horizon, kept_parts, fitted, scaling, Forecast(0.0, NEWEST), slope, 0.0, recency_table=table
    )
    if not len(target):
        return model

    def level_of(odds: Callable[[Snapshot], Floats]) -> tuple[Forecast, float]:
        """The forecast, and the rate on the target day that follows."""
        levels = {snapshot.days_ago: _shift_of(odds(snapshot), snapshot, horizon) for snapshot in known}
        found = _demand(levels, target, horizon, full_history_days)
        return found, float(expit(odds(target) + found.value).mean())

    # Of a young shop the purchase model foresees the rate: it knows how silence and age wear on, while what was learnt
    # from the first months has never seen customers as old as today's. With years to compare, what was learnt has.
    level, rate = level_of(lambda snapshot: model.log_odds(snapshot.buyers, snapshot.matrix, snapshot.shop))
    if level.source != SEASON:
        level, rate = level_of(lambda snapshot: purchase_log_odds(snapshot.buyers, snapshot.shop, horizon))
    odds = slope * model.log_odds(target.buyers, target.matrix, target.shop)
    return replace(model, level=level, shift=shift_to_rate(odds, rate))


def _demand(levels: Mapping[int, Level], target: Snapshot, horizon: int, full_history_days: int | None) -> Forecast:
    """The level of demand on the target day."""
    return forecast(
        levels,
        days_ago=target.days_ago,
        horizon_days=horizon,
        full_history_days=full_history_days,
        prior_snapshots=PRIOR_SNAPSHOTS,
    )


def _shift_of(odds: Floats, snapshot: Snapshot, horizon: int) -> Level:
    """The level that one past snapshot asks for.

    As if one customer more had been there, as likely to order as the others were thought to be: of a few customers
    none may order, and the shift that says so has no end.
    """
    bought = float((snapshot.orders(horizon) > 0).sum())
    rate = (bought + float(expit(odds).mean())) / (len(snapshot) + 1.0)
    return Level(shift_to_rate(odds, rate), snapshot.history_days)


def fit_counts(
    snapshots: Sequence[Snapshot],
    target: Snapshot,
    horizon: int,
    kept_parts: tuple[str, ...],
    *,
    full_history_days: int | None,
) -> CountModel:
    """The model for the target snapshot, from the snapshots whose outcome was known by then."""
    known = known_by(snapshots, target.days_ago, horizon)
    wanted = [name for name in kept_parts if name in ("regression", "boosting")]
    scaling, fitted = None, {}
    if known and wanted:
        rows, scaling = learning_rows(known)
        actual = np.concatenate([snapshot.orders(horizon) for snapshot in known])
        expected = np.concatenate([_levelled_expectation(snapshot, horizon) for snapshot in known])
        fitted = parts.fit_ratio(rows, actual, expected, wanted)
        kept_parts = tuple(name for name in kept_parts if name in fitted or name == PURCHASE_MODEL)
    model = CountModel(horizon, kept_parts, fitted, scaling, Forecast(0.0, NEWEST))
    if not len(target):
        return model

    def level_of(orders: Callable[[Snapshot], Floats]) -> tuple[Forecast, float]:
        """The forecast, and the total on the target day that follows."""
        # As if one order more had come, and been expected: the same as for probabilities.
        levels = {
            snapshot.days_ago: Level(
                _log_ratio(snapshot.orders(horizon).sum() + 1.0, orders(snapshot).sum() + 1.0), snapshot.history_days
            )
            for snapshot in known
        }
        found = _demand(levels, target, horizon, full_history_days)
        return found, float(orders(target).sum()) * float(np.exp(found.value))

    def own_orders(snapshot: Snapshot) -> Floats:
        return model.orders_before_level(snapshot.buyers, snapshot.matrix, snapshot.shop)

    # As for probabilities: whose level depends on how long the shop is known.
    level, total = level_of(own_orders)
    if level.source != SEASON:
        level, total = level_of(lambda snapshot: expected_orders(snapshot.buyers, snapshot.shop, horizon))
    revenue_levels = {}
    for snapshot in known:
        orders, revenue = own_orders(snapshot), float(snapshot.revenue(horizon).sum())
        factor = _log_ratio(snapshot.orders(horizon).sum() + 1.0, orders.sum() + 1.0)
        worth = float((orders * np.exp(factor) * expected_amounts(snapshot.buyers, snapshot.shop)).sum())
        revenue_levels[snapshot.days_ago] = Level(_log_ratio(revenue, worth), snapshot.history_days)
    revenue_level = forecast(
        revenue_levels, days_ago=target.days_ago, horizon_days=horizon, full_history_days=full_history_days
    )
    shift = _log_ratio(total, float(own_orders(target).sum()))
    return replace(model, level=level, shift=shift, revenue_level=revenue_level)


def learning_rows(known: Sequence[Snapshot]) -> tuple[LearningRows, Scaling]:
    """The rows of some snapshots as one, standardised."""
    matrix = np.vstack([snapshot.matrix for snapshot in known])
    scaling = scaling_of(matrix)
    days_ago = np.concatenate([np.full(len(snapshot), snapshot.days_ago) for snapshot in known])
    return LearningRows(scaling(matrix), days_ago), scaling


def recency_table(snapshot: Snapshot, horizon: int) -> tuple[Floats, Floats]:
    """The naive baseline: how many of those as long silent ordered within the horizon last time."""
    recency, happened = snapshot.buyers["recency_days"], snapshot.orders(horizon) > 0
    edges = np.unique(np.quantile(recency, np.linspace(0, 1, RECENCY_BINS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, recency)
    count = np.bincount(place, minlength=len(edges) + 1)
    rate = (np.bincount(place, weights=happened, minlength=len(edges) + 1) + happened.mean()) / (count + 1.0)
    return edges, log_odds_of(rate)


# -- choosing


def choose_probability(snapshots: Sequence[Snapshot], days_ago: int, horizon: int) -> tuple[tuple[str, ...], str]:
    """Which parts stay, from the simplest up: each step only where it beat the best before it. And judged on what."""
    return _choose(snapshots, days_ago, horizon, PROBABILITY_LADDER, _probability_loss)


def choose_counts(snapshots: Sequence[Snapshot], days_ago: int, horizon: int) -> tuple[tuple[str, ...], str]:
    """Like `choose_probability`, by the Poisson deviance."""
    return _choose(snapshots, days_ago, horizon, COUNT_LADDER, _count_loss)


def _choose(
    snapshots: Sequence[Snapshot], days_ago: int, horizon: int, ladder: Sequence[tuple[str, ...]], loss: Loss
) -> tuple[tuple[str, ...], str]:
    known = known_by(snapshots, days_ago, horizon)
    if not known:
        return ladder[0], "nothing is known yet"
    # Half of the customers learn and the other half judges, so that what is judged has seen as many seasons as what is
    # shipped. Learning from older snapshots only would judge a model of half the age.
    learnt = tuple(snapshot.half(0) for snapshot in known)
    judges = tuple(judge for snapshot in known[:JUDGES] if len(judge := snapshot.half(1)))
    if not judges or not any(len(snapshot) for snapshot in learnt):
        return ladder[0], "too few customers"
    judged_on = f"the other customers of {', '.join(str(judge.days_ago) for judge in judges)} days ago"
    losses = loss(learnt, judges, horizon, ladder)
    champion = ladder[0]
    for step in ladder[1:]:
        if step in losses and losses[step] < losses[champion]:
            champion = step
    return champion, judged_on


def _probability_loss(
    learnt: Sequence[Snapshot], judges: Sequence[Snapshot], horizon: int, ladder: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], float]:
    """Log loss of each step at each judge's own level (levels are forecast apart), added up over their customers."""
    rows, scaling = learning_rows(learnt)
    outcome = np.concatenate([snapshot.orders(horizon) for snapshot in learnt])
    if outcome.max(initial=0) <= 0 or (outcome > 0).all():
        return {ladder[0]: 0.0}
    fitted = parts.fit_probability(rows, outcome, parts.PROBABILITY_PARTS)
    losses: dict[tuple[str, ...], float] = {}
    for judge in judges:
        happened = judge.orders(horizon) > 0
        found = parts.log_odds(fitted, scaling(judge.matrix))
        found[PURCHASE_MODEL] = purchase_log_odds(judge.buyers, judge.shop, horizon)
        for step in ladder:
            if all(name in found for name in step):
                odds = mean_of(found, step)
                probability = expit(odds + shift_to_rate(odds, float(happened.mean())))
                loss = metrics.log_loss(happened.astype(np.float64), probability)
                losses[step] = losses.get(step, 0.0) + loss * len(judge)
    return losses


def _count_loss(
    learnt: Sequence[Snapshot], judges: Sequence[Snapshot], horizon: int, ladder: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], float]:
    """Poisson deviance of each step at each judge's own level, added up over their customers."""
    rows, scaling = learning_rows(learnt)
    outcome = np.concatenate([snapshot.orders(horizon) for snapshot in learnt])
    if outcome.sum() <= 0:
        return {ladder[0]: 0.0}
    expected = np.concatenate([_levelled_expectation(snapshot, horizon) for snapshot in learnt])
    fitted = parts.fit_ratio(rows, outcome, expected, ("regression", "boosting"))
    losses: dict[tuple[str, ...], float] = {}
    for judge in judges:
        actual = judge.orders(horizon)
        found = parts.log_ratios(fitted, scaling(judge.matrix))
        own = expected_orders(judge.buyers, judge.shop, horizon)
        for step in ladder:
            if all(name in found for name in step):
                orders = own * np.exp(mean_of(found, step))
                orders = orders * np.exp(_log_ratio(actual.sum(), orders.sum()))
                logs = np.where(actual > 0, actual * np.log(np.maximum(actual, 1e-9) / orders), 0.0)
                losses[step] = losses.get(step, 0.0) + float((logs - (actual - orders)).sum())
    return losses


def fit_slope(odds: Floats, happened: Floats) -> float:
    """Platt's slope: how much the log odds must be stretched to fit what came, within bounds; the shift is free.

    Source: Platt (1999), "Probabilistic outputs for support vector machines".
    """
    rate = float((happened > 0).mean())
    if not 0.0 < rate < 1.0:
        return 1.0

    def loss(slope: float) -> float:
        stretched = slope * odds
        return metrics.log_loss(happened, expit(stretched + shift_to_rate(stretched, rate)))

    found = minimize_scalar(loss, bounds=(LEAST_SLOPE, GREATEST_SLOPE), method="bounded", options={"xatol": 1e-3})
    # Half of it: one held-out window has its own accidents, and its model had learnt from less than the shipped one.
    return 1.0 + SLOPE_WEIGHT * (float(found.x) - 1.0)


def _levelled_expectation(snapshot: Snapshot, horizon: int) -> Floats:
    """The purchase model's expectation, scaled to what came: snapshots differ in season, parts must not learn that."""
    expected = expected_orders(snapshot.buyers, snapshot.shop, horizon)
    factor = np.exp(_log_ratio(snapshot.orders(horizon).sum(), expected.sum()))
    levelled: Floats = np.maximum(expected * factor, 1e-6)
    return levelled


def _log_ratio(actual: float, expected: float) -> float:
    """Logarithm of actual over expected, within a factor of 20 either way; 0 where there is nothing to compare."""
    if not expected > 0.0 or not actual > 0.0:
        return 0.0
    return float(np.clip(np.log(actual / expected), -3.0, 3.0))
