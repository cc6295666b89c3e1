"""Interested in: fit on past snapshots, score at a date. One model a kind."""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from regulars.predict.affinity.calibration import Calibration, calibrated
from regulars.predict.affinity.candidates import CandidateLimits, Candidates, rank_within
from regulars.predict.affinity.errors import AffinityInputError
from regulars.predict.affinity.metrics import RankingQuality, calibration_error, log_loss, ranking_quality
from regulars.predict.affinity.neighbours import Neighbours
from regulars.predict.affinity.ranker import (
    Ranker,
    TrainingLimits,
    batches,
    fit_boosting,
    frequency_score,
    training_rows,
)
from regulars.predict.affinity.reasons import reasons
from regulars.predict.affinity.returning import Returning, fit_returning
from regulars.predict.affinity.snapshot import Floats, Integers, Snapshot
from regulars.predict.affinity.split import split

BOOSTING = "boosting"
FREQUENCY = "personal_frequency"
DECIMALS = 6

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
    champion_calibration_error: float | None = None
    champion_log_loss: float | None = None


@dataclass(frozen=True)
class AffinityModel:
    """A fitted model of one kind; picklable. ``boosting`` is None where personal frequency ships."""

    kind: str
    decision: Decision
    boosting: Ranker | None
    returning: Returning
    calibration: Calibration
    limits: CandidateLimits = field(default_factory=CandidateLimits)


