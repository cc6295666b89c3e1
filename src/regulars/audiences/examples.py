"""Customers made up for the unit test of a new audience: rows that a building block reads, and whether it then holds.

`Examples` answers for the blocks that read a few plain columns; the others need an eye on what they are about.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, Protocol

AS_OF = date(2026, 1, 1)
DAY = date(2025, 6, 1)
NO_LABEL = "something_else"

LABELS = {
    "importance": ("customer_importance", "importance"),
    "lifecycle": ("customer_lifecycle", "lifecycle_state"),
    "persona": ("customer_personas", "persona"),
    "customer_type": ("customer_types", "customer_type"),
    "rfm_tier": ("customer_rfm", "rfm_tier"),
    "ad_segment": ("customer_ad_segments", "ad_segment"),
}
CONSENTS = {
    "email": ("is_subscribed", "has_email_consent"),
    "sms": ("has_sms_consent",),
    "ads_user_data": ("has_ads_user_data_consent",),
    "ads_personalization": ("has_ads_personalization_consent",),
    "tracking": ("has_tracking_consent",),
}
NARROWER = {0.5: 0.7, 0.7: 0.9}
"""Whose capture is the next is just out of it."""
ONE_ROW_EACH = ("customer_facts", "pred_purchase_intent")
TIERS = ("rfm_tier", "previous_rfm_tier")
"""Columns of customer_segments whose values the seed rfm_tiers has."""
MOST_OTHERS = 100
COLUMNS_OF_KIND = {"product": "product_id", "category": "category", "brand": "brand", "keyword": "product_title"}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "<>": operator.ne,
}

InputRow = dict[str, object]
Customer = dict[str, list[InputRow]]
"""The rows of one customer, by the name of the model that has them."""


class NotSimpleError(Exception):
    """What the unit test needs must be thought up by a person."""


class BlockLike(Protocol):
    """A building block with what its arguments say."""

    @property
    def name(self) -> str:
        """The macro."""

    @property
    def values(self) -> dict[str, Any]:
        """Its arguments by name."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, where it takes labels."""


