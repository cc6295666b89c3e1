"""Interested in: fit on past snapshots, score at a date. One model a kind."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from regulars.predict.affinity.calibration import Calibration, calibrated
from regulars.predict.affinity.candidates import CandidateLimits, Candidates, rank_within
from regulars.predict.affinity.errors import AffinityInputError
from regulars.predict.affinity.metrics import RankingQuality, calibration_error, log_loss, ranking_quality
from regulars.predict.affinity.neighbours import Neighbours
from regulars.predict.affinity.ranker import (
    TrainingLimits,
    batches,
    fit_boosting,
    frequency_score,
    training_rows,
)
from regulars.predict.affinity.reasons import reasons
from regulars.predict.affinity.returning import Returning, fit_returning
from regulars.predict.affinity.snapshot import Floats, Snapshot

BOOSTING = "boosting"
FREQUENCY = "personal_frequency"

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("kind", pa.string()),
        ("item", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("purchase_probability_90d", pa.float64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Decision:
    """Which ranker ships, and the sentence that says why. Qualities are of the held-out part."""

    ranker: str
    why: str
    held_out_on: date | None = None
    champion: RankingQuality | None = None
    challenger: RankingQuality | None = None
    champion_new: RankingQuality | None = None
    challenger_new: RankingQuality | None = None
    calibration_error: float | None = None
    log_loss: float | None = None


@dataclass(frozen=True)
class AffinityModel:
    """A fitted model of one kind; picklable. ``boosting`` is None where personal frequency ships."""

    kind: str
    decision: Decision
    boosting: HistGradientBoostingClassifier | None
    returning: Returning
    calibration: Calibration
    limits: CandidateLimits = field(default_factory=CandidateLimits)


def fit(
    kind: str,
    snapshots: list[Snapshot],
    neighbours_of_last: Neighbours,
    horizon_days: int = 90,
    limits: CandidateLimits | None = None,
    training: TrainingLimits | None = None,
) -> AffinityModel:
    """Fit champion and challenger, keep the better, calibrate.

    Parameters
    ----------
    kind: product, category or brand.
    snapshots: past dates whose label windows have all ended, any order; at least one, with ``bought``.
    neighbours_of_last: `item_neighbours` of the latest of them.
    horizon_days: length of the label windows.

    The latest snapshot is held out: the challenger is learnt from the snapshots whose windows end by its date; where
    there is none
    (a young shop), from half of its own customers, and measured on the other half. What ships is learnt anew from all.

    Raises
    ------
    AffinityInputError: without a snapshot, or with one that lacks its outcomes.
    """
    limits = limits or CandidateLimits()
    training = training or TrainingLimits()
    if not snapshots or any(snapshot.bought is None for snapshot in snapshots):
        raise AffinityInputError(f"{kind}: needs at least one past snapshot, each with its outcomes")
    ordered = sorted(snapshots, key=lambda snapshot: snapshot.on)
    held_out = ordered[-1]
    learnt = [each for each in ordered[:-1] if each.on + timedelta(days=horizon_days) <= held_out.on]
    if not learnt:
        half = np.random.default_rng(training.seed).random(len(held_out.customers)) < 0.5
        learnt, held_out = [held_out.part(np.flatnonzero(half))], held_out.part(np.flatnonzero(~half))

    returning = fit_returning(learnt)
    boosting = _fit_boosting(learnt, limits, training)
    decision, calibration = _decide(held_out, neighbours_of_last, boosting, returning, limits)
    if decision.ranker == BOOSTING:
        boosting = _fit_boosting(ordered, limits, training)
    return AffinityModel(
        kind=kind,
        decision=decision,
        boosting=boosting if decision.ranker == BOOSTING else None,
        returning=fit_returning(ordered),
        calibration=calibration,
        limits=limits,
    )


def score(
    model: AffinityModel,
    snapshot: Snapshot,
    neighbours: Neighbours,
    items: list[str],
    top: int = 20,
    purchase_probability: Floats | None = None,
) -> pa.Table:
    """The ``top`` items of each customer, best first (schema `SCHEMA`).

    Parameters
    ----------
    snapshot: the as-of date; a part of it (some thousand customers) bounds memory.
    neighbours: `item_neighbours` of the whole as-of date or of a sample of it.
    items: the names of the m items, in the order of ``snapshot.item_keys``.
    purchase_probability: P(≥ 1 order within the horizon) of each customer, from purchase intent; the model's own
        otherwise.
    """
    coming = model.returning.probability(snapshot) if purchase_probability is None else purchase_probability
    tables = [SCHEMA.empty_table()]
    for rows, found in batches(snapshot, neighbours, model.limits):
        ranking, raw = _scores(model.boosting, found, coming[rows])
        order = np.lexsort((found.item, -ranking, found.customer))
        rank = rank_within(found.customer[order])
        chosen, rank = order[rank < top], rank[rank < top]
        part = snapshot.part(rows)
        tables.append(
            pa.table(
                [
                    part.customer_ids.take(pa.array(found.customer[chosen])).cast(pa.string()),
                    pa.array([model.kind] * len(chosen), pa.string()),
                    pa.array([items[position] for position in found.item[chosen]], pa.string()),
                    pa.array(rank + 1, pa.int64()),
                    pa.array(ranking[chosen], pa.float64()),
                    pa.array(model.calibration.probability(raw[chosen]), pa.float64()),
                    pa.array(reasons(part, neighbours, found, chosen, items), pa.string()),
                ],
                schema=SCHEMA,
            )
        )
    return pa.concat_tables(tables)


def evaluate(
    model: AffinityModel, snapshot: Snapshot, neighbours: Neighbours, new_only: bool = False
) -> RankingQuality:
    """Quality of what ships at a date with known outcomes. ``new_only``: only items the customer had never bought."""
    assert snapshot.bought is not None
    gathered = [
        (
            rows[found.customer],
            found.item,
            _scores(model.boosting, found, np.ones(len(rows)))[0],
            found.feature("pair_order_days"),
        )
        for rows, found in batches(snapshot, neighbours, model.limits, buyers_only=True)
    ]
    return _quality(snapshot, gathered, new_only)


def _fit_boosting(
    snapshots: list[Snapshot], limits: CandidateLimits, training: TrainingLimits
) -> HistGradientBoostingClassifier | None:
    if not any(snapshot.bought is not None and snapshot.bought.nnz for snapshot in snapshots):
        return None
    return fit_boosting(training_rows(snapshots, limits, training), training.seed)


def _scores(
    boosting: HistGradientBoostingClassifier | None, found: Candidates, coming: Floats
) -> tuple[Floats, Floats]:
    """What ranks a customer's candidates, and the raw probability that she buys each."""
    frequency = frequency_score(found)
    if boosting is None:
        share = frequency / (found.feature("customer_order_day_count") + 1)
        return frequency, np.clip(share, 0, 1) * coming[found.customer]
    given_she_comes = boosting.predict_proba(found.features)[:, 1]
    return given_she_comes, given_she_comes * coming[found.customer]


