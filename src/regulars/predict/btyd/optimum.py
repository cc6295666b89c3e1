"""The maximum of a likelihood in a few positive parameters, by their logarithms."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from regulars.predict.btyd.statistics import Bools, Floats

LEVEL = 1e-6
"""Slope of the mean log likelihood, by the logarithm of a parameter, below which a point is the maximum."""
BOUND_WIDTH = 1e-3
"""A logarithm this near to its bound has ended there."""


def minimise(downhill: Callable[[Floats], tuple[float, Floats]], start: Floats, bounds: Floats) -> Floats:
    """The minimum that is downhill from a start, by L-BFGS-B.

    Parameters
    ----------
    downhill: negative mean log likelihood and its p derivatives by the logarithms of the parameters.
    start: logarithms of p parameters; moved into the bounds where outside.
    bounds: p lowest and highest logarithms, shape (p, 2).
    """
    # The optimiser's own matrices are tiny; shared out among threads they made a fit of 1,016 rows take 0.9 s instead
    # of 0.02 s on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        found = minimize(
            downhill,
            np.clip(start, bounds[:, 0], bounds[:, 1]),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"gtol": 1e-8, "ftol": 1e-15, "maxiter": 500, "maxcor": 20},
        )
    lowest: Floats = found.x
    return lowest


def is_level(slope: Floats) -> bool:
    """Whether the mean log likelihood has no slope worth following."""
    # The optimiser's own verdict fails a search that ends because rounding hides all further progress.
    return bool(np.all(np.abs(slope) <= LEVEL))


def ends_at(point: Floats, bounds: Floats, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the parameters that ended at a bound."""
    ended: Bools = (point <= bounds[:, 0] + BOUND_WIDTH) | (point >= bounds[:, 1] - BOUND_WIDTH)
    return tuple(name for name, is_there in zip(names, ended, strict=True) if is_there)