class Examples:
    """Makes up customers for the blocks of one rule, and tells which block holds for whom."""

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self._columns = columns or {}
        self._products: dict[tuple[str, str], InputRow] = {}
        self._shares: dict[str, float] = {}

    def customer(self, wishes: list[tuple[BlockLike, bool]]) -> Customer | None:
        """Rows of a customer for whom, as far as each block alone is concerned, the wishes hold."""
        segments = self._segments([(block.values, wish) for block, wish in wishes if block.name == "attribute"])
        if segments is None:
            return None
        rows: Customer = {"customer_segments": [segments]} if segments else {}
        for block, wish in wishes:
            if block.name == "attribute":
                continue
            made = self._rows(block, wish)
            if made is None:
                return None
            for model, new in made.items():
                known = rows.setdefault(model, [])
                if model in ONE_ROW_EACH and known:
                    known[0].update(new[0])
                else:
                    known.extend(row for row in new if row not in known or model.startswith("fct_"))
        for model, label in LABELS.values():
            # Who carries a label that is asked for needs no other.
            some = [row for row in rows.get(model, []) if row[label] != NO_LABEL]
            if some:
                rows[model] = some
        return rows

    def holds(self, block: BlockLike, customer: Customer) -> bool:
        """Whether the block returns the customer, as its macro does."""
        values = block.values
        if block.name in LABELS:
            model, column = LABELS[block.name]
            return any(row[column] in block.labels for row in customer.get(model, []))
        if block.name == "consented":
            facts = customer["customer_facts"][0]
            return all(facts[column] is True for column in CONSENTS[values["purpose"]])
        if block.name == "in_audience":
            name = values["name"]
            rows = customer.get(f"aud_{name.partition(':')[0]}", [])
            return any(":" not in name or row["audience"] == name for row in rows)
        if block.name == "attribute":
            rows = customer.get("customer_segments", [])
            return any(row[values["name"]] in self._wanted(values) for row in rows)
        if block.name == "likely_to_buy":
            return any(row.get(_probability(values)) is not None for row in customer.get("pred_purchase_intent", []))
        if block.name == "interested_in":
            return any(
                row["interest"] == _interest(values)["interest"] and row["capture_share"] <= values.get("capture", 0.7)
                for row in customer.get("pred_interested_in", [])
            )
        if block.name == "orders":
            return self._orders_hold(values, customer.get("fct_orders", []))
        bought = self._bought(values, customer.get("fct_order_lines", []))
        if block.name == "not_bought":
            return any(row.get("order_count", 0) != 0 for row in customer.get("customer_facts", [])) and not bought
        return bought

    def inputs(self, blocks: list[Any], customers: dict[str, Customer]) -> dict[str, list[InputRow]]:
        """The rows of all customers by model, with what the blocks read beside."""
        found: dict[str, list[InputRow]] = {}
        for block in blocks:
            of_category = block.name == "ad_segment" and any(":" in label for label in block.labels)
            if of_category or block.name in ("bought", "not_bought"):
                found["dim_products"] = list(self._products.values())
            if block.name == "orders" or any(isinstance(block.values.get(each), int) for each in ("since", "until")):
                found["int_as_of"] = [{"as_of_date": AS_OF}]
            if block.name == "interested_in":
                interests = found.setdefault("int_interests", [])
                interests += [each for each in [_interest(block.values)] if each not in interests]
                if "keyword" not in block.values:
                    found.setdefault("dim_products", [])
            if block.name == "attribute":
                # The macro refers to them whichever it reads.
                found["int_customer_profiles"] = []
            if block.name == "rfm_tier" or (block.name == "attribute" and block.values["name"] in TIERS):
                found["rfm_tiers"] = []
        for name, customer in customers.items():
            for model, rows in customer.items():
                found.setdefault(model, []).extend({"customer_id": name, **row} for row in rows)
        for block in blocks:
            if block.name == "likely_to_buy":
                self._add_others(block.values, found["pred_purchase_intent"])
        columns = {model: list(dict.fromkeys(key for row in rows for key in row)) for model, rows in found.items()}
        return {
            model: [{column: row.get(column) for column in columns[model]} for row in rows]
            for model, rows in sorted(found.items())
        }

    def _add_others(self, values: dict[str, Any], rows: list[InputRow]) -> None:
        """As many less likely customers as make those who are likely no more than the share asked for."""
        column = _probability(values)
        likely = sum(row.get(column) is not None for row in rows)
        least = math.ceil(1 / values.get("top_share", 0.2) - 1e-9)
        if likely:
            rows += [{"customer_id": f"less_likely_{number}", column: 0.1} for number in range(1, least - likely + 1)]

    def _rows(self, block: BlockLike, wish: bool) -> Customer | None:
        values = block.values
        if block.name in LABELS:
            model, column = LABELS[block.name]
            return {model: [{column: block.labels[0] if wish else NO_LABEL}]}
        if block.name == "consented":
            if values["purpose"] not in CONSENTS:
                raise NotSimpleError(f"consented knows {', '.join(CONSENTS)}")
            return {"customer_facts": [dict.fromkeys(CONSENTS[values["purpose"]], wish)]}
        if block.name == "in_audience":
            name = values["name"]
            return {f"aud_{name.partition(':')[0]}": [{"audience": name}] if wish else []}
        if block.name == "orders":
            return self._orders(values, wish)
        if block.name == "likely_to_buy":
            share = values.get("top_share", 0.2)
            if self._shares.setdefault(_probability(values), share) != share:
                raise NotSimpleError("two shares of the likeliest need many customers")
            if share * MOST_OTHERS < 1:
                raise NotSimpleError("so small a share needs many customers")
            return {"pred_purchase_intent": [{_probability(values): 0.9 if wish else None}]}
        if block.name == "interested_in":
            capture = values.get("capture", 0.7)
            interest = _interest(values)["interest"]
            if wish:
                return {"pred_interested_in": [{"interest": interest, "capture_share": capture}]}
            missed = capture in NARROWER
            row: InputRow = {"interest": interest if missed else NO_LABEL, "capture_share": NARROWER.get(capture, 0.5)}
            return {"pred_interested_in": [row]}
        if block.name in ("bought", "not_bought"):
            rows: Customer = {"fct_order_lines": self._lines(values, wish is (block.name == "bought"))}
            if block.name == "not_bought":
                rows["customer_facts"] = [{"order_count": 1}]
            return rows
        raise NotSimpleError(f"no customers are made up for {block.name}")

    def _segments(self, wishes: list[tuple[dict[str, Any], bool]]) -> InputRow | None:
        """A row of customer_segments as the wishes say; none if no row is."""
        row: InputRow = {}
        for name in dict.fromkeys(values["name"] for values, _ in wishes):
            has = [self._wanted(values) for values, wish in wishes if values["name"] == name and wish]
            has_not = [
                value
                for values, wish in wishes
                if values["name"] == name and not wish
                for value in self._wanted(values)
            ]
            candidates = has[0] if has else self._others(name, has_not)
            fitting = [each for each in candidates if each not in has_not and all(each in wanted for wanted in has)]
            if not fitting:
                return None
            row[name] = fitting[0]
        return row

    def _wanted(self, values: dict[str, Any]) -> list[object]:
        """What `in` says, as the column has it."""
        name, wanted = values["name"], values["in"]
        if not self._columns:
            raise NotSimpleError("no YAML was found that names the columns of customer_segments")
        if name not in self._columns:
            raise NotSimpleError(
                f"{name} is no column of customer_segments but an attribute that the shop imports, and for those no "
                "customers are made up"
            )
        if name == "customer_id":
            raise NotSimpleError("attribute('customer_id') asks for customers by name, and those made up have others")
        data_type = self._columns[name]
        if data_type == "varchar":
            return [each if isinstance(each, str) else str(each).lower() for each in wanted]
        if data_type == "date":
            return [_day(str(each)) for each in wanted]
        if data_type == "boolean":
            return list(wanted)
        if not _is_number(data_type):
            raise NotSimpleError(
                f"{name} is a {data_type}, and customers are made up for text, numbers, booleans and dates"
            )
        found = [each for each in wanted if _can_be(each, data_type)]
        if not found:
            raise NotSimpleError(f"{name} is of type {data_type} and can be none of {wanted}")
        return found

    def _others(self, name: str, unwanted: list[object]) -> list[object]:
        """Values of the column, one of them at least none of these."""
        data_type, enough = self._columns[name], range(len(unwanted) + 1)
        if data_type == "varchar":
            return [NO_LABEL + "_" * number for number in enough]
        if data_type == "date":
            return [DAY + timedelta(days=number) for number in enough]
        return [True, False, None] if data_type == "boolean" else list(enough)

    def _lines(self, values: dict[str, Any], wish: bool) -> list[InputRow]:
        kinds = [kind for kind in COLUMNS_OF_KIND if kind in values]
        if len(kinds) > 1:
            raise NotSimpleError(f"bought takes one of {', '.join(kinds)}")
        if not isinstance(values.get("at_least", 1), int | float):
            raise NotSimpleError("at_least is no number")
        wanted = self._product(kinds[0], str(values[kinds[0]])) if kinds else self._product("", "")
        other = self._product("", "")
        units = values.get("at_least", 1)
        since, until = (_day(values.get(argument)) for argument in ("since", "until"))
        if since and until and since >= until:
            raise NotSimpleError("since is not before until")
        day = since or (until - timedelta(days=1) if until else DAY)
        line: InputRow = {"product_id": wanted["product_id"], "is_valid": True, "ordered_on": day}
        if wish:
            return [line | {"net_unit_count": units}]
        # Something else, or without a word about what: bought and sent back.
        return [
            line | ({"product_id": other["product_id"], "net_unit_count": units} if kinds else {"net_unit_count": 0})
        ]

    def _product(self, kind: str, item: str) -> InputRow:
        if (kind, item) not in self._products:
            number = len(self._products) + 1
            row: InputRow = {"product_id": f"article_{number}", "product_title": "Article"}
            row |= {"category": "sundry", "brand": "Nobody", "tags": ""}
            if kind:
                row[COLUMNS_OF_KIND[kind]] = item
            self._products[kind, item] = row
        return self._products[kind, item]

    def _bought(self, values: dict[str, Any], lines: list[InputRow]) -> bool:
        since, until = (_day(values.get(argument)) for argument in ("since", "until"))
        products = {row["product_id"]: row for row in self._products.values()}
        units, has_line = 0.0, False
        for line in lines:
            day, count = line["ordered_on"], line["net_unit_count"]
            if not isinstance(day, date) or not isinstance(count, int | float):
                raise TypeError("a made-up line has a day and units")
            if (since and day < since) or (until and day >= until) or not _is_it(values, products[line["product_id"]]):
                continue
            units, has_line = units + count, True
        return has_line and units >= values.get("at_least", 1)

    def _orders(self, values: dict[str, Any], wish: bool) -> Customer | None:
        if "in_occasion" in values:
            raise NotSimpleError("in_occasion needs a country and the days of the occasion")
        for count, average, first, last in product(
            _tries(values, "count", 1),
            _tries(values, "average", 50),
            _tries(values, "first", 0),
            _tries(values, "last", 0),
        ):
            if count < 1 or average < 0 or count > 1000 or first < 0 or last < 0:
                continue
            if "first" not in values:
                first = last if "last" in values else 0
            if "last" not in values:
                last = first
            if first < last or (count == 1 and first != last):
                continue
            days = [AS_OF - timedelta(days=int(first))] + [AS_OF - timedelta(days=int(last))] * (int(count) - 1)
            if "in_period" in values:
                period = values["in_period"]
                start = _day(period[0]) if isinstance(period, list) and len(period) == 2 else None
                if start is None or "first" in values or "last" in values:
                    raise NotSimpleError("in_period together with first or last needs days that suit both")
                days = [start] * int(count)
            made: list[InputRow] = [{"is_valid": True, "net_amount": average, "ordered_on": day} for day in days]
            if self._orders_hold(values, made) is wish:
                return {"fct_orders": made}
        # Without a condition, only who never ordered is not in it.
        return None if wish else {"fct_orders": []}

    def _orders_hold(self, values: dict[str, Any], orders: list[InputRow]) -> bool:
        days: list[date] = []
        amounts: list[float] = []
        start, end = (_day(each) for each in values["in_period"]) if "in_period" in values else (None, None)
        for order in orders:
            day, paid = order["ordered_on"], order["net_amount"]
            if not isinstance(day, date) or not isinstance(paid, int | float):
                raise TypeError("a made-up order has a day and an amount")
            if (start is None or day >= start) and (end is None or day < end):
                days.append(day)
                amounts.append(paid)
        if not days:
            return False
        found = {
            "count": len(days),
            "average": sum(amounts) / len(amounts),
            "first": (AS_OF - min(days)).days,
            "last": (AS_OF - max(days)).days,
        }
        return all(
            COMPARISONS[sign](found[each], bound)
            for each in found
            if each in values
            for sign, bound in [_comparison(values[each])]
        )