def _decide(
    held_out: Snapshot,
    neighbours: Neighbours,
    boosting: HistGradientBoostingClassifier | None,
    returning: Returning,
    limits: CandidateLimits,
) -> tuple[Decision, Calibration]:
    coming = returning.probability(held_out)
    gathered: dict[str, list[tuple[np.ndarray, np.ndarray, Floats, np.ndarray]]] = {FREQUENCY: [], BOOSTING: []}
    raws: dict[str, list[Floats]] = {FREQUENCY: [], BOOSTING: []}
    outcomes = []
    for rows, found in batches(held_out, neighbours, limits):
        assert found.bought is not None
        outcomes.append(found.bought)
        for name, ranker in ((FREQUENCY, None), (BOOSTING, boosting)):
            if name == BOOSTING and boosting is None:
                continue
            ranking, raw = _scores(ranker, found, coming[rows])
            gathered[name].append((rows[found.customer], found.item, ranking, found.feature("pair_order_days")))
            raws[name].append(raw)
    champion, champion_new = (_quality(held_out, gathered[FREQUENCY], new_only) for new_only in (False, True))
    challenger = challenger_new = None
    ranker, why = FREQUENCY, "too few purchases to learn a ranker from"
    if boosting is not None:
        challenger, challenger_new = (_quality(held_out, gathered[BOOSTING], new_only) for new_only in (False, True))
        better = challenger.recall > champion.recall
        ranker = BOOSTING if better else FREQUENCY
        why = (
            f"recall@10 {challenger.recall:.4f} of boosting against {champion.recall:.4f} of personal frequency,"
            f" {champion.customers} customers held out at {held_out.on}"
        )
    raw, outcome = np.concatenate(raws[ranker]), np.concatenate(outcomes)
    calibration = calibrated(raw, outcome)
    probability = calibration.probability(raw)
    decision = Decision(
        ranker=ranker,
        why=why,
        held_out_on=held_out.on,
        champion=champion,
        challenger=challenger,
        champion_new=champion_new,
        challenger_new=challenger_new,
        calibration_error=calibration_error(probability, outcome),
        log_loss=log_loss(probability, outcome),
    )
    return decision, calibration


def _quality(
    snapshot: Snapshot, gathered: list[tuple[np.ndarray, np.ndarray, Floats, np.ndarray]], new_only: bool
) -> RankingQuality:
    bought = snapshot.bought
    assert bought is not None
    if not gathered:
        return RankingQuality(customers=0, recall=float("nan"), ndcg=float("nan"))
    customer, item, ranking, times = (np.concatenate(column) for column in zip(*gathered, strict=True))
    if new_only:
        before = snapshot.matrix("order_day_count") > 0
        bought = (bought.astype(np.int8) - bought.astype(np.int8).multiply(before.astype(np.int8))).tocsr() > 0
        bought.eliminate_zeros()
        unseen = times == 0
        customer, item, ranking = customer[unseen], item[unseen], ranking[unseen]
    return ranking_quality(bought, customer, item, ranking)
