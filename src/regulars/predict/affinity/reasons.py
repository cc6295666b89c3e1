"""Why a customer is thought to want an item."""

import numpy as np
import numpy.typing as npt

from regulars.predict.affinity.candidates import Candidates
from regulars.predict.affinity.neighbours import Neighbours
from regulars.predict.affinity.snapshot import Integers, Snapshot

BOUGHT_BEFORE = "bought_before"
DUE = "due_for_replenishment"
SIMILAR = "similar_customers"
POPULAR = "popular"


def reasons(
    snapshot: Snapshot, neighbours: Neighbours, found: Candidates, rows: Integers, items: list[str]
) -> list[str]:
    """The reason of each of the chosen ``rows`` of ``found`` (``snapshot`` is the one they were made of).

    Bought before; due where she bought it at least twice and the time since is at least 0.8 of the usual gap (3 at
    most: later
    she has stopped); `goes_with:<item>` where one thing she bought makes half of the neighbour score; otherwise what
    customers
    like her buy, or, without any link, what everybody buys. ``items`` are the names of the m items.
    """
    times = found.feature("pair_order_days")[rows]
    due = found.feature("pair_due_ratio")[rows]
    slow = found.feature("pair_slow_neighbour_score")[rows]
    is_due = (times >= 2) & (due >= 0.8) & (due <= 3)
    result: npt.NDArray[np.object_] = np.full(len(rows), POPULAR, dtype=object)
    result[slow > 0] = SIMILAR
    result[times > 0] = BOUGHT_BEFORE
    result[is_due] = DUE

    weights = snapshot.matrix("weight_365d")
    similarity = neighbours.wide.tocsc()
    for position in np.flatnonzero((times == 0) & (slow > 0)):
        row = rows[position]
        start, end = similarity.indptr[found.item[row]], similarity.indptr[found.item[row] + 1]
        own = slice(weights.indptr[found.customer[row]], weights.indptr[found.customer[row] + 1])
        bought, at, link = np.intersect1d(
            weights.indices[own], similarity.indices[start:end], assume_unique=True, return_indices=True
        )
        parts = weights.data[own][at] * similarity.data[start:end][link]
        if len(parts) and parts.max() >= 0.5 * parts.sum():
            result[position] = f"goes_with:{items[bought[parts.argmax()]]}"
    return [str(reason) for reason in result]
