"""Which candidates a customer buys, if she comes: champion (how often she bought it) and challenger (boosting)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from regulars.predict.affinity.candidates import FEATURES, CandidateLimits, Candidates, candidates
from regulars.predict.affinity.neighbours import Neighbours
from regulars.predict.affinity.returning import has_bought
from regulars.predict.affinity.snapshot import Floats, Snapshot
from regulars.predict.affinity.steps import stepped

BATCH_CUSTOMERS = 2000
BATCH_NUMBERS = 6_000_000
"""Customers × items of a batch: a handful of matrices of this size are in memory."""


@dataclass(frozen=True)
class TrainingLimits:
    """Bounds of training. Rows are candidates; of those not bought, a random part is kept, with its weight."""

    rows: int = 1_200_000
    negatives_per_positive: float = 4.0
    seed: int = 0


def batches(
    snapshot: Snapshot, neighbours: Neighbours, limits: CandidateLimits, buyers_only: bool = False
) -> Iterator[tuple[np.ndarray, Candidates]]:
    """Candidates of some customers at a time, with these customers' positions."""
    positions = np.flatnonzero(has_bought(snapshot)) if buyers_only else np.arange(len(snapshot.customers))
    size = int(np.clip(BATCH_NUMBERS // max(len(snapshot.items), 1), 20, BATCH_CUSTOMERS))
    for start in range(0, len(positions), size):
        rows = positions[start : start + size]
        yield rows, candidates(snapshot.part(rows), neighbours, limits)


def frequency_score(found: Candidates) -> Floats:
    """The champion: on how many days she bought it, ties to what is popular now (less than one day's worth)."""
    popularity = found.feature("item_share_30d").astype(np.float64) + 1e-3 * found.feature("item_share_365d")
    return found.feature("pair_order_days") + 0.5 * np.minimum(popularity, 1)


@dataclass(frozen=True)
class TrainingRows:
    """r rows to learn from: features (r × len(FEATURES)), outcome, weight."""

    features: npt.NDArray[np.float32]
    bought: npt.NDArray[np.bool_]
    weight: Floats


def training_rows(snapshots: list[Snapshot], limits: CandidateLimits, training: TrainingLimits) -> TrainingRows:
    """Candidates of the customers who came within the horizon of each snapshot.

    Only who came: learning P(item | she comes) from them reached recall@10 .141 where learning from everybody reached
    .139 (Online Retail II, three snapshots). Many snapshots of few customers beat few of many: eleven monthly ones
    .153.
    """
    random = np.random.default_rng(training.seed)
    features, bought, weight = (
        [np.empty((0, len(FEATURES)), dtype=np.float32)],
        [np.empty(0, dtype=bool)],
        [np.empty(0)],
    )
    for snapshot in snapshots:
        neighbours = snapshot.neighbours
        budget = training.rows // max(len(snapshots), 1)
        for rows, found in batches(_sample(snapshot, budget, random), neighbours, limits, buyers_only=True):
            assert found.bought is not None
            wanted = training.negatives_per_positive * max(int(found.bought.sum()), len(rows))
            share = min(1.0, wanted / max(len(found.bought), 1))
            kept = found.bought | (random.random(len(found.bought)) < share)
            features.append(found.features[kept])
            bought.append(found.bought[kept])
            weight.append(np.where(found.bought[kept], 1.0, 1.0 / share))
    return TrainingRows(features=np.concatenate(features), bought=np.concatenate(bought), weight=np.concatenate(weight))


@dataclass(frozen=True)
class Ranker:
    """A learnt ranker, over features in the steps it was learnt in."""

    booster: HistGradientBoostingClassifier

    def probability(self, features: npt.NDArray[np.float32]) -> Floats:
        """P(bought | she comes) of r rows of `FEATURES`."""
        return np.asarray(self.booster.predict_proba(stepped(features))[:, 1], dtype=np.float64)


def fit_boosting(rows: TrainingRows, seed: int = 0) -> Ranker | None:
    """The challenger; None where fewer than 50 purchases are there to learn from."""
    if int(rows.bought.sum()) < 50 or rows.bought.all():
        return None
    # What nobody knows (last year's season, in a young shop) becomes 0: scikit-learn cannot bin a column of NaN.
    unknown = np.isnan(rows.features).all(axis=0)
    features = np.where(unknown, np.float32(0), rows.features) if unknown.any() else rows.features
    # Smaller leaves in smaller shops; 100 rows in all others.
    smallest = int(np.clip(len(rows.bought) // 500, 20, 100))
    booster = HistGradientBoostingClassifier(
        learning_rate=0.09,
        max_iter=100,
        max_leaf_nodes=31,
        min_samples_leaf=smallest,
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        random_state=seed,
    )
    return Ranker(booster.fit(stepped(features), rows.bought, sample_weight=rows.weight))


def _sample(snapshot: Snapshot, row_budget: int, random: np.random.Generator) -> Snapshot:
    """Of the customers who came, as many as the budget of rows carries: about a hundred rows a customer, thinned."""
    came = np.flatnonzero(has_bought(snapshot))
    most = max(row_budget // 100, 200)
    if len(came) > most:
        came = np.sort(random.choice(came, most, replace=False))
    return snapshot.part(came)
