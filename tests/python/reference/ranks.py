"""Ranks and scores over buyers: ties share the lowest rank, whole-number arithmetic throughout."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from .money import at_least


def lowest_ranks(values: pd.Series, *, descending: bool = False) -> pd.Series:
    """Rank 1 is the lowest value (or the highest when descending); equal values share the lowest rank."""
    return values.rank(method="min", ascending=not descending).astype("int64")


def scores(ranks: pd.Series) -> pd.Series:
    """1 to 5: ``least(5, 1 + (5 * (k - 1)) div (n - 1))``; a single buyer scores 1."""
    n = len(ranks)
    if n <= 1:
        return pd.Series(1, index=ranks.index, dtype="int64")
    return (1 + (5 * (ranks - 1)) // (n - 1)).clip(upper=5)


def percent_rank_at_least(ranks: pd.Series, threshold: Fraction) -> np.ndarray:
    """Whether ``(rank - 1) / (n - 1)`` reaches the threshold; the percent rank of a single buyer is 0."""
    return at_least((ranks - 1).to_numpy(), len(ranks) - 1, threshold)