def fit(
    kind: str,
    snapshots: list[Snapshot],
    horizon_days: int = 90,
    limits: CandidateLimits | None = None,
    training: TrainingLimits | None = None,
    is_learnt: bool = True,
) -> AffinityModel:
    """Fit champion and challenger, keep the better, calibrate.

    Parameters
    ----------
    kind: product, category or brand.
    snapshots: past dates whose label windows have all ended, any order, each with ``bought``; without one, or with
        ``is_learnt`` false, personal frequency ships, calibrated if there is one.
    horizon_days: length of the label windows.

    The latest snapshot is held out: the challenger is learnt from the snapshots whose windows end by its date; where
    there is none (a young shop), from half of its own customers, and measured on the other half. What ships is learnt
    anew from all.

    Raises
    ------
    AffinityInputError: a snapshot lacks its outcomes.
    """
    limits = limits or CandidateLimits()
    training = training or TrainingLimits()
    if any(snapshot.bought is None for snapshot in snapshots):
        raise AffinityInputError(f"{kind}: a past snapshot lacks its outcomes")
    ordered = sorted((each for each in snapshots if len(each.customers)), key=lambda snapshot: snapshot.on)
    if not ordered:
        decision = Decision(FREQUENCY, "no past day to learn from")
        return AffinityModel(kind, decision, None, fit_returning([]), Calibration(), limits)
    learnt, held_out = split(ordered, horizon_days, training.seed)
    # It is only judged: half of the rows say whether learning helps, in half of the time.
    judged = replace(training, rows=training.rows // 2)
    boosting = _fit_boosting(learnt, limits, judged) if is_learnt else None
    decision, calibration = _decide(held_out, held_out.neighbours, boosting, limits)
    if not is_learnt:
        decision = replace(decision, why="the shop has too little to learn from")
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
    """``top`` items of each customer, best first (schema `SCHEMA`).

    Half of them (the greater one, of an odd ``top``) are the best. In the other half what she never bought comes first,
    so that there is something to recommend to those who own much; then what is left, best first.

    Parameters
    ----------
    snapshot: the as-of date; a part of it (some thousand customers) bounds memory.
    neighbours: `item_neighbours` of the whole as-of date or of a sample of it.
    items: the names of the m items, in the order of ``snapshot.item_keys``.
    purchase_probability: P(≥ 1 order within the horizon) of each customer, from purchase intent; the model's own
        otherwise; NaN where nobody says.
    """
    coming = model.returning.probability(snapshot) if purchase_probability is None else purchase_probability
    tables = [SCHEMA.empty_table()]
    for rows, found in batches(snapshot, neighbours, model.limits):
        ranking, given_she_comes = _scores(model.boosting, found)
        order = np.lexsort((found.item, -ranking, found.customer))
        chosen = order[_is_kept(found.customer[order], found.feature("pair_order_days")[order] > 0, top)]
        rank = rank_within(found.customer[chosen])
        part = snapshot.part(rows)
        probability = model.calibration.probability(given_she_comes[chosen])
        tables.append(
            pa.table(
                [
                    part.customer_ids.take(pa.array(found.customer[chosen])).cast(pa.string()),
                    pa.array([model.kind] * len(chosen), pa.string()),
                    pa.array([items[position] for position in found.item[chosen]], pa.string()),
                    pa.array(rank + 1, pa.int64()),
                    pa.array(np.round(ranking[chosen], DECIMALS), pa.float64()),
                    pa.array(
                        np.round(
                            probability * coming[rows][found.customer[chosen]],
                            DECIMALS,
                        ),
                        pa.float64(),
                        from_pandas=True,
                    ),
                    pa.array(reasons(part, neighbours, found, chosen, items), pa.string()),
                ],
                schema=SCHEMA,
            )
        )
    return pa.concat_tables(tables)


def _is_kept(customer: Integers, is_owned: npt.NDArray[np.bool_], top: int) -> npt.NDArray[np.bool_]:
    """Which of the candidates, by customer and best first, `score` keeps."""
    rank = rank_within(customer)
    order = np.lexsort((rank, is_owned & (rank >= top - top // 2), customer))
    is_kept = np.empty(len(customer), dtype=bool)
    is_kept[order] = rank_within(customer[order]) < top
    return is_kept


def evaluate(
    model: AffinityModel, snapshot: Snapshot, neighbours: Neighbours, new_only: bool = False
) -> RankingQuality:
    """Quality of what ships at a date with known outcomes. ``new_only``: only items the customer had never bought."""
    assert snapshot.bought is not None
    gathered = [
        (
            rows[found.customer],
            found.item,
            _scores(model.boosting, found)[0],
            found.feature("pair_order_days"),
        )
        for rows, found in batches(snapshot, neighbours, model.limits, buyers_only=True)
    ]
    return _quality(snapshot, gathered, new_only)


def _fit_boosting(snapshots: list[Snapshot], limits: CandidateLimits, training: TrainingLimits) -> Ranker | None:
    if not any(snapshot.bought is not None and snapshot.bought.nnz for snapshot in snapshots):
        return None
    return fit_boosting(training_rows(snapshots, limits, training), training.seed)


def _scores(boosting: Ranker | None, found: Candidates) -> tuple[Floats, Floats]:
    """What ranks a customer's candidates, and the raw probability that she buys each if she comes."""
    frequency = frequency_score(found)
    if boosting is None:
        return frequency, np.clip(frequency / (found.feature("customer_order_day_count") + 1), 0, 1)
    given_she_comes = boosting.probability(found.features)
    return given_she_comes, given_she_comes


def _decide(
    held_out: Snapshot,
    neighbours: Neighbours,
    boosting: Ranker | None,
    limits: CandidateLimits,
) -> tuple[Decision, Calibration]:
    """Judged on those who came; whether somebody comes is judged where that is predicted, in purchase intent.

    The calibration that ships is fitted on all of them. What it is worth (`calibration_error`, `log_loss`) is measured
    with one fitted on every second of them, on the others; of the baseline too.
    """
    gathered: dict[str, list[tuple[np.ndarray, np.ndarray, Floats, np.ndarray]]] = {FREQUENCY: [], BOOSTING: []}
    raws: dict[str, list[Floats]] = {FREQUENCY: [np.empty(0)], BOOSTING: [np.empty(0)]}
    outcomes = [np.empty(0, dtype=bool)]
    customers = [np.empty(0, dtype=np.int64)]
    for rows, found in batches(held_out, neighbours, limits, buyers_only=True):
        assert found.bought is not None
        outcomes.append(found.bought)
        customers.append(rows[found.customer])
        for name, learnt in ((FREQUENCY, None), (BOOSTING, boosting)):
            if name == BOOSTING and boosting is None:
                continue
            ranking, raw = _scores(learnt, found)
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
    outcome = np.concatenate(outcomes)
    given = {name: np.concatenate(parts) for name, parts in raws.items()}
    calibration = calibrated(given[ranker], outcome)
    is_measured = np.unique(np.concatenate(customers), return_inverse=True)[1] % 2 == 1
    errors = {name: _calibration_quality(given[name], outcome, is_measured) for name in {ranker, FREQUENCY}}
    decision = Decision(
        ranker=ranker,
        why=why,
        held_out_on=held_out.on,
        champion=champion,
        challenger=challenger,
        champion_new=champion_new,
        challenger_new=challenger_new,
        calibration_error=errors[ranker][0],
        log_loss=errors[ranker][1],
        champion_calibration_error=errors[FREQUENCY][0],
        champion_log_loss=errors[FREQUENCY][1],
    )
    return decision, calibration


def _calibration_quality(
    raw: Floats, outcome: npt.NDArray[np.bool_], is_measured: npt.NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Calibration error and log loss of some rows, calibrated on the others; None where there are none to measure."""
    if not is_measured.any():
        return None, None
    probability = calibrated(raw[~is_measured], outcome[~is_measured]).probability(raw[is_measured])
    return calibration_error(probability, outcome[is_measured]), log_loss(probability, outcome[is_measured])


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
