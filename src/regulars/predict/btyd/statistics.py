"""What the models need to know of a customer's orders: three whole numbers, and how many customers share them.

Customers with the same three numbers have the same likelihood and the same forecast, so a shop of ten million is
fitted on the distinct histories alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regulars.errors import HistoryError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Histories:
    """One row per customer, or per distinct history; n rows."""

    frequency: Ints
    """Days with an order after the first such day (x)."""
    recency_days: Ints
    """Days from the first to the last order (t_x); 0 for who ordered on one day only."""
    age_days: Ints
    """Days from the first order to the as-of date (T)."""

    def __len__(self) -> int:
        return len(self.frequency)


@dataclass(frozen=True)
class CollapsedHistories:
    """Distinct histories, sorted by frequency, age and recency, with the number of customers of each; m rows."""

    histories: Histories
    customer_count: Ints

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def total_customers(self) -> int:
        """Customers behind all rows."""
        return int(self.customer_count.sum())

    @property
    def repeat_customers(self) -> int:
        """Customers with at least one repeat order."""
        return int(self.customer_count[self.histories.frequency > 0].sum())


def histories_of(frequency: npt.ArrayLike, recency_days: npt.ArrayLike, age_days: npt.ArrayLike) -> Histories:
    """Checked histories from three columns (numpy arrays, lists, or Arrow columns without nulls) of n whole numbers.

    Raises
    ------
    HistoryError: if the columns differ in length, hold fractions or nulls, or break 0 <= x <= t_x <= T (one
        customer-day is one order) or t_x = 0 for x = 0. The message names the first such row.
    """
    columns = [
        _whole_numbers(name, values)
        for name, values in (("frequency", frequency), ("recency_days", recency_days), ("age_days", age_days))
    ]
    x, last, age = columns
    if not len(x) == len(last) == len(age):
        raise HistoryError(
            f"the columns of the histories differ in length: frequency {len(x)}, recency_days {len(last)}, "
            f"age_days {len(age)}; expected one value of each per customer"
        )
    wrong = (x < 0) | (last < x) | (age < last) | ((x == 0) & (last != 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise HistoryError(
            f"history {row}: frequency {x[row]}, recency_days {last[row]}, age_days {age[row]} cannot be; expected "
            "0 <= frequency <= recency_days <= age_days, and recency_days 0 where frequency is 0"
        )
    return Histories(x, last, age)


def collapse(histories: Histories, customer_count: Ints | None = None) -> CollapsedHistories:
    """The distinct histories with their number of customers.

    Parameters
    ----------
    histories: n rows.
    customer_count: customers of each row; 1 each when left out.

    Returns
    -------
    m <= n rows; the same for any order of the n rows.
    """
    if not len(histories):
        return CollapsedHistories(histories, np.zeros(0, dtype=np.int64))
    ages = int(histories.age_days.max()) + 1
    if (int(histories.frequency.max()) + 1) * ages * ages >= 2**63:
        raise HistoryError(
            f"histories of up to {ages - 1} days are too long to be grouped; expected whole days, not smaller units"
        )
    # One number per history: sorting one column of integers is many times faster than sorting three.
    key = (histories.frequency * ages + histories.age_days) * ages + histories.recency_days
    if customer_count is None:
        key.sort()
        first = run_starts(key)
        counts = np.diff(first, append=len(key))
    else:
        order = np.argsort(key, kind="stable")
        key = key[order]
        first = run_starts(key)
        counts = np.add.reduceat(customer_count[order], first)
    rest, recency = np.divmod(key[first], ages)
    frequency, age = np.divmod(rest, ages)
    return CollapsedHistories(Histories(frequency, recency, age), counts)


def merge(parts: Sequence[CollapsedHistories]) -> CollapsedHistories:
    """The collapsed histories of several batches as one, so that a shop can be read batch by batch."""
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return CollapsedHistories(Histories(none, none, none), none)
    return collapse(
        Histories(
            np.concatenate([part.histories.frequency for part in parts]),
            np.concatenate([part.histories.recency_days for part in parts]),
            np.concatenate([part.histories.age_days for part in parts]),
        ),
        np.concatenate([part.customer_count for part in parts]),
    )


def sample(collapsed: CollapsedHistories, customers: int) -> CollapsedHistories:
    """A systematic sample of that many customers, or all when there are no more.

    Every k-th customer of the sorted histories is taken: no seed, and each kind of history keeps its share.
    """
    total = collapsed.total_customers
    if total <= customers:
        return collapsed
    ends = np.cumsum(collapsed.customer_count)
    taken = (np.arange(customers) * total + total // 2) // customers
    rows, counts = np.unique(np.searchsorted(ends, taken, side="right"), return_counts=True)
    kept = collapsed.histories
    return CollapsedHistories(
        Histories(kept.frequency[rows], kept.recency_days[rows], kept.age_days[rows]), counts.astype(np.int64)
    )


def distinct_values(values: Ints) -> tuple[Ints, Ints]:
    """The distinct values, ascending, and where among them each value stands."""
    if len(values) and int(values.max()) <= 16 * len(values) + 100_000:
        # Days are small numbers: marking the ones that occur is faster than sorting them all.
        occurs = np.zeros(int(values.max()) + 1, dtype=np.bool_)
        occurs[values] = True
        return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[values]
    distinct, place = np.unique(values, return_inverse=True)
    return distinct, place


def sums_by(place: Ints, values: Floats, size: int) -> Floats:
    """The sums of the values that share a place, for places from 0 to ``size`` - 1."""
    return np.bincount(place, weights=values, minlength=size).astype(np.float64, copy=False)


def run_starts(ordered: Ints) -> Ints:
    """Index of the first of each run of equal values."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def _whole_numbers(name: str, values: npt.ArrayLike) -> Ints:
    column = np.asarray(values)
    if column.ndim != 1:
        raise HistoryError(f"{name} has {column.ndim} dimensions; expected one value per customer")
    if column.dtype.kind in "iu":
        return column.astype(np.int64, copy=False)
    # An Arrow column with a null arrives as floats with NaN, or as objects.
    floats = np.asarray(column, dtype=np.float64) if column.dtype.kind == "f" or not len(column) else None
    if floats is None or not bool(np.all(floats == np.floor(floats))) or not bool(np.all(np.isfinite(floats))):
        raise HistoryError(f"{name} holds values that are not whole numbers; expected whole days or a count, no nulls")
    return floats.astype(np.int64)
