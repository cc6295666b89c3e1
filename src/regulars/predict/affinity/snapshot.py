"""One kind (product, category or brand) of one shop at one date: the tables of SQL as arrays and sparse matrices."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from scipy import sparse

from regulars.predict.affinity.errors import AffinityInputError

if TYPE_CHECKING:
    from regulars.predict.affinity.neighbours import Neighbours

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CUSTOMER_FACTS = (
    "order_day_count",
    "recency_days",
    "tenure_days",
    "mean_gap_days",
    "order_days_90d",
    "order_days_365d",
    "season_order_day_count",
)
ITEM_FACTS = (
    "share_30d",
    "share_90d",
    "share_365d",
    "trend_14d",
    "trend_30d",
    "trend_90d",
    "share_season",
    "season_lift",
    "season_rise",
    "seasonal_popularity",
    "days_since_sold",
    "days_on_sale",
    "buyer_count",
    "repeat_share",
    "typical_gap_days",
    "log_price",
)
PAIR_FACTS = (
    "order_day_count",
    "decayed_count",
    "recent_count",
    "weight_60d",
    "weight_180d",
    "weight_365d",
    "season_count",
    "days_since_item",
    "gap_days",
    "log_price",
)


@dataclass(frozen=True)
class Snapshot:
    """Everything known of one kind at one date, in numbers. n customers, m items, p (customer, item) pairs.

    ``customers`` and ``items`` hold the facts as columns (n × 7, m × 16; days, counts, shares; NaN is unknown);
    ``pairs`` the p × 10 facts of what was bought, sorted by ``pair_customer`` then ``pair_item`` (positions, not keys).
    ``bought`` is the n × m boolean matrix of what was bought within the horizon after the date; None where nobody
    knows yet.
    """

    on: date
    customer_ids: pa.Array
    item_keys: Integers
    customers: Floats
    items: Floats
    pair_customer: Integers
    pair_item: Integers
    pairs: Floats
    bought: sparse.csr_matrix | None

    @property
    def shape(self) -> tuple[int, int]:
        """Customers × items."""
        return len(self.customers), len(self.items)

    def customer(self, name: str) -> Floats:
        """One fact of all n customers."""
        return self.customers[:, CUSTOMER_FACTS.index(name)]

    def item(self, name: str) -> Floats:
        """One fact of all m items."""
        return self.items[:, ITEM_FACTS.index(name)]

    def pair(self, name: str) -> Floats:
        """One fact of all p pairs."""
        return self.pairs[:, PAIR_FACTS.index(name)]

    def matrix(self, name: str) -> sparse.csr_matrix:
        """One fact of the pairs as an n × m matrix (4 bytes a number); not to be changed."""
        if name not in self._matrices:
            starts = np.searchsorted(self.pair_customer, np.arange(len(self.customers) + 1))
            values = self.pair(name).astype(np.float32)
            self._matrices[name] = sparse.csr_matrix((values, self.pair_item, starts), shape=self.shape)
        return self._matrices[name]

    @cached_property
    def _matrices(self) -> dict[str, sparse.csr_matrix]:
        return {}

    @cached_property
    def neighbours(self) -> "Neighbours":
        """`item_neighbours` of its customers."""
        from regulars.predict.affinity.neighbours import item_neighbours

        return item_neighbours(self)

    def part(self, rows: Integers) -> "Snapshot":
        """The same date for some of the customers (ascending positions); items stay."""
        position = np.full(len(self.customers), -1, dtype=np.int64)
        position[rows] = np.arange(len(rows))
        kept = position[self.pair_customer] >= 0
        return Snapshot(
            on=self.on,
            customer_ids=self.customer_ids.take(pa.array(rows)),
            item_keys=self.item_keys,
            customers=self.customers[rows],
            items=self.items,
            pair_customer=position[self.pair_customer[kept]],
            pair_item=self.pair_item[kept],
            pairs=self.pairs[kept],
            bought=None if self.bought is None else self.bought[rows],
        )


def from_tables(
    on: date, customers: pa.Table, items: pa.Table, pairs: pa.Table, outcomes: pa.Table | None = None
) -> Snapshot:
    """The rows of one snapshot and one kind, as the dbt models of the same names give them.

    Parameters
    ----------
    on: the snapshot's date; every fact is of days strictly before it.
    customers: `int_affinity_customers`, one row per customer.
    items: `int_affinity_item_facts` of one kind, one row per item.
    pairs: `int_affinity_customer_items` of one kind, one row per customer and item.
    outcomes: `int_affinity_outcomes` of one kind; None at the as-of date. Items that were not yet sold at ``on`` are
        left out: nobody can predict them.

    Raises
    ------
    AffinityInputError: if a column is missing, or ``pairs`` names a customer or an item that the others lack.
    """
    _require(customers, ("customer_id", *CUSTOMER_FACTS), "customers")
    _require(items, ("item_key", *ITEM_FACTS), "items")
    _require(pairs, ("customer_id", "item_key", *PAIR_FACTS), "pairs")
    customers = customers.sort_by("customer_id")
    items = items.sort_by("item_key")
    ids = customers["customer_id"].combine_chunks()
    keys = items["item_key"].to_numpy().astype(np.int64)
    shape = (len(ids), len(keys))

    pair_customer, pair_item = _positions(pairs, ids, keys)
    if len(pair_customer) and (pair_customer.min() < 0 or pair_item.min() < 0):
        raise AffinityInputError(f"pairs of {on}: a customer or item that has no row of its own facts at that date")
    order = np.lexsort((pair_item, pair_customer))

    bought = None
    if outcomes is not None:
        rows, columns = _positions(outcomes, ids, keys)
        known = (rows >= 0) & (columns >= 0)
        ones = np.ones(int(known.sum()), dtype=bool)
        bought = sparse.csr_matrix((ones, (rows[known], columns[known])), shape=shape)
        bought.sum_duplicates()
    return Snapshot(
        on=on,
        customer_ids=ids,
        item_keys=keys,
        customers=_columns(customers, CUSTOMER_FACTS),
        items=_columns(items, ITEM_FACTS),
        pair_customer=pair_customer[order],
        pair_item=pair_item[order],
        pairs=_columns(pairs, PAIR_FACTS)[order],
        bought=bought,
    )


def _require(table: pa.Table, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise AffinityInputError(f"{what}: no column {', '.join(missing)}; it has {', '.join(table.column_names)}")


def _columns(table: pa.Table, names: tuple[str, ...]) -> Floats:
    columns = [table[name].cast(pa.float64()).to_numpy() for name in names]
    return np.column_stack(columns) if columns else np.empty((len(table), 0))


def _positions(table: pa.Table, ids: pa.Array, keys: Integers) -> tuple[Integers, Integers]:
    """Where each row's customer and item stand in ``ids`` and ``keys``; −1 where they do not."""
    found = pa.compute.index_in(table["customer_id"].combine_chunks(), value_set=ids)
    rows = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    wanted = table["item_key"].to_numpy().astype(np.int64)
    if not len(keys):
        return rows, np.full(len(wanted), -1, dtype=np.int64)
    columns = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return rows, np.where(keys[columns] == wanted, columns, -1)
