"""One way to write JSON for everybody: the same value gives the same bytes, and a number that is none is refused."""

import json
import math

import orjson

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def to_json(value: object) -> bytes:
    """A value as JSON in UTF-8, its keys sorted, without blanks.

    By orjson, in a tenth of the time of `json`; whatever it takes otherwise is left to `json`: whole numbers beyond 64
    bits, and NaN and infinity, which it would write as null.

    Raises
    ------
    UnicodeEncodeError: a text has half a surrogate pair.
    ValueError: NaN or infinity, which JSON has not.
    TypeError: something JSON has no form for.
    """
    try:
        said = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return _ENCODE(value).encode()
    if b"null" in said and _has_no_number(value):
        raise ValueError("not a number")
    # A copy of its own: orjson's is cut down from a larger one, whose rest no other row can use (a row of 234 bytes
    # takes 4,000).
    return bytes(memoryview(said))


def _has_no_number(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_no_number, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_no_number, value))
