"""How good predictions were: the measures of a back-test, each from what was predicted and what came."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 10
LOWEST_PROBABILITY = 1e-6


def area_under_curve(happened: Floats, score: Floats) -> float:
    """P(a customer who bought has a higher score than one who did not), ties counted half; NaN if all or none bought.

    Source: Mann and Whitney (1947), by mean ranks of ties.
    """
    bought = happened > 0
    positive = int(bought.sum())
    negative = len(bought) - positive
    if not positive or not negative:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count)
    mean_rank = last_rank - (count - 1) / 2.0
    rank_sum = float(mean_rank[place][bought].sum())
    return (rank_sum - positive * (positive + 1) / 2.0) / (positive * negative)


def log_loss(happened: Floats, probability: Floats) -> float:
    """Mean of -log of the probability that was given to what came; probabilities of 0 and 1 are taken as a millionth."""
    bought = happened > 0
    given = np.clip(np.where(bought, probability, 1.0 - probability), LOWEST_PROBABILITY, 1.0)
    return float(-np.log(given).mean())


def calibration_error(happened: Floats, probability: Floats) -> float:
    """Expected calibration error: |share that bought - mean probability| over ten bins of equal width, by their sizes."""
    return float(sum(abs(row[2] - row[1]) * row[0] for row in calibration(happened, probability)) / len(happened))


def calibration(happened: Floats, probability: Floats) -> list[tuple[int, float, float]]:
    """(customers, mean probability, share that bought) of each of ten bins of equal width that holds anybody."""
    bought = happened > 0
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return [
        (int(here.sum()), float(probability[here].mean()), float(bought[here].mean()))
        for here in (bins == number for number in range(BINS))
        if here.any()
    ]


def total_bias(actual: Floats, expected: Floats) -> float:
    """Expected total over actual total, less 1; NaN if nothing came."""
    total = float(actual.sum())
    return float(expected.sum()) / total - 1.0 if total else float("nan")


def root_mean_square_error(actual: Floats, expected: Floats) -> float:
    """Root of the mean squared difference."""
    return float(np.sqrt(np.mean((expected - actual) ** 2)))


def mean_absolute_error(actual: Floats, expected: Floats) -> float:
    """Mean of the absolute differences."""
    return float(np.abs(expected - actual).mean())


def normalised_gini(actual: Floats, score: Floats) -> float:
    """Area between the actual amounts' cumulative share by descending score and the diagonal, over the best possible.

    Equal scores share their amounts, so that the order of rows means nothing. NaN if all amounts are equal.
    """
    best = _concentration(actual, actual)
    return _concentration(actual, score) / best if best else float("nan")


def _concentration(actual: Floats, score: Floats) -> float:
    total = float(actual.sum())
    if not total:
        return 0.0
    _, place, count = np.unique(-score, return_inverse=True, return_counts=True)
    shares = np.bincount(place, weights=actual) / total
    before = np.cumsum(shares) - shares
    # Within a tie the curve is a straight line.
    return float(((before + shares / 2.0) * count).sum() / len(actual) - 0.5)


def lift_of_top(happened: Floats, score: Floats, share: float = 0.1) -> float:
    """Share of buyers among the top tenth by score, over the share among all; ties at the edge count in part."""
    bought = (happened > 0).astype(np.float64)
    if not bought.any():
        return float("nan")
    _, place, count = np.unique(-score, return_inverse=True, return_counts=True)
    wanted = share * len(bought)
    before = np.cumsum(count) - count
    taken = np.clip(wanted - before, 0.0, count)
    caught = float((np.bincount(place, weights=bought) / count * taken).sum())
    return caught / wanted / float(bought.mean())
