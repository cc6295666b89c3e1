"""Collapsing loses nobody, and refuses what cannot be a history."""

import numpy as np
import pyarrow as pa
import pytest

from regulars.errors import HistoryError
from regulars.predict.btyd.statistics import (
    CollapsedHistories,
    Histories,
    collapse,
    distinct_values,
    histories_of,
    merge,
    sample,
)


def rows_of(collapsed: CollapsedHistories) -> list[tuple[int, int, int, int]]:
    kept = collapsed.histories
    columns = (kept.frequency, kept.recency_days, kept.age_days, collapsed.customer_count)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def many(customers: int, seed: int) -> Histories:
    random = np.random.default_rng(seed)
    age = random.integers(0, 40, customers)
    recency = random.integers(0, age + 1)
    frequency = np.where(recency > 0, np.minimum(recency, random.integers(1, 4, customers)), 0)
    return histories_of(frequency, recency, age)


def test_equal_histories_share_a_row() -> None:
    collapsed = collapse(histories_of([0, 2, 0, 2, 2], [0, 9, 0, 9, 8], [30, 30, 30, 30, 30]))
    assert rows_of(collapsed) == [(0, 0, 30, 2), (2, 8, 30, 1), (2, 9, 30, 2)]
    assert collapsed.total_customers == 5
    assert collapsed.repeat_customers == 3


def test_batches_merge_to_the_whole() -> None:
    whole = many(5_000, seed=1)
    parts = [
        collapse(Histories(*(getattr(whole, name)[part] for name in ("frequency", "recency_days", "age_days"))))
        for part in (slice(0, 10), slice(10, 3_000), slice(3_000, None))
    ]
    assert rows_of(merge(parts)) == rows_of(collapse(whole))
    assert len(merge([])) == 0


def test_a_sample_keeps_the_shares() -> None:
    collapsed = collapse(many(50_000, seed=2))
    taken = sample(collapsed, 1_000)
    assert taken.total_customers == 1_000
    share = collapsed.repeat_customers / collapsed.total_customers
    assert taken.repeat_customers / 1_000 == pytest.approx(share, abs=0.002)
    assert sample(collapsed, 50_000) is collapsed


def test_nobody_collapses_to_nothing() -> None:
    assert len(collapse(histories_of([], [], []))) == 0


def test_arrow_columns_are_read() -> None:
    column = pa.array([1, 2], pa.int32())
    assert histories_of(column, column, column).age_days.tolist() == [1, 2]


@pytest.mark.parametrize("values", [[3, 1, 3], [10**9, 5, 10**9]])
def test_distinct_values_are_found_near_and_far(values: list[int]) -> None:
    distinct, place = distinct_values(np.array(values))
    assert distinct[place].tolist() == values
    assert distinct.tolist() == sorted(set(values))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (([1], [5], [4]), "history 0: frequency 1, recency_days 5, age_days 4"),
        (([0, 0], [0, 3], [9, 9]), "history 1: frequency 0, recency_days 3"),
        (([3], [2], [9]), "0 <= frequency <= recency_days <= age_days"),
        (([-1], [0], [9]), "frequency -1"),
        (([1, 1], [5], [9]), "differ in length: frequency 2, recency_days 1, age_days 1"),
        (([1], [5.5], [9]), "recency_days holds values that are not whole numbers"),
        (([1], [float("nan")], [9]), "no nulls"),
        (([[1]], [1], [9]), "frequency has 2 dimensions"),
        (([1], [1], [10**10]), "too long to be grouped"),
    ],
)
def test_impossible_histories_are_refused(columns: tuple[list[float], ...], says: str) -> None:
    with pytest.raises(HistoryError, match=says):
        collapse(histories_of(*columns))
