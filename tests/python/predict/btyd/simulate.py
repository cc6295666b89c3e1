"""Customers who order and stop exactly as the models say, simulated order by order and never from a formula."""

from dataclasses import dataclass

import numpy as np

from regulars.predict.btyd.geometric import Parameters
from regulars.predict.btyd.statistics import Floats, Histories, Ints, histories_of


@dataclass(frozen=True)
class Simulated:
    """What was seen of each customer by the as-of date, and what came after it."""

    histories: Histories
    orders_after: Ints
    """Orders within the horizon."""
    days_to_next: Floats
    """Days to the first order after the as-of date; infinite where none comes within the horizon."""


def simulate(
    parameters: Parameters, customers: int, *, longest_age_days: int, horizon_days: float, seed: int
) -> Simulated:
    """Customers of all ages up to the longest, evenly.

    Let alpha be hundreds of days: a history counts whole days, and at most one order on each, unlike the models.
    """
    random = np.random.default_rng(seed)
    age = random.integers(1, longest_age_days + 1, customers)
    rate = random.gamma(parameters.r, 1.0 / parameters.alpha_days, customers)
    stops = random.beta(parameters.a, parameters.b, customers)
    x, after = np.zeros(customers, dtype=np.int64), np.zeros(customers, dtype=np.int64)
    last, following = np.zeros(customers), np.full(customers, np.inf)
    who = np.arange(customers)
    if parameters.first_order_can_be_last:
        who = who[random.random(customers) >= stops]
    now = np.zeros(len(who))
    while len(who):
        now = now + random.exponential(size=len(who)) / rate[who]
        is_in_time = now < age[who] + horizon_days
        who, now = who[is_in_time], now[is_in_time]
        is_seen = now < age[who]
        x[who[is_seen]] += 1
        last[who[is_seen]] = now[is_seen]
        later = who[~is_seen]
        after[later] += 1
        following[later] = np.minimum(following[later], now[~is_seen] - age[later])
        goes_on = random.random(len(who)) >= stops[who]
        who, now = who[goes_on], now[goes_on]
    recency = np.ceil(last).astype(np.int64)
    return Simulated(histories_of(np.minimum(x, recency), recency, age), after, following)
