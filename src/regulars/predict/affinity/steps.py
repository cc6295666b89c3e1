"""Features in steps, as trees see them.

Trees make at most 255 bins of a feature. Where it has no more values than that, scikit-learn 1.9 need not look for
weighted quantiles, which takes it several times as long as the trees. And the last bits of a sum move nobody across a
split.
"""

import numpy as np
import numpy.typing as npt

from regulars.predict.affinity.candidates import FEATURES

LEAST, MOST = 2.0**-20, 2.0**11
MANTISSA_BITS = 3
"""Eight steps from a number to its double, over the 31 doublings from LEAST to MOST: 248 steps."""
SIGNED = (
    "pair_price_distance",
    "item_trend_14d",
    "item_trend_30d",
    "item_trend_90d",
    "item_season_lift",
    "item_season_rise",
    "item_log_price",
)
"""Logarithms: steps of 0.05, from -6 to 6."""
STEPS_OF_LOGARITHM = 20
FURTHEST_LOGARITHM = 6.0


def stepped(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """R rows of `FEATURES` in steps; unknown stays NaN."""
    dropped = 23 - MANTISSA_BITS
    small = features < LEAST
    bits = np.minimum(features, np.float32(MOST)).view(np.int32)
    result = ((bits + (1 << (dropped - 1))) & ~((1 << dropped) - 1)).view(np.float32)
    result[small] = 0
    for name in SIGNED:
        at = FEATURES.index(name)
        result[:, at] = stepped_logarithms(features[:, at])
    return np.asarray(result)


def stepped_logarithms(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Logarithms in steps of 0.05, at most 6 from 0."""
    return np.asarray(np.round(np.clip(values, -FURTHEST_LOGARITHM, FURTHEST_LOGARITHM) * STEPS_OF_LOGARITHM))
