"""What a shop lacks is said in words, with the number and the var."""

from typing import Any

import pytest

from regulars.predict.intent.gate import gate_of

ENOUGH: dict[str, Any] = {
    "buyer_count": 500, "repeat_buyer_count": 100, "history_days": 180, "idle_days": 30,
    "prediction_min_buyers": 500, "prediction_min_history_days": 180, "prediction_max_idle_days": 30,
    "prediction_min_repeat_buyers": 100,
}  # fmt: skip


def test_just_enough_is_enough() -> None:
    gate = gate_of(ENOUGH)
    assert (gate.blend_reason, gate.purchase_model_reason, gate.buyer_count) == (None, None, 500)


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"buyer_count": 499}, ("499 buyers", "500", "prediction_min_buyers")),
        ({"history_days": 179}, ("179 days", "180", "prediction_min_history_days")),
        ({"idle_days": 31}, ("31 days", "30", "prediction_max_idle_days")),
    ],
)
def test_what_is_lacking_is_named(lacking: dict[str, Any], words: tuple[str, ...]) -> None:
    gate = gate_of(ENOUGH | lacking)
    assert gate.blend_reason is not None
    assert all(word in gate.blend_reason for word in words)
    assert gate.purchase_model_reason is None
    lower = gate_of(ENOUGH | lacking | {"repeat_buyer_count": 99})
    assert lower.purchase_model_reason is not None
    assert lower.purchase_model_reason.startswith(gate.blend_reason)
    assert "99 buyers came back" in lower.purchase_model_reason


def test_where_hardly_anybody_comes_back_there_is_nothing_to_learn() -> None:
    gate = gate_of(ENOUGH | {"repeat_buyer_count": 99})
    assert gate.purchase_model_reason == gate.blend_reason
    assert gate.blend_reason is not None
    assert gate.blend_reason.startswith("99 buyers came back, the purchase model needs 100")


def test_a_shop_without_orders_has_nulls_and_a_reason() -> None:
    nothing = dict.fromkeys(("history_days", "idle_days"))
    gate = gate_of(ENOUGH | nothing | {"buyer_count": 0, "repeat_buyer_count": 0})
    assert gate.blend_reason == "nobody has bought yet"
    assert gate.purchase_model_reason is not None
