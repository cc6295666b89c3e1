"""Training: choose the parts, hold the last full horizon out and measure, then learn from everything known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor

from regulars.predict import metrics
from regulars.predict.intent import horizon as horizons
from regulars.predict.intent.design import ShopView, expected_amounts
from regulars.predict.intent.gate import Gate
from regulars.predict.intent.horizon import CountModel, ProbabilityModel
from regulars.predict.intent.levels import Level, forecast
from regulars.predict.intent.parts import LearningRows, Scaling, fit_days, stepped
from regulars.predict.intent.snapshots import HORIZONS, TODAY, Snapshot, known_by

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COUNT_HORIZONS = (90, 365)
DATE_HORIZON = 90
NOT_OVER_YET = "no horizon of this length is over yet"


@dataclass(frozen=True)
class Measure:
    """One figure of a back-test."""

    model: str
    horizon_days: int
    metric: str
    value: float
    """NaN where the figure does not exist: nobody bought, everybody did."""
    baseline_value: float
    tested_as_of: date
    customer_count: int


@dataclass(frozen=True)
class DateModel:
    """Median days to the next order of those who order within `DATE_HORIZON`."""

    booster: HistGradientBoostingRegressor
    scaling: Scaling

    def days(self, matrix: Floats) -> Floats:
        """Of n customers, from 0 to the last day of the horizon."""
        predicted = self.booster.predict(stepped(self.scaling(matrix)))
        days: Floats = np.clip(predicted, 0.0, DATE_HORIZON - 1.0)
        return days


@dataclass(frozen=True)
class IntentModel:
    """Everything that scoring needs, with its back-test."""

    trained_as_of: date
    basis: str | None
    """``blend``, ``btyd``, ``history``; None for a shop without buyers."""
    gate_reason: str | None
    shop: ShopView | None
    probabilities: dict[int, ProbabilityModel] = field(default_factory=dict)
    counts: dict[int, CountModel] = field(default_factory=dict)
    dates: DateModel | None = None
    amount_factor: float = 1.0
    measures: tuple[Measure, ...] = ()
    choices: tuple[str, ...] = ()
    """What was chosen and why, one sentence each."""
    warnings: tuple[str, ...] = ()


def train(snapshots: Sequence[Snapshot], today: Snapshot | None, gate: Gate, as_of: date) -> IntentModel:
    """The shipped model for a shop, or the reason why there is none.

    Parameters
    ----------
    snapshots: past ones, newest first.
    today: the scoring population (a sample will do); None where the purchase model cannot be fitted.
    gate: what the shop has against what is needed.
    as_of: the day that ``today`` describes.
    """
    reason = gate.purchase_model_reason
    if reason is None and today is None:
        reason = "the purchase model found nothing to learn from: nobody has come back"
    if reason is None and today is not None and gate.blend_reason is not None and not today.shop.has_converged:
        reason = f"{gate.blend_reason}; and the purchase model's fit did not converge"
    if today is None or reason is not None:
        return IntentModel(as_of, "history" if gate.buyer_count else None, reason, None)
    run = _Run(tuple(snapshots), today, as_of, gate.min_history_days, is_learnt=gate.blend_reason is None)
    probabilities = {days: _ship_probability(run, days) for days in HORIZONS}
    counts = {days: _ship_counts(run, days, probabilities[days].tested) for days in COUNT_HORIZONS}
    shipped: list[_Shipped[ProbabilityModel] | _Shipped[CountModel]] = [*probabilities.values(), *counts.values()]
    return IntentModel(
        trained_as_of=as_of,
        basis="blend" if run.is_learnt else "btyd",
        gate_reason=gate.blend_reason,
        shop=today.shop,
        probabilities={days: found.model for days, found in probabilities.items()},
        counts={days: found.model for days, found in counts.items()},
        dates=_fit_dates(run.known(DATE_HORIZON)) if run.is_learnt else None,
        amount_factor=_amount_factor(run.known(DATE_HORIZON)),
        measures=tuple(measure for found in shipped for measure in found.measures)
        + (_date_measures(run) if run.is_learnt else ()),
        choices=tuple(found.choice for found in shipped),
        warnings=tuple(found.warning for found in shipped if found.warning is not None),
    )


Model = TypeVar("Model", ProbabilityModel, CountModel)
Figure = Callable[[Floats, Floats], float]


@dataclass(frozen=True)
class _Run:
    """One training: what there is to learn from, and how."""

    snapshots: tuple[Snapshot, ...]
    today: Snapshot
    as_of: date
    full_history_days: int
    is_learnt: bool
    """False below the data gate: the purchase model alone."""

    def known(self, horizon: int) -> tuple[Snapshot, ...]:
        """The snapshots whose outcome is known today."""
        return known_by(self.snapshots, TODAY, horizon)

    def longest_known(self, below: int) -> int | None:
        """The longest horizon shorter than that with a known outcome."""
        return max((days for days in HORIZONS if days < below and self.known(days)), default=None)

    def held_out(self, horizon: int) -> Snapshot | None:
        """The newest snapshot whose window is over; None if before it none was."""
        newest = next(iter(self.known(horizon)), None)
        return newest if newest is not None and known_by(self.snapshots, newest.days_ago, horizon) else None

    def measure(self, model: str, horizon: int, metric: str, values: tuple[float, float], tested: Snapshot) -> Measure:
        """One figure: the model's and the baseline's."""
        tested_as_of = self.as_of - timedelta(days=tested.days_ago)
        return Measure(model, horizon, metric, float(values[0]), float(values[1]), tested_as_of, len(tested))


@dataclass(frozen=True)
class _Shipped(Generic[Model]):
    """The model of one horizon, with its back-test."""

    model: Model
    measures: tuple[Measure, ...]
    choice: str
    warning: str | None
    tested: Floats | None = None
    """What the back-test foresaw of each customer of the held-out day."""


def _ship_probability(run: _Run, days: int) -> _Shipped[ProbabilityModel]:
    chosen, judged_on = horizons.PROBABILITY_LADDER[0], "the gate"
    if run.is_learnt:
        chosen, judged_on = horizons.choose_probability(run.snapshots, TODAY, days)
    measures: tuple[Measure, ...] = ()
    slope, warning, tested = 1.0, None, None
    held_out = run.held_out(days)
    if held_out is not None:
        test = _test_probability(run, held_out, days)
        measures, slope, tested = test.measures, test.slope, test.probability
        if test.is_baseline_better:
            warning = (
                f"purchase_probability_{days}d told buyers apart no better than recency alone on the last {days} days; "
                "the baseline is shipped"
            )
            chosen, slope = (horizons.RECENCY,), 1.0
    if run.known(days):
        model = horizons.fit_probability(
            run.snapshots, run.today, days, chosen, slope=slope, full_history_days=run.full_history_days
        )
    else:
        model, judged_on = _extrapolated_probability(run, days), NOT_OVER_YET
    return _Shipped(model, measures, _choice("probability", model, judged_on), warning, tested)


@dataclass(frozen=True)
class _ProbabilityTest:
    measures: tuple[Measure, ...]
    probability: Floats
    slope: float
    is_baseline_better: bool


def _test_probability(run: _Run, held_out: Snapshot, days: int) -> _ProbabilityTest:
    """What would have been shipped on the held-out day, against what came and against recency alone."""
    parts = horizons.PROBABILITY_LADDER[0]
    if run.is_learnt:
        parts = horizons.choose_probability(run.snapshots, held_out.days_ago, days)[0]
    tested, baseline = (
        horizons.fit_probability(run.snapshots, held_out, days, kept, full_history_days=run.full_history_days)
        for kept in (parts, (horizons.RECENCY,))
    )
    happened = held_out.orders(days)
    ours, theirs = (model.probability(held_out.buyers, held_out.matrix, held_out.shop) for model in (tested, baseline))
    measures = tuple(
        run.measure("purchase_probability", days, name, (figure(happened, ours), figure(happened, theirs)), held_out)
        for name, figure in _PROBABILITY_FIGURES.items()
    )
    return _ProbabilityTest(
        measures,
        ours,
        horizons.fit_slope(tested.log_odds(held_out.buyers, held_out.matrix, held_out.shop), happened),
        metrics.area_under_curve(happened, ours) < metrics.area_under_curve(happened, theirs),
    )


def _extrapolated_probability(run: _Run, days: int) -> ProbabilityModel:
    """The purchase model beyond what is known, at the level it has shown over the longest shorter horizon.

    Over a longer horizon a season evens out: the newest levels are taken, not those of the same weeks a year ago.
    """
    first = horizons.PROBABILITY_LADDER[0]
    model = horizons.fit_probability([], run.today, days, first, full_history_days=None)
    known = run.longest_known(days)
    if known is None:
        return model
    shorter = horizons.fit_probability(run.snapshots, run.today, known, first, full_history_days=None)
    return replace(model, level=shorter.level, shift=shorter.level.value)


def _ship_counts(run: _Run, days: int, tested_probability: Floats | None) -> _Shipped[CountModel]:
    first = horizons.COUNT_LADDER[0]
    chosen, judged_on = first, "the gate"
    if run.is_learnt:
        chosen, judged_on = horizons.choose_counts(run.snapshots, TODAY, days)
    measures: tuple[Measure, ...] = ()
    warning = None
    held_out = run.held_out(days)
    if held_out is not None and tested_probability is not None:
        measures, is_baseline_better = _test_counts(run, held_out, days, tested_probability)
        if is_baseline_better:
            warning = (
                f"expected_orders_{days}d ranked customers no better than the orders of the {days} days before; "
                "the baseline is shipped"
            )
            chosen = (horizons.LAST_PERIOD,)
    if run.known(days):
        model = horizons.fit_counts(run.snapshots, run.today, days, chosen, full_history_days=run.full_history_days)
    else:
        judged_on = NOT_OVER_YET
        model = horizons.fit_counts([], run.today, days, first, full_history_days=None)
        known = run.longest_known(days)
        if known is not None:
            shorter = horizons.fit_counts(run.snapshots, run.today, known, first, full_history_days=None)
            model = replace(model, level=shorter.level, shift=shorter.level.value, revenue_level=shorter.revenue_level)
    return _Shipped(model, measures, _choice("orders", model, judged_on), warning)


def _test_counts(run: _Run, held_out: Snapshot, days: int, probability: Floats) -> tuple[tuple[Measure, ...], bool]:
    """The figures of what would have been shipped on the held-out day, and whether the last period ranked better."""
    parts = horizons.COUNT_LADDER[0]
    if run.is_learnt:
        parts = horizons.choose_counts(run.snapshots, held_out.days_ago, days)[0]
    tested = horizons.fit_counts(run.snapshots, held_out, days, parts, full_history_days=run.full_history_days)
    orders, revenue = held_out.orders(days), held_out.revenue(days)
    # As in scoring: never less than the probability to order at all.
    expected = np.maximum(tested.orders(held_out.buyers, held_out.matrix, held_out.shop), probability)
    worth = expected * expected_amounts(held_out.buyers, held_out.shop) * np.exp(tested.revenue_level.value)
    naive = held_out.buyers[f"order_days_{days}d"]
    naive_worth = held_out.buyers[f"paid_cents_{days}d"] / 100.0
    measures: list[Measure] = []
    for name, figure in _COUNT_FIGURES.items():
        values = (figure(orders, expected), figure(orders, naive))
        measures.append(run.measure("expected_orders", days, name, values, held_out))
        values = (figure(revenue, worth), figure(revenue, naive_worth))
        measures.append(run.measure("expected_revenue", days, name, values, held_out))
    return tuple(measures), metrics.normalised_gini(orders, expected) < metrics.normalised_gini(orders, naive)


def _choice(what: str, model: ProbabilityModel | CountModel, judged_on: str) -> str:
    kept = " + ".join(model.kept_parts)
    return f"{what} {model.horizon_days}d: {kept}, judged on {judged_on}; level from {model.level.source}"


def _date_measures(run: _Run) -> tuple[Measure, ...]:
    """How far off the day of the next order was for those who bought, and how far the usual day would have been."""
    held_out = run.held_out(DATE_HORIZON)
    if held_out is None:
        return ()
    learnt = known_by(run.snapshots, held_out.days_ago, DATE_HORIZON)
    tested = _fit_dates(learnt)
    bought, days = _days_known(held_out)
    if tested is None or not len(days):
        return ()
    usual = np.median(np.concatenate([_days_known(snapshot)[1] for snapshot in learnt]))
    values = (
        metrics.mean_absolute_error(days, tested.days(held_out.matrix)[bought]),
        metrics.mean_absolute_error(days, np.full(len(days), usual)),
    )
    return (run.measure("next_order_date", DATE_HORIZON, "mean_absolute_error", values, held_out),)


def _fit_dates(known: Sequence[Snapshot]) -> DateModel | None:
    if not known:
        return None
    rows, scaling = horizons.learning_rows(known)
    bought = np.concatenate([_days_known(snapshot)[0] for snapshot in known])
    days = np.concatenate([_days_known(snapshot)[1] for snapshot in known])
    booster = fit_days(LearningRows(rows.scaled[bought], rows.days_ago[bought]), days)
    return None if booster is None else DateModel(booster, scaling)


def _days_known(snapshot: Snapshot) -> tuple[Bools, Floats]:
    """Who of n customers ordered within the horizon, and after how many days each of them."""
    bought = snapshot.orders(DATE_HORIZON) > 0
    return bought, snapshot.outcomes["days_to_next_order"][bought]


def _amount_factor(known: Sequence[Snapshot]) -> float:
    """Net revenue of an order over the paid amount that was expected of it, lately: refunds come off, prices rise."""
    levels = {}
    for snapshot in known:
        worth = float((snapshot.orders(DATE_HORIZON) * expected_amounts(snapshot.buyers, snapshot.shop)).sum())
        revenue = float(snapshot.revenue(DATE_HORIZON).sum())
        if worth > 0.0 and revenue > 0.0:
            levels[snapshot.days_ago] = Level(float(np.log(revenue / worth)), snapshot.history_days)
    found = forecast(levels, days_ago=TODAY, horizon_days=DATE_HORIZON, full_history_days=None)
    return float(np.exp(np.clip(found.value, -1.0, 1.0)))


def _bias_of_share(happened: Floats, probability: Floats) -> float:
    return metrics.total_bias((happened > 0).astype(np.float64), probability)


_PROBABILITY_FIGURES: Mapping[str, Figure] = {
    "auc": metrics.area_under_curve,
    "log_loss": metrics.log_loss,
    "calibration_error": metrics.calibration_error,
    "total_bias": _bias_of_share,
    "lift_of_top_tenth": metrics.lift_of_top,
}
_COUNT_FIGURES: Mapping[str, Figure] = {
    "root_mean_square_error": metrics.root_mean_square_error,
    "mean_absolute_error": metrics.mean_absolute_error,
    "total_bias": metrics.total_bias,
    "normalised_gini": metrics.normalised_gini,
}
