"""Training: choose the parts, hold the last full horizon out and measure, then learn from everything known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from regulars.errors import FitError
from regulars.predict import metrics
from regulars.predict.intent import horizon as horizons
from regulars.predict.intent.design import ShopView, expected_amounts
from regulars.predict.intent.gate import Gate
from regulars.predict.intent.horizon import CountModel, ProbabilityModel
from regulars.predict.intent.levels import Level, forecast
from regulars.predict.intent.parts import LearningRows, Scaling, fit_days, stepped
from regulars.predict.intent.snapshots import HORIZONS, TODAY, Snapshot, known_by

Floats = npt.NDArray[np.float64]

COUNT_HORIZONS = (90, 365)
DATE_HORIZON = 90


@dataclass(frozen=True)
class Measure:
    """One figure of a back-test."""

    model: str
    horizon_days: int
    metric: str
    value: float
    baseline_value: float
    tested_as_of: date
    customer_count: int


@dataclass(frozen=True)
class DateModel:
    """Median days to the next order of those who order within `DATE_HORIZON`."""

    booster: object
    scaling: Scaling

    def days(self, matrix: Floats) -> Floats:
        """Of n customers; at least 0."""
        predicted = self.booster.predict(stepped(self.scaling(matrix)))  # type: ignore[attr-defined]
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
    if today is None or gate.purchase_model_reason is not None:
        reason = gate.purchase_model_reason or "the purchase model found nothing to learn from"
        return IntentModel(as_of, "history" if gate.buyer_count else None, reason, None)
    is_learnt = gate.blend_reason is None
    settings = _Settings(gate.min_history_days, is_learnt)
    measures: list[Measure] = []
    choices: list[str] = []
    warnings: list[str] = []
    probabilities = {}
    for days in HORIZONS:
        probabilities[days] = _ship_probability(snapshots, today, days, settings, as_of, measures, choices, warnings)
    counts = {}
    for days in COUNT_HORIZONS:
        counts[days] = _ship_counts(snapshots, today, days, settings, as_of, measures, choices, warnings)
    dates = _ship_dates(snapshots, as_of, measures) if is_learnt else None
    return IntentModel(
        trained_as_of=as_of,
        basis="blend" if is_learnt else "btyd",
        gate_reason=gate.blend_reason,
        shop=today.shop,
        probabilities=probabilities,
        counts=counts,
        dates=dates,
        amount_factor=_amount_factor(snapshots, TODAY, gate.min_history_days),
        measures=tuple(measures),
        choices=tuple(choices),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Settings:
    full_history_days: int
    is_learnt: bool


def _ship_probability(snapshots, today, days, settings, as_of, measures, choices, warnings):  # type: ignore[no-untyped-def]
    history = {"full_history_days": settings.full_history_days}
    first = horizons.PROBABILITY_LADDER[0]
    chosen, judged_on = horizons.choose_probability(snapshots, TODAY, days) if settings.is_learnt else (first, "")
    slope = 1.0
    held_out = next((snapshot for snapshot in snapshots if snapshot.days_ago == days), None)
    if held_out is not None and known_by(snapshots, days, days):
        tested_parts = horizons.choose_probability(snapshots, days, days)[0] if settings.is_learnt else first
        tested = horizons.fit_probability(snapshots, held_out, days, tested_parts, **history)
        baseline = horizons.fit_probability(snapshots, held_out, days, (horizons.RECENCY,), **history)
        happened = held_out.orders(days)
        found = [
            model.probability(held_out.buyers, held_out.matrix, held_out.shop) for model in (tested, baseline)
        ]
        slope = horizons.fit_slope(tested.log_odds(held_out.buyers, held_out.matrix, held_out.shop), happened)
        for name, measure in _PROBABILITY_MEASURES.items():
            values = [measure(happened, probability) for probability in found]
            measures.append(_measure("purchase_probability", days, name, values, held_out, as_of))
        if metrics.area_under_curve(happened, found[0]) < metrics.area_under_curve(happened, found[1]):
            warnings.append(
                f"purchase_probability_{days}d told buyers apart no better than recency alone on the last {days} days; "
                "the baseline is shipped"
            )
            chosen, slope = (horizons.RECENCY,), 1.0
    model = horizons.fit_probability(snapshots, today, days, chosen, slope=slope, **history)
    if not known_by(snapshots, TODAY, days):
        model = _extrapolated_probability(snapshots, today, days, settings)
        judged_on = "no horizon of this length is over yet"
    season = "the same weeks a year ago" if model.level.is_seasonal else "the newest snapshots"
    choices.append(
        f"probability {days}d: {' + '.join(model.kept_parts)}, judged on {judged_on or 'the gate'}; level from {season}"
    )
    return model


def _extrapolated_probability(snapshots, today, days, settings):  # type: ignore[no-untyped-def]
    """The purchase model beyond what is known, at the level it has shown over the longest shorter horizon."""
    known = [shorter for shorter in HORIZONS if shorter < days and known_by(snapshots, TODAY, shorter)]
    parts = horizons.PROBABILITY_LADDER[0]
    model = horizons.fit_probability([], today, days, parts, full_history_days=settings.full_history_days)
    if not known:
        return model
    shorter = horizons.fit_probability(
        snapshots, today, known[-1], parts, full_history_days=1_000_000
    )
    return horizons.replace(model, level=shorter.level, shift=shorter.level.value)


def _ship_counts(snapshots, today, days, settings, as_of, measures, choices, warnings):  # type: ignore[no-untyped-def]
    history = {"full_history_days": settings.full_history_days}
    first = horizons.COUNT_LADDER[0]
    chosen, judged_on = horizons.choose_counts(snapshots, TODAY, days) if settings.is_learnt else (first, "")
    held_out = next((snapshot for snapshot in snapshots if snapshot.days_ago == days), None)
    if held_out is None and known_by(snapshots, TODAY, days):
        held_out = known_by(snapshots, TODAY, days)[0]
    if held_out is not None and known_by(snapshots, held_out.days_ago, days):
        tested_parts = horizons.choose_counts(snapshots, held_out.days_ago, days)[0] if settings.is_learnt else first
        tested = horizons.fit_counts(snapshots, held_out, days, tested_parts, **history)
        actual, revenue = held_out.orders(days), held_out.revenue(days)
        expected = tested.orders(held_out.buyers, held_out.matrix, held_out.shop)
        naive = held_out.buyers[f"order_days_{days}d"]
        worth = expected * expected_amounts(held_out.buyers, held_out.shop) * np.exp(tested.revenue_level.value)
        naive_worth = held_out.buyers[f"paid_cents_{days}d"] / 100.0
        for name, measure in _COUNT_MEASURES.items():
            values = [measure(actual, expected), measure(actual, naive)]
            measures.append(_measure("expected_orders", days, name, values, held_out, as_of))
            values = [measure(revenue, worth), measure(revenue, naive_worth)]
            measures.append(_measure("expected_revenue", days, name, values, held_out, as_of))
        if metrics.normalised_gini(actual, expected) < metrics.normalised_gini(actual, naive):
            warnings.append(
                f"expected_orders_{days}d ranked customers no better than the orders of the {days} days before; "
                "the baseline is shipped"
            )
            chosen = (horizons.LAST_PERIOD,)
    model = horizons.fit_counts(snapshots, today, days, chosen, **history)
    if not known_by(snapshots, TODAY, days):
        known = [shorter for shorter in HORIZONS if shorter < days and known_by(snapshots, TODAY, shorter)]
        judged_on = "no horizon of this length is over yet"
        if known:
            # Over a longer horizon a season evens out: the newest levels, not those of the same weeks.
            shorter = horizons.fit_counts(snapshots, today, known[-1], first, full_history_days=1_000_000)
            model = horizons.replace(model, level=shorter.level, revenue_level=shorter.revenue_level)
    season = "the same weeks a year ago" if model.level.is_seasonal else "the newest snapshots"
    choices.append(
        f"orders {days}d: {' + '.join(model.kept_parts)}, judged on {judged_on or 'the gate'}; level from {season}"
    )
    return model


def _ship_dates(snapshots: Sequence[Snapshot], as_of: date, measures: list[Measure]) -> DateModel | None:
    held_out = next((snapshot for snapshot in snapshots if snapshot.days_ago == DATE_HORIZON), None)
    if held_out is not None and known_by(snapshots, DATE_HORIZON, DATE_HORIZON):
        tested = _fit_dates(known_by(snapshots, DATE_HORIZON, DATE_HORIZON))
        days = held_out.outcomes["days_to_next_order"]
        bought = held_out.orders(DATE_HORIZON) > 0
        if tested is not None and bought.any():
            learnt = np.concatenate([_days_known(s)[1] for s in known_by(snapshots, DATE_HORIZON, DATE_HORIZON)])
            values = [
                metrics.mean_absolute_error(days[bought], tested.days(held_out.matrix)[bought]),
                metrics.mean_absolute_error(days[bought], np.full(int(bought.sum()), np.median(learnt))),
            ]
            measures.append(_measure("next_order_date", DATE_HORIZON, "mean_absolute_error", values, held_out, as_of))
    return _fit_dates(known_by(snapshots, TODAY, DATE_HORIZON))


def _fit_dates(known: Sequence[Snapshot]) -> DateModel | None:
    if not known:
        return None
    rows, scaling = horizons.learning_rows(known)
    bought = np.concatenate([_days_known(snapshot)[0] for snapshot in known])
    days = np.concatenate([_days_known(snapshot)[1] for snapshot in known])
    booster = fit_days(LearningRows(rows.scaled[bought], rows.days_ago[bought]), days)
    return None if booster is None else DateModel(booster, scaling)


def _days_known(snapshot: Snapshot) -> tuple[npt.NDArray[np.bool_], Floats]:
    bought = snapshot.orders(DATE_HORIZON) > 0
    return bought, snapshot.outcomes["days_to_next_order"][bought]


def _amount_factor(snapshots: Sequence[Snapshot], days_ago: int, full_history_days: int) -> float:
    """Net revenue of an order over the paid amount that was expected of it, lately: refunds come off, prices rise."""
    levels = {}
    for snapshot in known_by(snapshots, days_ago, DATE_HORIZON):
        orders = snapshot.orders(DATE_HORIZON)
        worth = float((orders * expected_amounts(snapshot.buyers, snapshot.shop)).sum())
        revenue = float(snapshot.revenue(DATE_HORIZON).sum())
        if worth > 0.0 and revenue > 0.0:
            levels[snapshot.days_ago] = Level(float(np.log(revenue / worth)), 0)
    found = forecast(levels, days_ago=days_ago, horizon_days=DATE_HORIZON, full_history_days=full_history_days)
    return float(np.exp(np.clip(found.value, -1.0, 1.0)))


def _measure(model, days, metric, values, held_out, as_of):  # type: ignore[no-untyped-def]
    from datetime import timedelta

    tested_as_of = as_of - timedelta(days=held_out.days_ago)
    return Measure(model, days, metric, float(values[0]), float(values[1]), tested_as_of, len(held_out))


_PROBABILITY_MEASURES = {
    "auc": metrics.area_under_curve,
    "log_loss": metrics.log_loss,
    "calibration_error": metrics.calibration_error,
    "total_bias": lambda happened, probability: metrics.total_bias((happened > 0).astype(np.float64), probability),
    "lift_of_top_tenth": metrics.lift_of_top,
}
_COUNT_MEASURES = {
    "root_mean_square_error": metrics.root_mean_square_error,
    "mean_absolute_error": metrics.mean_absolute_error,
    "total_bias": metrics.total_bias,
    "normalised_gini": metrics.normalised_gini,
}
