"""From a score to a probability."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from regulars.predict.affinity.snapshot import Floats


@dataclass(frozen=True)
class Calibration:
    """probability = logistic(intercept + slope × logit(raw)); slope ≥ 0, so the order stays. Source: Platt (1999)."""

    intercept: float = 0.0
    slope: float = 1.0

    def probability(self, raw: npt.NDArray[np.floating]) -> Floats:
        """Calibrated probabilities of raw ones (0 to 1)."""
        return np.asarray(expit(self.intercept + self.slope * _log_odds(raw)))


def calibrated(
    raw: npt.NDArray[np.floating], outcome: npt.NDArray[np.bool_], weight: Floats | None = None
) -> Calibration:
    """Fit on a snapshot that ``raw`` was not learnt from; the identity where fewer than 20 bought or did not."""
    happened = int(outcome.sum())
    if happened < 20 or len(outcome) - happened < 20:
        return Calibration()
    fit = LogisticRegression(C=1e4, max_iter=200).fit(_log_odds(raw)[:, None], outcome, sample_weight=weight)
    slope = float(fit.coef_[0, 0])
    return Calibration(intercept=float(fit.intercept_[0]), slope=slope) if slope > 0 else Calibration()


def _log_odds(raw: npt.NDArray[np.floating]) -> Floats:
    return np.asarray(logit(np.clip(raw.astype(np.float64), 1e-7, 1 - 1e-7)))
