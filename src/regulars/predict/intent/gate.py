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
        reason = f"{buyers} buyers; {facts['prediction_min_buyers']} are needed (var prediction_min_buyers)"
    elif history < facts["prediction_min_history_days"]:
        reason = (
            f"{history} days of orders; {facts['prediction_min_history_days']} are needed (var prediction_min_history_days)"
        )
    elif idle > facts["prediction_max_idle_days"]:
        reason = (
            f"no order for {idle} days; more than {facts['prediction_max_idle_days']} means that the shop has stopped "
            "(var prediction_max_idle_days)"
        )
    purchase_model_reason = None
    if reason is not None and repeat < facts["prediction_min_repeat_buyers"]:
        purchase_model_reason = (
            f"{reason}; and {repeat} buyers have come back, the purchase model needs "
            f"{facts['prediction_min_repeat_buyers']} (var prediction_min_repeat_buyers)"
        )
    return Gate(buyers, int(facts["prediction_min_history_days"]), reason, purchase_model_reason)