def _is_number(data_type: str) -> bool:
    return data_type in ("integer", "bigint", "double precision") or data_type.startswith("numeric")


def _can_be(value: float, data_type: str) -> bool:
    """Whether a column of this type can have the number."""
    if data_type in ("integer", "bigint"):
        return value == int(value) and abs(value) < 2 ** (31 if data_type == "integer" else 63)
    scale = re.fullmatch(r"numeric\((\d+), *(\d+)\)", data_type)
    if not scale:
        return True
    return value == round(value, int(scale[2])) and abs(value) < 10 ** (int(scale[1]) - int(scale[2]))


def _probability(values: dict[str, Any]) -> str:
    return f"purchase_probability_{values.get('days', 30)}d"


def _interest(values: dict[str, Any]) -> dict[str, Any]:
    [(kind, item)] = [(kind, str(values[kind])) for kind in COLUMNS_OF_KIND if kind in values]
    return {"interest": f"{kind}:{item.lower()}", "kind": kind, "item": item}


def _comparison(value: object) -> tuple[str, float]:
    text = f"= {value}" if isinstance(value, int | float) else str(value).strip()
    found = re.fullmatch(r"(=|<|<=|>|>=|<>) *(-?[0-9]+(?:[.][0-9]+)?)", text)
    if not found:
        raise NotSimpleError(f"'{value}' is no comparison such as '>= 2'")
    bound = float(found[2])
    return found[1], int(bound) if bound.is_integer() else bound


def _tries(values: dict[str, Any], argument: str, usual: float) -> list[float]:
    """What is worth trying for a figure: around its bound, where a wrong comparison shows."""
    if argument not in values:
        return [usual]
    _, bound = _comparison(values[argument])
    return [bound, bound + 1, bound - 1]


def _day(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, int):
        return AS_OF - timedelta(days=value)
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise NotSimpleError(f"'{value}' is no date") from error


def _is_it(values: dict[str, Any], row: InputRow) -> bool:
    for kind, column in COLUMNS_OF_KIND.items():
        if kind not in values:
            continue
        if kind != "keyword":
            return row[column] == str(values[kind])
        text = " ".join(str(row[each]) for each in ("product_title", "category", "brand", "tags"))
        return _words(str(values[kind])) != "" and f" {_words(values[kind])}" in f" {_words(text)}"
    return True


def _words(text: object) -> str:
    return " ".join(re.findall(r"\w+", str(text).lower()))
