"""Why a customer is thought to want an item."""

import numpy as np
import numpy.typing as npt

from regulars.predict.affinity.candidates import Candidates
from regulars.predict.affinity.neighbours import Neighbours, row_numbers
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
    most: later she has stopped); `goes_with:<item>` where one thing she bought makes half of the neighbour score;
    otherwise what customers like her buy, or, without any link, what everybody buys. ``items`` are the names of the m
    items.
    """
    times = found.feature("pair_order_days")[rows]
    due = found.feature("pair_due_ratio")[rows]
    slow = found.feature("pair_slow_neighbour_score")[rows]
    is_due = (times >= 2) & (due >= 0.8) & (due <= 3)
    result: npt.NDArray[np.object_] = np.full(len(rows), POPULAR, dtype=object)
    result[slow > 0] = SIMILAR
    result[times > 0] = BOUGHT_BEFORE
    result[is_due] = DUE

    linked = np.flatnonzero((times == 0) & (slow > 0))
    # What each thing she bought adds to the score, of all chosen rows at once: both sides have few numbers in a row.
    bought = snapshot.matrix("weight_365d")[found.customer[rows[linked]]]
    parts = bought.multiply(neighbours.into[found.item[rows[linked]]]).tocsr()
    of_row = row_numbers(parts)
    total = np.bincount(of_row, parts.data, minlength=len(linked))
    # At most one is more than half; of two halves the item that stands first.
    for at in np.flatnonzero(parts.data >= 0.5 * total[of_row])[::-1]:
        if parts.data[at] > 0:
            result[linked[of_row[at]]] = f"goes_with:{items[parts.indices[at]]}"
    return [str(reason) for reason in result]
