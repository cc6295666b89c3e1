"""Exact money: whole ticks of 1/10,000, rounded half away from zero as the warehouse's decimals are."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

TICKS_PER_UNIT = 10_000
RATE_SCALE = 100_000_000
LARGEST_SAFE = 2**62


def fits(*factors: np.ndarray | int) -> bool:
    """Whether the product of these factors stays inside int64 with room for rounding."""
    product = 1
    for factor in factors:
        if isinstance(factor, np.ndarray):
            product *= max((abs(int(factor.max())), abs(int(factor.min())), 1)) if len(factor) else 1
        else:
            product *= max(abs(factor), 1)
    return product < LARGEST_SAFE


def multiply_divide(left: np.ndarray, right: np.ndarray, divisor: np.ndarray | int) -> np.ndarray:
    """``left * right / divisor`` of whole numbers, rounded half away from zero; divisors are positive.

    Python's own integers take over where a product could leave int64: a price of 1e12 is allowed.
    """
    exact = fits(left, right, 2) and fits(divisor, 2)
    kind = np.int64 if exact else object
    product = left.astype(kind) * right.astype(kind)
    divisors = divisor.astype(kind) if isinstance(divisor, np.ndarray) else divisor
    magnitude = (np.abs(product) * 2 + divisors) // (divisors * 2)
    return np.where(product < 0, -magnitude, magnitude).astype(np.int64)


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """``numerator / denominator`` in ticks, rounded half away from zero."""
    return multiply_divide(numerator, np.ones(len(numerator), dtype=np.int64), denominator)


def rounded_ratio(numerator: int, denominator: int) -> int:
    """The same for one pair of numbers."""
    magnitude = (abs(numerator) * 2 + denominator) // (denominator * 2)
    return -magnitude if numerator < 0 else magnitude


def at_least(numerator: np.ndarray, denominator: np.ndarray | int, threshold: Fraction) -> np.ndarray:
    """Whether ``numerator / denominator >= threshold``, without dividing; a zero denominator is a zero ratio."""
    over = np.asarray(denominator)
    holds = numerator * threshold.denominator >= over * threshold.numerator
    return np.where(over == 0, threshold <= 0, holds).astype(bool)
