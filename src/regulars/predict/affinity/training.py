"""One training: a ranker and an audience of each kind of item, with what they showed on the customers held out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from regulars.predict.affinity.audience import AudienceModel, fit_audience
from regulars.predict.affinity.model import BOOSTING, AffinityModel, fit
from regulars.predict.affinity.ranker import TrainingLimits
from regulars.predict.affinity.snapshot import Snapshot
from regulars.predict.intent.gate import Gate
from regulars.predict.intent.training import Measure

HORIZON_DAYS = 90
LEARNT = "boosting"
HISTORY = "history"


@dataclass(frozen=True)
class InterestModel:
    """Everything that scoring needs, with its back-test; `artefacts.row_of` stores it."""

    trained_as_of: date
    basis: str | None
    """``boosting`` where a learnt ranker ships for some kind, else ``history``; None for a shop without buyers."""
    gate_reason: str | None
    rankers: dict[str, AffinityModel] = field(default_factory=dict)
    audiences: dict[str, AudienceModel] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    choices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def train(
    kinds: Iterable[str],
    past_of: Callable[[str], list[Snapshot]],
    gate: Gate,
    as_of: date,
    limits: TrainingLimits | None = None,
) -> InterestModel:
    """What ships for each kind that has any item.

    Parameters
    ----------
    kinds: those that were ever sold.
    past_of: the past snapshots of a kind, each with its outcomes; asked for one kind at a time, to hold only one.
    gate: a shop that may not learn keeps to what each customer bought, and says why.
    """
    rankers, audiences = {}, {}
    measures: list[Measure] = []
    choices: list[str] = []
    warnings: list[str] = []
    is_learnt = gate.blend_reason is None
    seen = False
    for kind in kinds:
        past = [snapshot for snapshot in past_of(kind) if len(snapshot.customers) and len(snapshot.items)]
        seen = seen or bool(past)
        ranker = fit(kind, past, HORIZON_DAYS, limits=None, training=limits, is_learnt=is_learnt)
        rankers[kind] = ranker
        choices.append(f"{kind}: {ranker.decision.ranker}; {ranker.decision.why}")
        measures += _ranker_measures(kind, ranker)
        if is_learnt and past and ranker.decision.challenger is not None and ranker.boosting is None:
            warnings.append(f"{kind}: learning ranked no better than personal frequency, which is shipped")
        if is_learnt and past:
            audience = fit_audience(past, HORIZON_DAYS)
            choices.append(f"{kind} audience: {audience.why}")
            measures += _audience_measures(kind, audience)
            warnings += _audience_warnings(kind, audience)
        else:
            audience = AudienceModel.plain(ranker.returning)
        audiences[kind] = audience
    reason = gate.blend_reason
    if reason is None and not seen:
        reason = f"no past day to learn from whose {HORIZON_DAYS} days are over"
    ships = any(ranker.decision.ranker == BOOSTING for ranker in rankers.values())
    basis = (LEARNT if ships else HISTORY) if gate.buyer_count else None
    return InterestModel(as_of, basis, reason, rankers, audiences, tuple(measures), tuple(choices), tuple(warnings))


def _ranker_measures(kind: str, ranker: AffinityModel) -> list[Measure]:
    decision = ranker.decision
    if decision.champion is None or decision.champion_new is None or decision.held_out_on is None:
        return []
    shipped, shipped_new = decision.champion, decision.champion_new
    if decision.ranker == BOOSTING and decision.challenger is not None and decision.challenger_new is not None:
        shipped, shipped_new = decision.challenger, decision.challenger_new
    figures = {
        "recall_at_10": (shipped.recall, decision.champion.recall),
        "ndcg_at_10": (shipped.ndcg, decision.champion.ndcg),
        "new_recall_at_10": (shipped_new.recall, decision.champion_new.recall),
        "calibration_error": (decision.calibration_error, decision.champion_calibration_error),
        "log_loss": (decision.log_loss, decision.champion_log_loss),
    }
    return [
        Measure(f"affinity_{kind}", HORIZON_DAYS, name, value, baseline, decision.held_out_on, shipped.customers)
        for name, (value, baseline) in figures.items()
        if value is not None and baseline is not None and decision.champion.customers
    ]


def _audience_warnings(kind: str, audience: AudienceModel) -> list[str]:
    quality = audience.quality
    if quality is None or quality.area >= quality.baseline_area:
        return []
    return [
        f"{kind} audience: who bought it most often, then who likely comes, told buyers apart better (mean AUC"
        f" {quality.baseline_area:.4f}) than what was learnt ({quality.area:.4f}), which is shipped all the same:"
        " only it says how many to take"
    ]


def _audience_measures(kind: str, audience: AudienceModel) -> list[Measure]:
    quality = audience.quality
    if quality is None:
        return []
    figures = {
        "auc": (quality.area, quality.baseline_area),
        "lift_of_top_tenth": (quality.lift, quality.baseline_lift),
    } | {
        f"share_for_{round(100 * capture)}": (share, baseline) for capture, (share, baseline) in quality.shares.items()
    }
    return [
        Measure(f"audience_{kind}", HORIZON_DAYS, name, value, baseline, quality.tested_on, quality.customers)
        for name, (value, baseline) in figures.items()
    ]
