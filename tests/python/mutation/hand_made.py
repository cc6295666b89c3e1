"""A small language for shops made by hand: who did what, how many days before the as-of date."""

from __future__ import annotations

import datetime
from typing import Any

from project.harness import Shop

AS_OF = "2024-06-01"

PREDICTED = "pred_purchase_intent"
"""Stands among the landing tables of a shop: what is predicted there."""


def day(days_ago: int) -> datetime.date:
    return datetime.date.fromisoformat(AS_OF) - datetime.timedelta(days=days_ago)


class HandMade:
    """Landing rows, collected."""

    def __init__(self) -> None:
        self.shop: Shop = {}
        self.made = 0

    def add(self, table: str, **row: Any) -> HandMade:
        self.shop.setdefault(table, []).append(row)
        return self

    def next_id(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made:04}"

    def profile(self, customer: str, **more: Any) -> HandMade:
        return self.add("customers", **{"customer_id": customer, **more})

    def product(self, product: str, category: str | None = None, **more: Any) -> HandMade:
        return self.add("products", product_id=product, category=category, **more)

    def buys(
        self,
        customer: str | None,
        *days_ago: int,
        price: float | str = 10,
        at: str = "12:00:00",
        discount: float | str = 0,
        product: str | None = None,
        quantity: float = 1,
        **more: Any,
    ) -> HandMade:
        """One order with one line on each of these days."""
        for ago in days_ago:
            order = self.next_id("o")
            self.add(
                "orders",
                **{
                    "order_id": order,
                    "customer_id": customer,
                    "ordered_at": f"{day(ago)} {at}+00",
                    "status": "paid",
                    "currency": "EUR",
                    **more,
                },
            )
            self.add(
                "order_lines",
                order_id=order,
                line_number=1,
                product_id=product,
                quantity=quantity,
                unit_price=price,
                discount_amount=discount,
            )
        return self

    def mails(self, customer: str, kind: str, *days_ago: int, at: str = "12:00:00", **more: Any) -> HandMade:
        for ago in days_ago:
            self.add(
                "email_events",
                event_id=self.next_id("e"),
                customer_id=customer,
                event_type=kind,
                occurred_at=f"{day(ago)} {at}+00",
                **more,
            )
        return self

    def predicts(self, customer: str, *, basis: str = "blend", **more: Any) -> HandMade:
        """What is predicted of her; without it nothing is, so that boundaries of other things stay where they are."""
        return self.add(PREDICTED, customer_id=customer, as_of_date=AS_OF, basis=basis, **more)

    def visits(self, customer: str, kind: str, *days_ago: int, at: str = "12:00:00") -> HandMade:
        for ago in days_ago:
            self.add(
                "web_events",
                event_id=self.next_id("w"),
                customer_id=customer,
                event_type=kind,
                occurred_at=f"{day(ago)} {at}+00",
            )
        return self
