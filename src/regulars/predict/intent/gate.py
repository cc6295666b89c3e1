"""Whether a shop's data can carry a prediction, and in words why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gate:
    """The one row of `int_prediction_gate`, judged."""

    buyer_count: int
    min_history_days: int
    blend_reason: str | None
    """Why nothing is learnt from snapshots; None where it is."""
    purchase_model_reason: str | None
    """Why not even the purchase model is used; None where it is."""


def gate_of(facts: Mapping[str, Any]) -> Gate:
    """Judge the row of `int_prediction_gate`, given as column name to value."""
    buyers, history, idle = (int(facts[name] or 0) for name in ("buyer_count", "history_days", "idle_days"))
    repeat = int(facts["repeat_buyer_count"] or 0)
    reason = None
    if not buyers:
        reason = "nobody has bought yet"
    elif buyers < facts["prediction_min_buyers"]:
        reason = f"{counted(buyers, 'buyer')}; {facts['prediction_min_buyers']} are needed (var prediction_min_buyers)"
    elif history < facts["prediction_min_history_days"]:
        needed = facts["prediction_min_history_days"]
        reason = f"{counted(history, 'day')} of orders; {needed} are needed (var prediction_min_history_days)"
    elif idle > facts["prediction_max_idle_days"]:
        reason = (
            f"no order for {idle} days; more than {facts['prediction_max_idle_days']} means that the shop has stopped "
            "(var prediction_max_idle_days)"
        )
    purchase_model_reason = None
    if repeat < facts["prediction_min_repeat_buyers"]:
        # Also of a shop with buyers enough: where hardly anybody comes back, there is no coming back to learn.
        lacking = (
            f"{counted(repeat, 'buyer')} came back, the purchase model needs {facts['prediction_min_repeat_buyers']} "
            "(var prediction_min_repeat_buyers)"
        )
        purchase_model_reason = lacking if reason is None else f"{reason}; and {lacking}"
        reason = reason or lacking
    return Gate(buyers, int(facts["prediction_min_history_days"]), reason, purchase_model_reason)


def counted(number: int, noun: str) -> str:
    """``1 buyer``, ``2 buyers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
