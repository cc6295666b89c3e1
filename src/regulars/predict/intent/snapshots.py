"""The shop as it was on each snapshot day: its customers' features, what they did next, and the models of that day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from regulars.errors import FitError
from regulars.predict.btyd import gamma_gamma, mbgnbd
from regulars.predict.btyd.statistics import collapse
from regulars.predict.intent.design import (
    FEATURE_COLUMNS,
    MILLION,
    Buyers,
    ShopView,
    buyers_of,
    design_matrix,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HORIZONS = (30, 90, 365)
OUTCOME_COLUMNS = (
    "days_to_next_order",
    *(f"{name}_{horizon}d" for name in ("order_days_next", "net_cents_next") for horizon in HORIZONS),
)
TODAY = 0
NO_GAP_YET = log(60.0)
"""Taken for the shop's mean (logarithmic) gap while nobody has come back."""


@dataclass(frozen=True)
class Snapshot:
    """n customers on one day of the past, or today."""

    days_ago: int
    history_days: int
    """Days of orders before it."""
    buyers: Buyers
    outcomes: dict[str, Floats]
    """By name of `OUTCOME_COLUMNS`; NaN where the window is not over. Empty for today."""
    shop: ShopView
    customer_ranks: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Place of each customer among all sampled ones, the same on every snapshot. Empty for today."""

    def __len__(self) -> int:
        return len(self.buyers)

    @cached_property
    def matrix(self) -> Floats:
        """`design_matrix` of its customers."""
        return design_matrix(self.buyers, self.shop)

    def orders(self, horizon: int) -> Floats:
        """Order days in the horizon after the snapshot."""
        return self.outcomes[f"order_days_next_{horizon}d"]

    def revenue(self, horizon: int) -> Floats:
        """Net revenue in the horizon after the snapshot, in the reporting currency."""
        return self.outcomes[f"net_cents_next_{horizon}d"] / 100.0

    def half(self, which: int) -> "Snapshot":
        """Every other customer (0 or 1), the same ones on every snapshot.

        Neighbouring snapshots look at the same orders: somebody who learns on one must not judge on the other.
        """
        rows = self.customer_ranks % 2 == which
        outcomes = {name: values[rows] for name, values in self.outcomes.items()}
        ranks = self.customer_ranks[rows]
        return Snapshot(self.days_ago, self.history_days, self.buyers.taken(rows), outcomes, self.shop, ranks)


def shop_view(buyers: Buyers) -> ShopView:
    """The purchase and spend models of one day, from the customers of that day.

    Raises
    ------
    FitError: nobody has come back, or nobody has two orders of a positive amount.
    """
    purchases = mbgnbd.fit(collapse(buyers.histories))
    spend = gamma_gamma.collapse_spend(buyers["order_day_count"].astype(np.int64), buyers.mean_paid_amount)
    gaps = float((buyers["order_day_count"] - 1.0).sum())
    log_gaps = float(np.nansum(buyers["log_gap_sum"])) / MILLION
    # At a bound it is the model of customers who do not differ in one way, and foresees as well: of 300 simulated
    # customers who all stopped after a tenth of their orders, b ended there.
    has_converged = purchases.converged or bool(purchases.at_bounds)
    mean_log_gap = log_gaps / gaps if gaps else NO_GAP_YET
    return ShopView(purchases.parameters, gamma_gamma.fit(spend), mean_log_gap, has_converged)


def snapshots_of(training: pa.Table, today: Snapshot) -> tuple[Snapshot, ...]:
    """The past snapshots in the rows of `int_intent_training`, newest first; those with too little to fit are left out.

    Parameters
    ----------
    training: the columns of `int_intent_training`, sorted by customer.
    today: the scoring rows; its ``history_days`` tell those of the past.
    """
    days_ago = training.column("days_ago").to_numpy()
    names = training.column("customer_id").combine_chunks().dictionary_encode()
    ranks = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    columns = buyers_of(training, FEATURE_COLUMNS + OUTCOME_COLUMNS)
    snapshots = []
    for ago in np.unique(days_ago):
        is_here = days_ago == ago
        here = columns.taken(is_here)
        buyers = Buyers({name: here[name] for name in FEATURE_COLUMNS})
        outcomes = {name: here[name] for name in OUTCOME_COLUMNS}
        try:
            shop = shop_view(buyers)
        except FitError:
            continue
        history_days = today.history_days - int(ago)
        snapshots.append(Snapshot(int(ago), history_days, buyers, outcomes, shop, ranks[is_here]))
    return tuple(snapshots)


def known_by(snapshots: Sequence[Snapshot], days_ago: int, horizon: int) -> tuple[Snapshot, ...]:
    """The snapshots whose window was over on the day ``days_ago``."""
    return tuple(snapshot for snapshot in snapshots if snapshot.days_ago >= days_ago + horizon)
