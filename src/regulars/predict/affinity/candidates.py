"""What a customer may buy next, and what is known of each possibility."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from regulars.predict.affinity.neighbours import Neighbours, row_numbers, strongest
from regulars.predict.affinity.snapshot import CUSTOMER_FACTS, ITEM_FACTS, Floats, Integers, Snapshot

PAIR_FEATURES = (
    "order_days",
    "decayed",
    "recent",
    "relative_decayed",
    "days_since",
    "days_before_last_order",
    "order_share",
    "gap_days",
    "due_ratio",
    "season_count",
    "quick_neighbour_score",
    "slow_neighbour_score",
    "narrow_neighbour_score",
    "mean_neighbour_score",
    "relative_neighbour_score",
    "price_distance",
    "basket_size",
    "distinct_items",
    "purchases_per_item",
)
FEATURES = (
    *(f"pair_{name}" for name in PAIR_FEATURES),
    *(f"customer_{name}" for name in CUSTOMER_FACTS),
    *(f"item_{name}" for name in ITEM_FACTS),
)


@dataclass(frozen=True)
class CandidateLimits:
    """How many candidates of each source a customer gets: the memory and time of scoring."""

    personal: int = 200
    neighbours: int = 60
    popular: int = 40


@dataclass(frozen=True)
class Candidates:
    """r pairs, sorted by customer: positions in the snapshot, r × len(FEATURES) features, and what came of them."""

    customer: Integers
    item: Integers
    features: npt.NDArray[np.float32]
    bought: npt.NDArray[np.bool_] | None

    def feature(self, name: str) -> npt.NDArray[np.float32]:
        """One feature of all r candidates."""
        return self.features[:, FEATURES.index(name)]


def candidates(snapshot: Snapshot, neighbours: Neighbours, limits: CandidateLimits | None = None) -> Candidates:
    """Candidates of every customer of ``snapshot`` (give a part of it to bound memory: about 300 rows a customer).

    Sources: what she bought most, what goes with that (with everything, and with the recent), what is popular now, was
    popular in the same weeks a year ago, and is rising with the season.
    """
    limits = limits or CandidateLimits()
    count, item_count = snapshot.shape
    slow_weights, quick_weights = snapshot.matrix("weight_365d"), snapshot.matrix("weight_60d")
    products = [
        (weights @ similar).tocsr()
        for weights, similar in (
            (quick_weights, neighbours.wide),
            (slow_weights, neighbours.wide),
            (slow_weights, neighbours.narrow),
        )
    ]
    # Full matrices of some customers: looking up in them is many times as fast as in sparse ones.
    quick, slow, narrow = (product.toarray() for product in products)
    share = snapshot.item("share_30d")
    tie_break = share / max(float(share.max(initial=0)), 1e-12)
    personal_order = snapshot.pair("decayed_count") + 1e-3 * tie_break[snapshot.pair_item]
    is_chosen = np.zeros((count, item_count), dtype=bool)
    is_owned = np.zeros((count, item_count), dtype=bool)
    is_owned[snapshot.pair_customer, snapshot.pair_item] = True
    for product in products[:2]:
        best = strongest(product, limits.neighbours, ~is_owned[row_numbers(product), product.indices])
        is_chosen[row_numbers(best), best.indices] = True
    own = _top(snapshot.pair_customer, personal_order, limits.personal)
    is_chosen[snapshot.pair_customer[own], snapshot.pair_item[own]] = True
    is_chosen[:, popular_items(snapshot, limits.popular)] = True
    rows, columns = np.nonzero(is_chosen)
    customer, item = rows.astype(np.int64), columns.astype(np.int64)

    features = _features(snapshot, customer, item, quick, slow, narrow)
    bought = None if snapshot.bought is None else looked_up(snapshot.bought, customer, item).astype(bool)
    return Candidates(customer=customer, item=item, features=features, bought=bought)


def popular_items(snapshot: Snapshot, keep: int) -> Integers:
    """Positions of items that are popular now, rising with the season, or were popular in these weeks a year ago."""
    tie_break = 1e-6 * snapshot.item("share_365d")
    chosen = [np.empty(0, dtype=np.int64)]
    for name in ("share_30d", "seasonal_popularity", "share_season"):
        popularity = np.nan_to_num(snapshot.item(name)) + tie_break
        chosen.append(np.argsort(-popularity, kind="stable")[:keep])
    return np.unique(np.concatenate(chosen))


def looked_up(matrix: sparse.csr_matrix, rows: Integers, columns: Integers) -> Floats:
    """Values of a sparse matrix at (rows, columns); 0 where nothing is stored."""
    matrix = matrix.tocsr()
    matrix.sort_indices()
    width = matrix.shape[1]
    stored = row_numbers(matrix) * width + matrix.indices.astype(np.int64)
    if not len(stored):
        return np.zeros(len(rows))
    wanted = rows * width + columns
    at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.where(stored[at] == wanted, matrix.data[at], 0).astype(np.float64)


def _features(
    snapshot: Snapshot,
    customer: Integers,
    item: Integers,
    quick: npt.NDArray[np.float32],
    slow: npt.NDArray[np.float32],
    narrow: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    count, item_count = snapshot.shape
    stored = snapshot.pair_customer * item_count + snapshot.pair_item
    wanted = customer * item_count + item
    at = np.minimum(np.searchsorted(stored, wanted), max(len(stored) - 1, 0))
    is_bought = stored[at] == wanted if len(stored) else np.zeros(len(wanted), dtype=bool)

    def pair(name: str, otherwise: float) -> Floats:
        return (
            np.where(is_bought, snapshot.pair(name)[at], otherwise) if len(stored) else np.full(len(wanted), otherwise)
        )

    def per_customer(values: Floats) -> Floats:
        return np.bincount(snapshot.pair_customer, values, minlength=count).astype(np.float64)

    orders = snapshot.customer("order_day_count")[customer]
    distinct = per_customer(np.ones(len(stored)))
    purchases = per_customer(snapshot.pair("order_day_count"))
    weight = per_customer(snapshot.pair("weight_365d"))
    prices = snapshot.pair("log_price")
    mean_price = per_customer(np.nan_to_num(prices)) / np.maximum(per_customer((~np.isnan(prices)).astype(float)), 1)
    most = np.zeros(count)
    np.maximum.at(most, snapshot.pair_customer, snapshot.pair("decayed_count"))
    times, since, gap = pair("order_day_count", 0), pair("days_since_item", np.nan), pair("gap_days", np.nan)
    typical = snapshot.item("typical_gap_days")[item]
    quick_score, slow_score = quick[customer, item], slow[customer, item]
    best_quick = quick.max(axis=1, initial=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [
            times,
            pair("decayed_count", 0),
            pair("recent_count", 0),
            pair("decayed_count", 0) / np.maximum(most[customer], 1e-9),
            since,
            since - snapshot.customer("recency_days")[customer],
            times / orders,
            gap,
            # Her own gaps, with one typical gap of the item's as doubt.
            since * times / (np.nan_to_num(gap) * (times - 1) + typical),
            pair("season_count", 0),
            quick_score,
            slow_score,
            narrow[customer, item],
            slow_score / np.maximum(weight[customer], 1e-9),
            quick_score / np.maximum(best_quick[customer], 1e-9),
            snapshot.item("log_price")[item] - mean_price[customer],
            (purchases / snapshot.customer("order_day_count"))[customer],
            distinct[customer],
            (purchases / np.maximum(distinct, 1))[customer],
        ]
    width = len(columns)
    features = np.empty((len(wanted), len(FEATURES)), dtype=np.float32)
    for position, column in enumerate(columns):
        features[:, position] = column
    features[:, width : width + len(CUSTOMER_FACTS)] = snapshot.customers[customer]
    features[:, width + len(CUSTOMER_FACTS) :] = snapshot.items[item]
    return features


def _top(rows: Integers, values: npt.NDArray[np.floating], keep: int) -> Integers:
    """Positions of the ``keep`` highest values of each row; ``rows`` is ascending, ties go to what stands first."""
    order = np.lexsort((-values, rows))
    return np.asarray(order[rank_within(rows[order]) < keep], dtype=np.int64)


def rank_within(rows: Integers) -> Integers:
    """0, 1, 2 … within each run of equal ``rows`` (grouped)."""
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    starts = np.r_[0, np.flatnonzero(np.diff(rows)) + 1]
    lengths = np.diff(np.r_[starts, len(rows)])
    return np.asarray(np.arange(len(rows)) - np.repeat(starts, lengths), dtype=np.int64)
