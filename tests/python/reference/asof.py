"""The as-of day and what exists before it: rows on or after its midnight in the shop's time zone do not."""

from __future__ import annotations

import datetime

import pandas as pd

from .calendar_days import day_number, local_days
from .rules import Rules

OPTIONAL_INPUTS = {
    "refunds": "has_refunds",
    "customers": "has_customers",
    "products": "has_products",
    "email_events": "has_email_events",
    "web_events": "has_web_events",
    "marketing_spend": "has_marketing_spend",
    "exchange_rates": "has_exchange_rates",
}

INSTANTS = {
    "orders": "ordered_at",
    "refunds": "refunded_at",
    "customers": "created_at",
    "products": "created_at",
    "email_events": "occurred_at",
    "web_events": "occurred_at",
}

DATED_BY_NEWEST_ROW = ("orders", "email_events", "web_events")


def with_days(landing: dict[str, pd.DataFrame], rules: Rules) -> dict[str, pd.DataFrame]:
    """Switched-off inputs emptied, and a local ``day`` on every table that has an instant."""
    tables = {}
    for name, rows in landing.items():
        switch = OPTIONAL_INPUTS.get(name)
        kept = rows.iloc[:0] if switch and not getattr(rules, switch) else rows
        if name in INSTANTS:
            kept = kept.assign(day=local_days(kept[INSTANTS[name]], rules.shop_timezone))
        tables[name] = kept
    return tables


def find_as_of(tables: dict[str, pd.DataFrame], given: datetime.date | str | None) -> int:
    """The day number given, else the day after the newest order or event."""
    if given is not None:
        return day_number(datetime.date.fromisoformat(given) if isinstance(given, str) else given)
    newest = [tables[name]["day"].max() for name in DATED_BY_NEWEST_ROW if len(tables[name])]
    if not newest:
        raise ValueError("no order and no event is loaded, so there is no as-of date; give one")
    return int(max(newest)) + 1


def existing(tables: dict[str, pd.DataFrame], as_of: int) -> dict[str, pd.DataFrame]:
    """The rows before the as-of day; a profile or product without a creation instant exists always."""
    kept = {}
    for name, rows in tables.items():
        if name in ("customers", "products"):
            exists = rows["day"].isna() | (rows["day"] < as_of).fillna(False)
        elif name in INSTANTS or name == "marketing_spend":
            exists = (rows["day"] < as_of).fillna(False)
        else:
            exists = pd.Series(True, index=rows.index)
        kept[name] = rows[exists.astype(bool)].reset_index(drop=True)
    return kept


def find_reporting_currency(orders: pd.DataFrame, given: str | None) -> str | None:
    """The currency given, else the one that most orders have; of several, the first in the alphabet."""
    if given is not None:
        return given
    counts = orders["currency"].dropna().value_counts()
    return min(counts[counts == counts.max()].index, default=None)
