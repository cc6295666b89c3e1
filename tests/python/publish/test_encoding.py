"""One way to write JSON: sorted, exact, and never a number that is none."""

import json
import math

import pytest

from regulars.publish.destinations.encoding import to_json


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": {"d": None, "c": [True, 0.1, 'é 正 🙂 " \\ \n\t']}},
        {"large": 2**70, "small": -(2**70)},
        {"text": "null", "none": None},
        [],
    ],
)
def test_reads_back_as_it_was_with_its_keys_sorted(value) -> None:
    said = to_json(value)
    assert json.loads(said) == value
    assert said.decode() == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("inside", [lambda it: it, lambda it: {"a": None, "b": it}, lambda it: [{"a": (1.0, it)}]])
def test_what_is_no_number_is_refused(number, inside) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_json(inside(number))


def test_half_a_letter_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        to_json({"a": "\ud800"})
