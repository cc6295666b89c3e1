"""Random loads of a small shop: late rows, corrected rows, repeated rows, people who turn out to be one or two."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable

from .harness import Row, Shop

FIRST_DAY = datetime.date(2024, 1, 1)
DAYS = 500
LOADS_BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

CURRENCIES = ["EUR", "EUR", "EUR", "SEK", "NOK"]
STATUSES = ["paid"] * 9 + ["partially_refunded", "pending", "cancelled", "refunded", "test"]
EMAILS = [f"{name}@example.com" for name in "abcdefgh"]
CUSTOMERS = [f"c{number}" for number in range(16)]
PRODUCTS = [f"p{number}" for number in range(8)]
TAGS = [None, "gift", "gift_wrap, summer", "summer", "gift_card"]


class RandomShop:
    """Makes loads; remembers the newest version of every row, so that later loads can correct it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rows: dict[str, dict[tuple[object, ...], Row]] = {}
        self.made = 0
        self.loaded = 0

    # -- small choices

    def day(self) -> datetime.date:
        return FIRST_DAY + datetime.timedelta(days=self.chance.randrange(DAYS))

    def instant(self) -> str:
        hour = self.chance.choice([0, 0, 7, 12, 23])
        minute = self.chance.choice([0, 30, 59])
        return f"{self.day()} {hour:02}:{minute:02}:00+00"

    def email(self) -> str | None:
        return self.chance.choice([None, None, *EMAILS, EMAILS[0].upper() + " "])

    def customer(self) -> str | None:
        return self.chance.choice([None, *CUSTOMERS, *CUSTOMERS])

    def flag(self) -> str | None:
        return self.chance.choice([None, "true", "true", "false"])

    def amount(self) -> str:
        return self.chance.choice(["0", "5", "10", "12.3456", "19.99", "33.3333", "70"])

    # -- rows

    def order(self, order_id: str) -> Row:
        return {
            "order_id": order_id,
            "customer_id": self.customer(),
            "email": self.email(),
            "ordered_at": self.instant(),
            "status": self.chance.choice(STATUSES),
            "currency": self.chance.choice(CURRENCIES),
            "channel": self.chance.choice([None, "ads", "search"]),
            "is_gift": self.chance.choice([None, None, "false", "true"]),
            "gift_note": self.chance.choice([None, None, " ", "for you"]),
            "ship_to_name": self.chance.choice([None, "Ada Berg", "Someone Else"]),
            "ship_to_country": self.chance.choice([None, "DK", "se"]),
            "ship_to_postal_code": self.chance.choice([None, "1000", "10 00", "2000"]),
        }

    def line(self, order_id: str, number: int) -> Row:
        return {
            "order_id": order_id,
            "line_number": number,
            "product_id": self.chance.choice([None, *PRODUCTS, "not in the catalogue"]),
            "product_title": self.chance.choice([None, "Lamp", "Chair"]),
            "quantity": self.chance.choice(["1", "1", "2", "3", "0.5"]),
            "unit_price": self.amount(),
            "discount_amount": self.chance.choice([None, "0", "0", "1", "2.5"]),
        }

    def refund(self, refund_id: str, order_id: str | None = None) -> Row:
        known = [str(row["order_id"]) for row in self.rows.get("orders", {}).values()]
        return {
            "refund_id": refund_id,
            "order_id": order_id or self.chance.choice(known or ["o0"]),
            "refunded_at": self.instant(),
            "amount": self.amount(),
            "line_number": self.chance.choice([None, "1", "2", "7"]),
            "quantity": self.chance.choice([None, "0", "1"]),
        }

    def profile(self, customer_id: str) -> Row:
        return {
            "customer_id": customer_id,
            "email": self.email(),
            "first_name": self.chance.choice([None, "Ada"]),
            "last_name": self.chance.choice(["Berg", "Dahl"]),
            "country": self.chance.choice([None, "DK", "SE"]),
            "postal_code": self.chance.choice([None, "1000"]),
            "language": self.chance.choice([None, "da", "sv"]),
            "created_at": self.chance.choice([None, self.instant(), self.instant()]),
            "email_consent": self.flag(),
            "tracking_consent": self.flag(),
            "consent_updated_at": self.chance.choice([None, self.instant()]),
            "acquisition_channel": self.chance.choice([None, None, "ads"]),
        }

    def product(self, product_id: str) -> Row:
        return {
            "product_id": product_id,
            "title": "Lamp",
            "category": self.chance.choice([None, "light", "seating", "tables"]),
            "tags": self.chance.choice(TAGS),
            "unit_cost": self.chance.choice([None, "1", "4.5", "4.5"]),
            "created_at": self.chance.choice([None, self.instant()]),
        }

    def email_event(self, event_id: str) -> Row:
        return {
            "event_id": event_id,
            "customer_id": self.customer(),
            "email": self.chance.choice(EMAILS),
            "event_type": self.chance.choice(["received", "received", "opened", "clicked", "bounced"]),
            "occurred_at": self.instant(),
            "is_machine_open": self.flag(),
        }

    def web_event(self, event_id: str) -> Row:
        return {
            "event_id": event_id,
            "customer_id": self.customer(),
            "email": self.chance.choice(EMAILS),
            "event_type": self.chance.choice(["active_on_site", "viewed_product", "added_to_cart", "started_checkout"]),
            "occurred_at": self.instant(),
        }

    def spend(self) -> Row:
        return {
            "day": str(self.day()),
            "channel": self.chance.choice(["ads", "search"]),
            "amount": self.amount(),
            "currency": self.chance.choice(CURRENCIES),
        }

    def rate(self) -> Row:
        return {
            "day": str(self.day()),
            "currency": self.chance.choice(["SEK", "NOK"]),
            "rate": self.chance.choice(["0.08", "0.0912345", "0.1"]),
        }

    # -- files and loads

    def new_id(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    def known_or_new_id(self, table: str, letter: str) -> str:
        known = [str(key[0]) for key in self.rows.get(table, {})]
        if known and self.chance.random() < 0.35:
            return self.chance.choice(known)
        return self.new_id(letter)

    def order_with_lines(self) -> list[tuple[str, Row]]:
        order = self.order(self.known_or_new_id("orders", "o"))
        lines = [self.line(str(order["order_id"]), number + 1) for number in range(self.chance.choice([1, 1, 2, 3]))]
        found = [("orders", order), *(("order_lines", line) for line in lines)]
        if self.chance.random() < 0.2:
            found.append(("refunds", self.refund(self.new_id("r"), str(order["order_id"]))))
        return found

    def corrected_line(self) -> list[tuple[str, Row]]:
        known = list(self.rows.get("order_lines", {}))
        if not known:
            return []
        order_id, number = self.chance.choice(known)
        return [("order_lines", self.line(str(order_id), int(str(number)) + self.chance.choice([0, 0, 1])))]

    def repeated_row(self) -> list[tuple[str, Row]]:
        tables = [table for table, rows in self.rows.items() if rows]
        if not tables:
            return []
        table = self.chance.choice(tables)
        return [(table, self.chance.choice(list(self.rows[table].values())))]

    def happening(self) -> list[tuple[str, Row]]:
        makers: list[Callable[[], list[tuple[str, Row]]]] = [
            self.order_with_lines,
            self.order_with_lines,
            self.order_with_lines,
            self.corrected_line,
            self.repeated_row,
            lambda: [("refunds", self.refund(self.known_or_new_id("refunds", "r")))],
            lambda: [("customers", self.profile(self.chance.choice(CUSTOMERS)))],
            lambda: [("products", self.product(self.chance.choice(PRODUCTS)))],
            lambda: [("email_events", self.email_event(self.known_or_new_id("email_events", "e")))],
            lambda: [("web_events", self.web_event(self.known_or_new_id("web_events", "w")))],
            lambda: [("web_events", self.web_event(self.known_or_new_id("web_events", "w")))],
            lambda: [("marketing_spend", self.spend())],
            lambda: [("exchange_rates", self.rate())],
        ]
        return self.chance.choice(makers)()

    def load(self, size: int) -> Shop:
        """The rows of one load: its files come one after the other, each with one later instant for all its rows."""
        newest: dict[str, dict[tuple[object, ...], Row]] = {}
        for _ in range(size):
            for table, row in self.happening():
                newest.setdefault(table, {})[key_of(table, row)] = row
                self.rows.setdefault(table, {})[key_of(table, row)] = row
        files: Shop = {}
        tables = list(newest)
        self.chance.shuffle(tables)
        for table in tables:
            self.loaded += 1
            at = (LOADS_BEGIN + datetime.timedelta(minutes=self.loaded)).isoformat()
            files[table] = [{**row, "_loaded_at": at} for row in newest[table].values()]
        return files


KEYS = {
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_number"),
    "refunds": ("refund_id",),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "email_events": ("event_id",),
    "web_events": ("event_id",),
    "marketing_spend": ("day", "channel"),
    "exchange_rates": ("day", "currency"),
}


def key_of(table: str, row: Row) -> tuple[object, ...]:
    return tuple(row[column] for column in KEYS[table])
