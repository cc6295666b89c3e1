"""The reasons once more, written from the reference's figures: what a sentence says must be what the figures are."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

import pandas as pd
from reference.rules import Rules

TICKS = 10_000
WAITS = {
    1: "customers here usually order every",
    2: "expected every",
}

Row = dict[str, Any]


class ReasonWriter:
    """Writes each customer's sentences from the frames of one shop."""

    def __init__(
        self,
        frames: dict[str, pd.DataFrame],
        predictions: pd.DataFrame,
        as_of: str,
        created_on: dict[str, datetime.date],
        rules: Rules,
    ) -> None:
        """Since when each customer is known is asked for: the reference keeps it to itself.

        Of the predictions, which nobody computes a second time, there are those that count.
        """
        self.frames = frames
        self.created_on = created_on
        self.rules = rules
        self.as_of = datetime.date.fromisoformat(as_of)
        self.currency = frames["as_of"]["reporting_currency"].iloc[0]
        self.facts = self._by_customer("customer_facts")
        self.rfm = self._by_customer("customer_rfm")
        self.lifecycle = self._by_customer("customer_lifecycle")
        self.personas = self._by_customer("customer_personas")
        self.types = self._by_customer("customer_types")
        self.buyers = [row for row in self.facts.values() if row["order_count"] > 0]
        self.predictions: dict[str, Row] = {
            str(row["customer_id"]): row
            for row in predictions.reset_index().to_dict("records")
            if self.facts[str(row["customer_id"])]["order_count"] > 0
        }
        orders = frames["orders"]
        self.valid = orders[orders["order_validity"] == "valid"]
        recent = [
            int(net)
            for net, on in zip(self.valid["net_amount"], self.valid["ordered_on"], strict=True)
            if on >= self.as_of - datetime.timedelta(days=365)
        ]
        self.average = None if not recent else _half_up(Decimal(sum(recent)) / len(recent), 0) / TICKS

    def _by_customer(self, name: str) -> dict[str, Row]:
        return {str(row["customer_id"]): row for row in self.frames[name].to_dict("records")}

    def all(self) -> dict[str, dict[Any, str]]:
        """The sentences of every mart that has some, by customer or by customer and ad segment."""
        return {
            "customer_rfm": {customer: self.rfm_reason(customer) for customer in self.facts},
            "customer_lifecycle": {customer: self.lifecycle_reason(customer) for customer in self.facts},
            "customer_importance": {customer: self.importance_reason(customer) for customer in self.facts},
            "customer_personas": {customer: self.persona_reason(customer) for customer in self.facts},
            "customer_types": {customer: self.type_reason(customer) for customer in self.facts},
            "customer_ad_segments": {
                (customer, segment): self.ad_reason(customer, segment)
                for customer, segment in zip(
                    self.frames["customer_ad_segments"]["customer_id"],
                    self.frames["customer_ad_segments"]["ad_segment"],
                    strict=True,
                )
            },
        }

    def rfm_reason(self, customer: str) -> str:
        facts, rfm = self.facts[customer], self.rfm[customer]
        if not facts["order_count"]:
            return "No purchase so far."
        return (
            f"Last order {_count(facts['recency_days'], 'day')} ago (recency {rfm['recency_score']} of 5), "
            f"{_count(facts['order_count'], 'order')} (frequency {rfm['frequency_score']}), "
            f"{_money(facts['net_revenue_amount'])} {self.currency} (value {rfm['monetary_score']})."
        )

    def lifecycle_reason(self, customer: str) -> str:
        facts, lifecycle = self.facts[customer], self.lifecycle[customer]
        if not facts["order_count"]:
            return "No purchase so far."
        first = "First" if lifecycle["lifecycle_state"] == "new" else "Last"
        wait = WAITS.get(int(facts["order_day_count"]), "usually orders every")
        expected = Decimal(str(lifecycle["expected_gap_days"]))
        ratio = Decimal(int(facts["recency_days"])) / expected
        return (
            f"{first} ordered {_count(facts['recency_days'], 'day')} ago; {wait} {_half_up(expected, 1)} days, "
            f"so this is {_half_up(ratio, 2)} times the usual wait."
        )

    def importance_reason(self, customer: str) -> str:
        facts, predicted = self.facts[customer], self.predictions.get(customer)
        if not facts["order_count"]:
            return "No purchase so far."
        orders = [self.projected_orders(row) for row in self.buyers]
        revenue = [self.projected_revenue(row) for row in self.buyers]
        text = _count(facts["order_count"], "order")
        if predicted:
            expected = _half_up(Decimal(str(predicted["expected_orders_365d"])), 1)
            text += f" so far and {expected} expected within a year"
        return (
            f"{text} (at or above {_percent_below(self.projected_orders(facts), orders)}% of buyers)"
            f" and {_money(self.projected_revenue(facts))} {self.currency} "
            f"(at or above {_percent_below(self.projected_revenue(facts), revenue)}%), "
            f"from {'both together' if predicted else 'orders so far'}."
        )

    def projected_orders(self, facts: Row) -> float:
        predicted = self.predictions.get(str(facts["customer_id"]))
        return facts["order_count"] + (predicted["expected_orders_365d"] if predicted else 0)

    def projected_revenue(self, facts: Row) -> int:
        predicted = self.predictions.get(str(facts["customer_id"]))
        return int(facts["net_revenue_amount"]) + (int(predicted["expected_revenue_ticks"]) if predicted else 0)

    def persona_reason(self, customer: str) -> str:
        facts, persona = self.facts[customer], self.personas[customer]["persona"]
        recently, ever = facts["engagement_count_90d"], facts["engagement_count_lifetime"]
        window = "in the last 90 days."
        if persona == "window_shopper":
            looks = _count(facts["site_intent_count_90d"], "time")
            return f"No purchase, but showed interest on the site {looks} {window}"
        if persona == "almost_there":
            return f"No purchase, but opened or clicked e-mails {_count(recently, 'time')} {window}"
        if persona == "waiting_for_wows":
            return f"No purchase; opened or clicked e-mails {_count(recently, 'time')} {window}"
        if persona == "false_start":
            return f"No purchase; opened or clicked e-mails {_count(ever, 'time')} before, but not {window}"
        if persona == "too_new":
            return f"No purchase and nothing opened yet; known since {self.created_on[customer]}."
        text = "No purchase and no sign of interest"
        if facts["order_count"]:
            own = _tick_amount(facts["average_order_amount"])
            text = (
                f"{_count(facts['order_count'], 'order')}, the last {_count(facts['recency_days'], 'day')} ago, "
                f"average {_half_up(own, 2)} {self.currency}"
            )
            if self.average is not None:
                above = "above" if own > self.average else "not above"
                text += f" ({above} the shop's {_half_up(self.average, 2)})"
        if persona == "dead_weight":
            return text + ("; no e-mail data." if pd.isna(recently) else f"; nothing opened {window}")
        return text + "."

    def type_reason(self, customer: str) -> str:
        facts, kind = self.facts[customer], self.types[customer]["customer_type"]
        if kind == "abandoned_cart":
            return f"No purchase yet; a cart has been open since {facts['open_cart_at'].date()}."
        if kind == "subscriber":
            return "No purchase yet, but may be written to by e-mail."
        if kind == "unreachable":
            return "No purchase, no open cart and not subscribed to e-mail."
        own = _tick_amount(facts["average_order_amount"])
        state = str(self.lifecycle[customer]["lifecycle_state"]).replace("_", " ")
        if self.average is None:
            against = "; the shop's is not known"
        else:
            side = "at or above" if own >= self.average else "below"
            against = f", {side} the shop's {_half_up(self.average, 2)}"
        return f"Average order {_half_up(own, 2)} {self.currency}{against}; {state} by the time since the last order."

    def ad_reason(self, customer: str, segment: str) -> str:
        facts, lifecycle = self.facts[customer], self.lifecycle[customer]["lifecycle_state"]
        orders = _count(facts["order_count"], "order")
        if segment == "all_customers":
            return f"{orders} so far."
        if segment == "best_customers":
            own, shop = Decimal(str(facts["median_gap_days"])), Decimal(str(self.typical_gap()))
            return (
                f"{orders} and {_money(facts['net_revenue_amount'])} {self.currency}, both in the top of all buyers; "
                f"orders every {_half_up(own, 1)} days, the shop's typical wait is {_half_up(shop, 1)}."
            )
        if segment == "sale_shoppers":
            share = Decimal(int(facts["discount_amount"])) / int(facts["gross_revenue_amount"])
            return (
                f"{facts['discounted_order_count']} of {orders} at a discount, which took "
                f"{_half_up(100 * share, 1)}% off the full price; sale score {_half_up(self.sale_score(facts), 2)}."
            )
        if segment == "full_price_shoppers":
            return f"None of {orders} was at a discount."
        if segment == "gift_buyers":
            return f"{_count(facts['gift_order_count'], 'order')} of {facts['order_count']} look like gifts."
        if segment == "peak_season_buyers":
            return f"{facts['peak_order_count']} of {orders} in a peak season."
        if segment == "likely_to_buy_30d":
            chances = [Decimal(str(row["purchase_probability_30d"])) for row in self.predictions.values()]
            own = Decimal(str(self.predictions[customer]["purchase_probability_30d"]))
            return (
                f"{_half_up(100 * own, 1)}% likely to order within 30 days; "
                f"the shop's buyers are at {_half_up(100 * sum(chances, Decimal(0)) / len(chances), 1)}%."
            )
        if segment == "likely_high_order_value":
            amounts = [int(row["expected_amount_ticks"]) for row in self.predictions.values()]
            mine = int(self.predictions[customer]["expected_amount_ticks"])
            return (
                f"The next order is expected at {_money(mine)} {self.currency}, "
                f"at or above {_percent_below(mine, amounts)}% of buyers."
            )
        if segment == "disengaged":
            state = str(lifecycle).replace("_", " ")
            away = lifecycle in ("slipping_away", "lost")
            received, recently = facts["email_received_count"], facts["engagement_count_90d"]
            silent = (
                bool(facts["is_subscribed"])
                and not pd.isna(received)
                and received >= self.rules.disengaged_emails
                and recently == 0
            )
            if not silent:
                return f"The last order is long ago for this customer: {state}."
            end = f"; {state}." if away else "."
            return f"{_count(received, 'e-mail')} received, none opened or clicked in the last 90 days{end}"
        category = segment.removeprefix("category_buyers:")
        rows = self.frames["customer_category_facts"]
        mine = rows[rows["customer_id"] == customer]
        [row] = mine[mine["category"] == category].to_dict("records")
        share = Decimal(int(row["net_amount"])) / int(mine["net_amount"].sum())
        units = _half_up(Decimal(str(row["net_unit_count"])), 0)
        return f"{units} kept from {category}, {_half_up(100 * share, 1)}% of all spend."

    def typical_gap(self) -> float:
        days: dict[str, set[datetime.date]] = {}
        for customer, on in zip(self.valid["customer_id"], self.valid["ordered_on"], strict=True):
            if not pd.isna(customer):
                days.setdefault(customer, set()).add(on)
        gaps = [
            (later - earlier).days
            for found in days.values()
            for earlier, later in zip(sorted(found), sorted(found)[1:], strict=False)
        ]
        return 90.0 if len(gaps) < 30 else float(median(gaps))

    def sale_score(self, facts: Row) -> Decimal:
        shares = sorted(
            Decimal(int(row["discount_amount"])) / int(row["gross_revenue_amount"])
            for row in self.buyers
            if row["discounted_order_count"] > 0
        )
        reference = shares[(90 * len(shares) + 99) // 100 - 1]
        share = Decimal(int(facts["discount_amount"])) / int(facts["gross_revenue_amount"])
        of_orders = Decimal(int(facts["discounted_order_count"])) / int(facts["order_count"])
        return Decimal("0.8") * min(Decimal(1), share / reference) + Decimal("0.2") * of_orders


def _count(count: Any, one: str) -> str:
    return f"{int(count)} {one}" if count == 1 else f"{int(count)} {one}s"


def _percent_below(own: float, all_of_them: Sequence[float]) -> int:
    """How many of the others have less, in whole percent, rounded down."""
    others = len(all_of_them) - 1
    return sum(1 for each in all_of_them if each < own) * 100 // others if others else 0


def _half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _tick_amount(ticks: Any) -> Decimal:
    return Decimal(int(ticks)) / TICKS


def _money(ticks: Any) -> Decimal:
    return _half_up(_tick_amount(ticks), 2)
