"""docs/mutants.md: the mutants that nothing can notice, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from .equivalents import EQUIVALENTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "mutants.md"

HEADER = """# Mutants that nothing can notice

The mutation check changes the SQL of the segment models in {count} ways, one at a time: a comparison, a join, a number,
a branch, a default. Each wrong version must give other results than the independent reference in at least one of the
shops of `tests/python/mutation/shops.py`, where some customers have predictions and others have none (the predictions
themselves are given). The versions below give the same results for every shop, for the reason above them. The list is
generated (`REGULARS_WRITE_MUTANTS=1 pytest tests/python/mutation`) and `make test` fails when the survivors are not
exactly these: a new one needs a customer who notices it, or a reason in `tests/python/mutation/equivalents.py`.
"""


def reason_for(mutant: str) -> str | None:
    """Why this mutant is equivalent, if anybody has said so."""
    return next((reason for pattern, reason in EQUIVALENTS if re.search(pattern, mutant)), None)


def idle_patterns(survivors: Collection[str]) -> list[str]:
    """The patterns that explain no survivor any more."""
    return [pattern for pattern, _ in EQUIVALENTS if not any(re.search(pattern, mutant) for mutant in survivors)]


def page(survivors: Iterable[str], count: int) -> str:
    """The whole page.

    Raises
    ------
    AssertionError: with the survivors that nobody has explained.
    """
    by_model: dict[str, dict[str, list[str]]] = {}
    unexplained = []
    for mutant in survivors:
        reason = reason_for(mutant)
        if reason is None:
            unexplained.append(mutant)
            continue
        model, _, change = mutant.partition(".")
        by_model.setdefault(model, {}).setdefault(reason, []).append(change)
    assert not unexplained, (
        f"{len(unexplained)} mutants survive; add a customer to tests/python/mutation/shops.py who notices,"
        " or a reason to equivalents.py:\n" + "\n".join(unexplained)
    )
    lines = [HEADER.format(count=f"{count:,}")]
    for model, reasons in by_model.items():
        lines.append(f"## {model}\n")
        for reason, changes in reasons.items():
            lines.append(f"{reason}\n")
            lines += [f"- `{change}`" for change in changes]
            lines.append("")
    return "\n".join(lines)
