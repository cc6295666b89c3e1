"""E-mail engagement and site events by customer: counts, last instants, and the same counts as time passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .identity import Identities
from .rules import Rules

CART_EVENTS = ("added_to_cart", "started_checkout")
REFUSALS = ("unsubscribed", "marked_spam")
SITE_INTENT_EVENTS = ("viewed_product", *CART_EVENTS)


@dataclass(frozen=True)
class Activity:
    """``engagements`` and ``site_intents``: one row for each event that counts."""

    has_email_source: bool
    has_site_source: bool
    received: pd.Series
    engagements: pd.DataFrame
    site_intents: pd.DataFrame
    open_carts: pd.Series
    last_refusals: pd.Series


def find_activity(
    tables: dict[str, pd.DataFrame],
    identities: Identities,
    customers: pd.DataFrame,
    orders: pd.DataFrame,
    as_of: int,
    rules: Rules,
) -> Activity:
    emails = tables["email_events"].assign(customer_id=identities.resolve(tables["email_events"]))
    received = emails[emails["event_type"] == "received"].groupby("customer_id").size()
    is_human_open = (emails["event_type"] == "opened") & ~emails["is_machine_open"].fillna(
        not rules.count_unflagged_opens
    ).astype(bool)
    engagements = emails[is_human_open | (emails["event_type"] == "clicked")]

    site = tables["web_events"].assign(customer_id=identities.resolve(tables["web_events"]))
    if rules.require_tracking_consent:
        consenting = set(customers.index[customers["tracking_consent"].fillna(False).astype(bool)])
        site = site[site["customer_id"].isin(consenting)]
    return Activity(
        has_email_source=rules.has_email_events and len(emails) > 0,
        has_site_source=rules.has_web_events and len(tables["web_events"]) > 0,
        received=received,
        engagements=engagements,
        site_intents=site[site["event_type"].isin(SITE_INTENT_EVENTS)],
        open_carts=_open_carts(site, orders, as_of, rules),
        last_refusals=emails[emails["event_type"].isin(REFUSALS)].groupby("customer_id")["occurred_at"].max(),
    )


def _open_carts(site: pd.DataFrame, orders: pd.DataFrame, as_of: int, rules: Rules) -> pd.Series:
    """Newest cart event of the window, unless the customer ordered at that instant or later."""
    carts = site[site["event_type"].isin(CART_EVENTS) & (site["day"] >= as_of - rules.open_cart_days)]
    newest = carts.groupby("customer_id")["occurred_at"].max()
    last_order = orders[orders["status"] != "test"].groupby("customer_id")["ordered_at"].max().reindex(newest.index)
    return newest[last_order.isna() | (last_order < newest)]


def counts_as_time_passes(events: pd.DataFrame, everyone: pd.Index, as_of: int, window_days: int) -> np.ndarray:
    """Row k: each customer's events of the window as of k days later, when nothing else has happened."""
    counts = np.zeros((window_days + 2, len(everyone)), dtype=np.int64)
    known = events.dropna(subset=["customer_id"])
    position = everyone.get_indexer(known["customer_id"])
    # an event of day x is inside as of as_of + k while x >= as_of + k - window_days
    last_offset = known["day"].to_numpy(dtype=np.int64) - as_of + window_days
    inside = (position >= 0) & (last_offset >= 0)
    np.add.at(counts, (last_offset[inside], position[inside]), 1)
    return counts[::-1].cumsum(axis=0)[::-1]
