"""A shop of customers with known rates: who buys in the future can be told from the truth, and from what came.

Each customer orders by a Poisson process of her own rate, times the shop's season, until she stops; nobody sees when.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]

FIRST_DAY = date(2021, 5, 3)
HISTORY_DAYS = 790
AS_OF = FIRST_DAY + timedelta(days=HISTORY_DAYS)
FUTURE_DAYS = 90
SEASON = 0.35
MEAN_LIFE_DAYS = 700.0


@dataclass(frozen=True)
class Simulated:
    """n customers, and all their orders, those after the as-of date too."""

    orders: pa.Table
    """customer_id, ordered_at (naive UTC), amount."""
    rate: Floats
    """Orders a day without season, by customer number."""


def season(day: Floats) -> Floats:
    """What the shop's demand of a day is multiplied with."""
    factor: Floats = 1.0 + SEASON * np.sin(2.0 * np.pi * day / 365.0)
    return factor


def name_of(number: int) -> str:
    return f"c{number:05d}"


def simulate(customers: int, seed: int) -> Simulated:
    """Customers who first buy evenly over the history; many of one order, some of dozens."""
    random = np.random.default_rng(seed)
    first = np.floor(random.uniform(0, HISTORY_DAYS, customers)) + 0.5
    rate = random.gamma(0.8, 1.0 / 35.0, customers)
    stops = first + random.exponential(MEAN_LIFE_DAYS, customers)
    until = np.minimum(stops, HISTORY_DAYS + FUTURE_DAYS)
    count = random.poisson(rate * (1.0 + SEASON) * np.maximum(until - first, 0.0))
    who = np.repeat(np.arange(customers), count)
    when = first[who] + random.uniform(0, 1, len(who)) * (until - first)[who]
    kept = random.uniform(0, 1 + SEASON, len(who)) < season(when)
    who, when = np.concatenate([np.arange(customers), who[kept]]), np.concatenate([first, when[kept]])
    usual = random.lognormal(3.5, 0.5, customers)
    amount = np.round(usual[who] * random.gamma(4.0, 0.25, len(who)) + 0.01, 2)
    micro = (np.datetime64(FIRST_DAY, "us") + (when * 86_400e6).astype("timedelta64[us]")).astype("datetime64[us]")
    names = pa.array([name_of(number) for number in who])
    return Simulated(pa.table({"customer_id": names, "ordered_at": pa.array(micro), "amount": amount}), rate)


def oracle(rate: Floats, recency_days: Floats, horizon: int) -> Floats:
    """P(order within the horizon) by who knows every rate, the season and how long customers stay; not who has stopped.

    Source: Schmittlein, Morrison and Colombo (1987), equation 7, for one customer of known rates.
    """
    leaves = 1.0 / MEAN_LIFE_DAYS
    total = rate + leaves
    is_alive = 1.0 / (1.0 + leaves / total * np.expm1(np.minimum(total * recency_days, 500.0)))
    factor = season(HISTORY_DAYS + np.arange(horizon) + 0.5).mean()
    pace = rate * factor + leaves
    return np.asarray(is_alive * rate * factor / pace * -np.expm1(-pace * horizon))
