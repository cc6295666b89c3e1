"""How good a ranking was."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import rankdata

from regulars.predict.affinity.candidates import looked_up, rank_within
from regulars.predict.affinity.snapshot import Floats, Integers


@dataclass(frozen=True)
class RankingQuality:
    """Means over customers who bought: recall@k (hits ÷ items bought) and NDCG@k (ideal: min(k, bought) first)."""

    customers: int
    recall: float
    ndcg: float


def ranking_quality(
    bought: sparse.csr_matrix, customer: Integers, item: Integers, score: npt.NDArray[np.floating], k: int = 10
) -> RankingQuality:
    """Quality of the k highest-scored candidates of each customer.

    ``bought`` (n × m) holds everything she bought, also what was no candidate; ``customer`` and ``item`` are the
    candidates. Source: Järvelin and Kekäläinen (2002) for the discount 1 / log2(rank + 1).
    """
    wanted = np.diff(bought.indptr)
    order = np.lexsort((item, -score, customer))
    rank = rank_within(customer[order])
    top = order[rank < k]
    rank = rank[rank < k]
    hit = looked_up(bought, customer[top], item[top])
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.bincount(customer[top], hit, minlength=len(wanted))
    gains = np.bincount(customer[top], hit * discount[rank], minlength=len(wanted))
    ideal = np.r_[0, np.cumsum(discount)][np.minimum(wanted, k)]
    came = wanted > 0
    if not came.any():
        return RankingQuality(customers=0, recall=float("nan"), ndcg=float("nan"))
    recall, ndcg = hits[came] / wanted[came], gains[came] / ideal[came]
    return RankingQuality(customers=int(came.sum()), recall=float(recall.mean()), ndcg=float(ndcg.mean()))


def area_under_curve(score: Floats, is_buyer: npt.NDArray[np.bool_]) -> float:
    """Probability that a buyer scores above somebody else, ties half. NaN without both."""
    positives = int(is_buyer.sum())
    negatives = len(is_buyer) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[is_buyer].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def lift(score: Floats, is_buyer: npt.NDArray[np.bool_], share: float = 0.1) -> float:
    """Buyers among the best ``share`` ÷ buyers among all; customers of the same score count in equal parts."""
    if not is_buyer.any():
        return float("nan")
    size = max(int(len(score) * share), 1)
    bar = np.partition(score, -size)[-size]
    above, level = score > bar, score == bar
    hits = is_buyer[above].sum() + is_buyer[level].sum() * (size - above.sum()) / level.sum()
    return float(hits / size / is_buyer.mean())


def calibration_error(probability: Floats, outcome: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error over ``bins`` equal parts of [0, 1]: |mean probability − share|, weighted by rows."""
    position = np.minimum((probability * bins).astype(np.int64), bins - 1)
    size = np.bincount(position, minlength=bins)
    gap = np.bincount(position, probability - outcome, minlength=bins)
    return float(np.abs(gap).sum() / max(size.sum(), 1))


def log_loss(probability: Floats, outcome: npt.NDArray[np.bool_]) -> float:
    """Mean negative log likelihood, probabilities kept within 1e-7 of the ends."""
    safe = np.clip(probability, 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(outcome, np.log(safe), np.log1p(-safe))))
