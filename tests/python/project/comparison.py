"""Two states of the marts, and what a person wants to read when they are not the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

Marts = dict[str, tuple[list[str], list[tuple[Any, ...]]]]
SHOWN = 3


def differences(first: Marts, second: Marts) -> list[str]:
    """Rows that only one side has, by mart and with the columns' names; empty where the two are the same."""
    found = []
    for mart in sorted(set(first) | set(second)):
        (columns, left), (_, right) = first[mart], second[mart]
        for side, rows in (("first", Counter(left) - Counter(right)), ("second", Counter(right) - Counter(left))):
            for row in list(rows.elements())[:SHOWN]:
                found.append(f"{mart}, only in the {side}: {dict(zip(columns, row, strict=True))}")
    return found


def assert_same(first: Marts, second: Marts) -> None:
    found = differences(first, second)
    assert not found, "the marts differ:\n" + "\n".join(found)
