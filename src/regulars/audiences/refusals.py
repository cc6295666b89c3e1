"""What dbt would refuse of a rule without asking the warehouse, said by `regulars audience new` before it writes.

Labels and audiences are read from the project's own macros. What else is refused here says a macro too, and
`tests/python/audiences/test_new.py` holds the two against each other.
"""

import ast
import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from regulars.audiences.blocks import Block, Rule, blocks_of
from regulars.audiences.examples import CONSENTS
from regulars.errors import UsageError

CODES = Path("macros") / "audiences" / "segment_codes.sql"
SEGMENTS = Path("models") / "marts" / "segments" / "_segments__models.yml"
KINDS = ("product", "category", "brand", "keyword")
HORIZONS = (30, 90)
CAPTURES = (0.5, 0.7, 0.9)
COMPARISON = re.compile(r"(=|<|<=|>|>=|<>) *-?[0-9]+([.][0-9]+)?")
BELOW_NONE = re.compile(r"< *0+([.]0+)?")
NO_ORDERS = ("0", "= 0", "=0", "< 1", "<1", "<= 0", "<=0")
LABEL_KINDS = {"lifecycle": "lifecycle_state"} | {
    block: block for block in ("importance", "persona", "customer_type", "ad_segment")
}


class _RefusedError(Exception):
    """Why one block is refused."""


def check_rule(project: Path, rule: Rule, audiences: Iterable[str]) -> None:
    """Refuse what dbt would refuse while it parses or compiles.

    Parameters
    ----------
    project: folder of dbt_project.yml.
    rule: what `--from` says.
    audiences: names of the audiences there are, without `aud_`.

    Raises
    ------
    UsageError: a block that makes no sense, with what would be right.
    """
    codes, columns, known = segment_codes(project), columns_of_segments(project), sorted(audiences)
    for block in blocks_of(rule):
        try:
            if block.name in LABEL_KINDS:
                _check_labels(block, codes)
            elif block.name == "attribute":
                _check_attribute(block.values, codes, columns)
            elif block.name == "in_audience":
                _known("audience", [block.values["name"].partition(":")[0]], known)
            elif block.name in CHECKS:
                CHECKS[block.name](block.values)
        except _RefusedError as error:
            raise UsageError(f"--from: {block}: {error}") from error


def segment_codes(project: Path) -> dict[str, list[str]]:
    """The codes of each label whose rule is fixed, as the project's macro has them.

    Raises
    ------
    UsageError: the macro is not there, or not as this version knows it.
    """
    path = project / CODES
    try:
        found = re.search(r"return\((\{.*?\n *\})", path.read_text(encoding="utf-8"), re.DOTALL)
        codes = ast.literal_eval(found[1]) if found else None
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageError(f"{path}: the codes of labels cannot be read: {error}") from error
    if not isinstance(codes, dict) or not set(LABEL_KINDS.values()) <= set(codes):
        raise UsageError(
            f"{path} is not the macro that `regulars audience new` knows: a mapping of lists in return({{…}})"
        )
    return codes


