"""MBG/NBD: the first order can be the last. Batislam, Denizel and Filiztekin (2007), IJRM 24(3), 201-209.

The mathematics is in `geometric`, the forecasts are in `forecast`; this module names the model.
"""

from regulars.predict.btyd import geometric
from regulars.predict.btyd.forecast import (
    days_to_next_order,
    expected_orders,
    probability_alive,
    probability_of_order,
)
from regulars.predict.btyd.geometric import Parameters, PurchaseFit, log_likelihood
from regulars.predict.btyd.statistics import CollapsedHistories

__all__ = [
    "Parameters",
    "PurchaseFit",
    "days_to_next_order",
    "expected_orders",
    "fit",
    "log_likelihood",
    "parameters_of",
    "probability_alive",
    "probability_of_order",
]


def fit(collapsed: CollapsedHistories) -> PurchaseFit:
    """The parameters of greatest likelihood; see `geometric.fit` for what comes back and what is refused."""
    return geometric.fit(collapsed, first_order_can_be_last=True)


def parameters_of(r: float, alpha_days: float, a: float, b: float) -> Parameters:
    """The model with parameters known from elsewhere."""
    return Parameters(r, alpha_days, a, b, first_order_can_be_last=True)
