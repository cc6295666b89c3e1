"""Will she come at all within the horizon? A stand-in where the purchase-intent model gives no probability."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from regulars.predict.affinity.snapshot import CUSTOMER_FACTS, Floats, Snapshot


@dataclass(frozen=True)
class Returning:
    """Log-linear in the customer's facts: ln(1 + fact), unknown as 0."""

    intercept: float
    weights: Floats

    def probability(self, snapshot: Snapshot) -> Floats:
        """P(≥ 1 order within the horizon) of each of the n customers."""
        return np.asarray(1 / (1 + np.exp(-(self.intercept + _logs(snapshot) @ self.weights))))


def fit_returning(snapshots: list[Snapshot]) -> Returning:
    """Learn from past snapshots; the shop's share of returners where everybody or nobody came back."""
    if not snapshots:
        return Returning(intercept=0.0, weights=np.zeros(len(CUSTOMER_FACTS)))
    logs = np.vstack([_logs(snapshot) for snapshot in snapshots])
    came = np.concatenate([has_bought(snapshot) for snapshot in snapshots])
    share = min(max(float(came.mean()), 1e-4), 1 - 1e-4) if len(came) else 0.5
    if len(came) == 0 or came.all() or not came.any():
        return Returning(intercept=float(np.log(share / (1 - share))), weights=np.zeros(len(CUSTOMER_FACTS)))
    fit = LogisticRegression(C=10, max_iter=500).fit(logs, came)
    return Returning(intercept=float(fit.intercept_[0]), weights=fit.coef_[0].astype(np.float64))


def has_bought(snapshot: Snapshot) -> npt.NDArray[np.bool_]:
    """Whether each customer bought any known item within the horizon (all False at the as-of date)."""
    if snapshot.bought is None:
        return np.zeros(len(snapshot.customers), dtype=bool)
    return np.asarray(np.diff(snapshot.bought.indptr) > 0)


def _logs(snapshot: Snapshot) -> Floats:
    return np.log1p(np.nan_to_num(snapshot.customers))


def levelled(returning: Returning, snapshot: Snapshot) -> Floats:
    """The probabilities at a past date, at the level that came: today purchase intent knows the season."""
    odds = logit(np.clip(returning.probability(snapshot), 1e-6, 1 - 1e-6))
    share = float(np.clip(has_bought(snapshot).mean(), 1e-3, 1 - 1e-3))
    low, high = -12.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).mean() < share else (low, middle)
    return np.asarray(expit(odds + (low + high) / 2))