def columns_of_segments(project: Path) -> dict[str, str]:
    """The columns of customer_segments with their types; none where the project keeps them elsewhere."""
    try:
        models = yaml.safe_load((project / SEGMENTS).read_text(encoding="utf-8"))["models"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return {}
    [columns] = [model["columns"] for model in models if model["name"] == "customer_segments"] or [[]]
    return {column["name"]: column["data_type"] for column in columns}


def _known(what: str, given: Iterable[object], known: list[str]) -> None:
    for value in given:
        if value not in known:
            raise _RefusedError(f"there is no {what} '{value}'; there are: {', '.join(known)}")


def _check_labels(block: Block, codes: dict[str, list[str]]) -> None:
    given, known = block.labels, codes[LABEL_KINDS[block.name]]
    if block.name == "ad_segment":
        # Which categories there are the warehouse knows.
        given = tuple(label for label in given if not label.startswith("category_buyers:"))
        known = [*known, "category_buyers:<category>"]
    _known("label", given, known)


def _check_attribute(values: dict[str, Any], codes: dict[str, list[str]], columns: dict[str, str]) -> None:
    name, wanted = values["name"], values["in"]
    if not isinstance(wanted, list) or not wanted:
        raise _RefusedError("in must be a list of at least one value, as in in=['DK']")
    data_type = columns.get(name, "")
    for value in wanted:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits, expected = isinstance(value, str | int | float), "a text, a number, true or false"
        if data_type == "boolean":
            fits, expected = isinstance(value, bool), "true or false"
        elif data_type in ("integer", "bigint", "double precision") or data_type.startswith("numeric"):
            fits, expected = is_number, "a number"
        elif data_type == "date":
            fits, expected = _is_date(value), "a date as in 2026-01-31"
        if not fits:
            raise _RefusedError(f"{name} is compared with '{value}'; it must be {expected}")
    if name in codes and name in (columns or codes):
        _known(name, wanted, codes[name])


def _check_bought(values: dict[str, Any]) -> None:
    kinds = [kind for kind in KINDS if kind in values]
    if len(kinds) > 1:
        raise _RefusedError(f"{' and '.join(kinds)} at once; name one, and join two blocks by intersect")
    at_least = values.get("at_least", 1)
    if isinstance(at_least, bool) or not isinstance(at_least, int | float) or at_least <= 0:
        raise _RefusedError(f"at_least is '{at_least}'; it must be a number of units above 0")
    days = {argument: values[argument] for argument in ("since", "until") if argument in values}
    for argument, day in days.items():
        _check_day(argument, day)
    if len(days) == 2:
        _check_period(" and ".join(f"{argument} is '{day}'" for argument, day in days.items()), "since", *days.values())


def _check_orders(values: dict[str, Any]) -> None:
    period = values.get("in_period")
    if period is not None and "in_occasion" in values:
        raise _RefusedError("in_period and in_occasion at once; join two blocks by intersect")
    if period is not None:
        if not isinstance(period, list) or len(period) != 2:
            raise _RefusedError(f"in_period is '{period}'; it must be [first day, day after the last]")
        for day in period:
            _check_day("in_period", day)
        _check_period(f"in_period is '{period}'", "its first", *period)
    if str(values.get("count", "")).strip() in NO_ORDERS:
        raise _RefusedError("who has no order has none to compare; write attribute('order_count', in=[0])")
    for argument in ("count", "average", "first", "last"):
        value = values.get(argument)
        text = f"= {value}" if isinstance(value, int | float) else str(value).strip()
        if value is not None and not COMPARISON.fullmatch(text):
            raise _RefusedError(f"{argument} is '{value}'; it must be a number, or a comparison such as '>= 2'")
        if value is not None and ("-" in text or BELOW_NONE.fullmatch(text)):
            raise _RefusedError(
                f"{argument} is '{value}', and none is below 0; "
                "it must be a number from 0 on, or a comparison such as '>= 2'"
            )


def _check_likely_to_buy(values: dict[str, Any]) -> None:
    days, share = values.get("days", HORIZONS[0]), values.get("top_share", 0.2)
    if days not in HORIZONS:
        raise _RefusedError(f"days is {days}; it must be 30 or 90")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise _RefusedError(f"top_share is '{share}'; it must be above 0 and at most 1")


def _check_interested_in(values: dict[str, Any]) -> None:
    kinds = [kind for kind in KINDS if str(values.get(kind, "")).strip()]
    if len(kinds) != 1:
        raise _RefusedError(f"give exactly one of {', '.join(KINDS)}; there is {' and '.join(kinds) or 'none'}")
    if values.get("capture", CAPTURES[1]) not in CAPTURES:
        raise _RefusedError(f"capture is {values['capture']}; it must be 0.5, 0.7 or 0.9")


def _check_consented(values: dict[str, Any]) -> None:
    _known("purpose", [values["purpose"]], list(CONSENTS))


def _check_day(argument: str, value: object) -> None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not is_number and not _is_date(value):
        raise _RefusedError(
            f"{argument} is '{value}'; it must be a date as in 2026-01-31, or a number of days before the as-of date"
        )


def _check_period(said: str, first: str, day: object, day_after: object) -> None:
    """A date beside a number of days is not compared: where the number leads, the as-of date says."""
    refusal = f"{said}, which leaves no day; {first} must be the earlier"
    if isinstance(day, int) and isinstance(day_after, int) and day <= day_after:
        raise _RefusedError(f"{refusal}, the larger number of days before the as-of date")
    if isinstance(day, str) and isinstance(day_after, str) and day >= day_after:
        raise _RefusedError(refusal)


def _is_date(value: object) -> bool:
    text = str(value)
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        return date.fromisoformat(text).year >= 1900
    except ValueError:
        return False


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "bought": _check_bought,
    "not_bought": _check_bought,
    "orders": _check_orders,
    "likely_to_buy": _check_likely_to_buy,
    "interested_in": _check_interested_in,
    "consented": _check_consented,
}
