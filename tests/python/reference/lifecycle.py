"""Lifecycle relative to each customer's own rhythm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .changes import date_column, first_change
from .frames import look_up
from .gaps import order_days, typical_gap, typical_gap_before
from .rules import Rules

# an expected gap is a whole, a half or a quarter of a day: medians halve, the mean with the typical gap halves again
QUARTERS = 4


@dataclass(frozen=True)
class Rhythm:
    """What decides a state besides the passing of time; expected gaps in quarters of a day."""

    is_buyer: np.ndarray
    recency_days: np.ndarray
    order_day_count: np.ndarray
    expected_quarters: np.ndarray


def expected_quarters(gap_count: np.ndarray, median_gap: np.ndarray, typical: np.ndarray | float) -> np.ndarray:
    """Own median from two gaps on, its mean with the shop's for one, the shop's for none; a day at least."""
    expected = np.where(gap_count >= 2, median_gap, np.where(gap_count == 1, (median_gap + typical) / 2, typical))
    return np.maximum(np.rint(expected * QUARTERS).astype(np.int64), QUARTERS)


def states(rhythm: Rhythm, days_later: int, rules: Rules) -> np.ndarray:
    """The state of each customer so many days later, first match wins."""
    recency = rhythm.recency_days + days_later

    def ratio_under(limit) -> np.ndarray:
        return recency * QUARTERS * limit.denominator < rhythm.expected_quarters * limit.numerator

    return np.select(
        [
            ~rhythm.is_buyer,
            (rhythm.order_day_count == 1) & (recency <= rules.new_customer_days),
            ratio_under(rules.slipping_ratio) | (recency < rules.slipping_floor_days),
            ratio_under(rules.lost_ratio) | (recency < rules.lost_floor_days),
        ],
        ["prospect", "new", "active", "slipping_away"],
        "lost",
    )


def rhythm_of(facts: pd.DataFrame, typical: float) -> Rhythm:
    gap_count = np.maximum(facts["order_day_count"].to_numpy() - 1, 0)
    median = facts["median_gap_days"].fillna(0).to_numpy(dtype=float)
    return Rhythm(
        is_buyer=facts["order_count"].to_numpy() > 0,
        recency_days=facts["recency_days"].fillna(0).to_numpy(dtype=np.int64),
        order_day_count=facts["order_day_count"].to_numpy(),
        expected_quarters=expected_quarters(gap_count, median, typical),
    )


def customer_lifecycle(
    facts: pd.DataFrame, days: pd.DataFrame, as_of: int, rules: Rules, *, with_changes: bool
) -> pd.DataFrame:
    rhythm = rhythm_of(facts, typical_gap(days["gap"].dropna().to_numpy(), rules))
    frame = pd.DataFrame(index=facts.index)
    expected = pd.Series(rhythm.expected_quarters / QUARTERS, index=facts.index).where(rhythm.is_buyer)
    frame["expected_gap_days"] = expected
    frame["gap_ratio"] = facts["recency_days"].astype("float64") / expected
    frame["lifecycle_state"] = states(rhythm, 0, rules)
    frame["is_won_back"] = facts.index.isin(won_back(days, rules))
    if with_changes:
        changes = first_change(lambda later: states(rhythm, later, rules), as_of, lifecycle_horizon(rhythm, rules))
        frame["lifecycle_changes_on"] = date_column(changes, facts.index)
    return frame


def lifecycle_horizon(rhythm: Rhythm, rules: Rules) -> int:
    """Days after which everybody is lost, however slow the rhythm."""
    longest = int(rhythm.expected_quarters.max(initial=QUARTERS))
    by_ratio = math.ceil(max(rules.lost_ratio, rules.slipping_ratio) * longest / QUARTERS)
    return max(by_ratio, rules.lost_floor_days, rules.slipping_floor_days, rules.new_customer_days) + 1


def won_back(days: pd.DataFrame, rules: Rules) -> set[str]:
    """Customers who were lost, as of the day before their last order day, by the orders before that day before."""
    moments = days.groupby("customer_id")["day"].max() - 1
    typical = typical_gap_before(days, moments.to_numpy(), rules)
    earlier = days[days["day"] < look_up(days["customer_id"], moments)]
    by_customer = earlier.groupby("customer_id")
    then = pd.DataFrame({"last_day": by_customer["day"].max(), "order_day_count": by_customer.size()})
    if then.empty:
        return set()
    then["median_gap"] = by_customer["gap"].median().fillna(0)
    moment = moments.reindex(then.index)
    rhythm = Rhythm(
        is_buyer=np.ones(len(then), dtype=bool),
        recency_days=(moment - then["last_day"]).to_numpy(dtype=np.int64),
        order_day_count=then["order_day_count"].to_numpy(),
        expected_quarters=expected_quarters(
            then["order_day_count"].to_numpy() - 1,
            then["median_gap"].to_numpy(dtype=float),
            moment.map(typical).to_numpy(dtype=float),
        ),
    )
    return set(then.index[states(rhythm, 0, rules) == "lost"])


__all__ = ["customer_lifecycle", "order_days", "rhythm_of", "states", "won_back"]
