"""One row per customer, buyers and non-buyers: what happened, counted over valid orders only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .activity import Activity
from .calendar_days import months
from .currency import rates_on
from .frames import look_up
from .money import RATE_SCALE, TICKS_PER_UNIT, divide, multiply_divide
from .orders import UNCATEGORISED, OrderFacts
from .rules import Rules

SUMS = {
    "gross_revenue_amount": "gross_amount",
    "discount_amount": "discount_amount",
    "refund_amount": "refund_amount",
    "net_revenue_amount": "net_amount",
    "discounted_order_count": "is_discounted",
    "gift_order_count": "is_gift_order",
    "peak_order_count": "is_peak_order",
}


def customer_facts(
    customers: pd.DataFrame,
    facts: OrderFacts,
    days: pd.DataFrame,
    categories: pd.DataFrame,
    activity: Activity,
    tables: dict[str, pd.DataFrame],
    as_of: int,
    reporting: str | None,
    rules: Rules,
) -> pd.DataFrame:
    everyone = customers.index
    frame = pd.DataFrame(index=everyone.rename("customer_id"))
    frame["country"] = customers["country"]
    frame["language"] = customers["language"]
    frame["has_email_consent"] = customers["email_consent"].fillna(False).astype(bool)
    frame["is_subscribed"] = frame["has_email_consent"] & ~_refused_since(customers, activity)

    valid = facts.valid.dropna(subset=["customer_id"])
    by_customer = valid.groupby("customer_id")
    frame["first_ordered_at"] = by_customer["ordered_at"].min()
    frame["last_ordered_at"] = by_customer["ordered_at"].max()
    frame["order_count"] = _whole(by_customer.size(), everyone)
    frame["order_day_count"] = _whole(days.groupby("customer_id").size(), everyone)
    frame["recency_days"] = as_of - by_customer["day"].max().astype("Int64").reindex(everyone)
    frame["tenure_days"] = as_of - by_customer["day"].min().astype("Int64").reindex(everyone)
    for name, source in SUMS.items():
        frame[name] = _whole(valid[source].astype("int64").groupby(valid["customer_id"]).sum(), everyone)
    frame["gross_margin_amount"] = frame["net_revenue_amount"] - _cost_by(facts, "customer_id", everyone)
    orders = frame["order_count"].to_numpy(dtype=np.int64)
    average = pd.Series(divide(frame["net_revenue_amount"].to_numpy(), np.maximum(orders, 1)), index=everyone)
    frame["average_order_amount"] = average.astype("Int64").where(orders > 0)
    gaps = days.dropna(subset=["gap"]).groupby("customer_id")["gap"]
    frame["median_gap_days"] = gaps.median()
    frame["mean_gap_days"] = gaps.mean()
    gross = frame["gross_revenue_amount"].astype("float64")
    frame["discount_share"] = frame["discount_amount"] / gross.where(gross != 0)
    named = categories[(categories["net_unit_count"] >= TICKS_PER_UNIT) & (categories["category"] != UNCATEGORISED)]
    frame["category_count"] = _whole(named.groupby("customer_id").size(), everyone).astype("Int64")
    if tables["products"]["category"].isna().all():
        frame["category_count"] = pd.NA
    _add_activity(frame, activity, as_of, rules)
    _add_acquisition(frame, customers, valid, tables["marketing_spend"], tables["exchange_rates"], reporting)
    return frame


def category_facts(facts: OrderFacts, rules: Rules) -> pd.DataFrame:
    """Customer × category over the lines of valid orders."""
    owners = facts.valid.dropna(subset=["customer_id"])[["order_id", "customer_id"]]
    lines = facts.lines.merge(owners, on="order_id")
    frame = (
        lines.groupby(["customer_id", "category"])
        .agg(net_unit_count=("net_quantity", "sum"), order_count=("order_id", "nunique"), net_amount=("net", "sum"))
        .reset_index()
    )
    total = frame.groupby("customer_id")["net_amount"].transform("sum")
    frame["spend_share"] = frame["net_amount"] / total
    core = rules.core_category_share
    # core is a stronger category buyer, so it takes a unit that was kept
    is_buyer = frame["net_unit_count"] >= TICKS_PER_UNIT
    frame["is_core"] = is_buyer & (frame["net_amount"] * core.denominator >= total * core.numerator)
    return frame


def order_costs(facts: OrderFacts) -> pd.Series:
    """Cost of the net units of each valid order; missing where a product's unit cost is not known."""
    lines = facts.lines[facts.lines["order_id"].isin(facts.valid["order_id"])]
    known = lines["unit_cost"].fillna(0).to_numpy(dtype=np.int64)
    cost = multiply_divide(known, lines["net_quantity"].to_numpy(dtype=np.int64), TICKS_PER_UNIT)
    is_unknown = lines["unit_cost"].isna()
    by_order = pd.DataFrame({"order_id": lines["order_id"], "cost": cost, "is_unknown": is_unknown})
    summed = by_order.groupby("order_id").agg(cost=("cost", "sum"), is_unknown=("is_unknown", "any"))
    return summed["cost"].astype("Int64").where(~summed["is_unknown"])


def _cost_by(facts: OrderFacts, column: str, everyone: pd.Index) -> pd.Series:
    """Costs summed; one unknown makes the sum unknown, no order makes it zero."""
    costs = facts.valid[["order_id", column]].assign(cost=look_up(facts.valid["order_id"], order_costs(facts)))
    grouped = costs.dropna(subset=[column]).groupby(column)["cost"]
    total = grouped.sum().where(~grouped.apply(lambda own: own.isna().any()))
    has_orders = everyone.isin(total.index)
    return total.reindex(everyone).astype("Int64").where(has_orders, 0)


def _whole(values: pd.Series, everyone: pd.Index) -> pd.Series:
    return values.reindex(everyone).fillna(0).astype("int64")


def _refused_since(customers: pd.DataFrame, activity: Activity) -> pd.Series:
    """Who unsubscribed or complained, unless the consents are known to be from later than that."""
    refused = activity.last_refusals.reindex(customers.index)
    return refused.notna() & ~(customers["consent_updated_at"] > refused).fillna(False).astype(bool)


def _add_activity(frame: pd.DataFrame, activity: Activity, as_of: int, rules: Rules) -> None:
    everyone = frame.index
    since = as_of - rules.recent_engagement_days
    engagements, intents = activity.engagements, activity.site_intents
    counts = {
        "email_received_count": activity.received,
        "engagement_count_90d": engagements[engagements["day"] >= since].groupby("customer_id").size(),
        "engagement_count_lifetime": engagements.groupby("customer_id").size(),
    }
    for name, count in counts.items():
        known = _whole(count, everyone).astype("Int64")
        frame[name] = known if activity.has_email_source else pd.Series(pd.NA, index=everyone, dtype="Int64")
    frame["last_engaged_at"] = engagements.groupby("customer_id")["occurred_at"].max()
    recent_intents = _whole(intents[intents["day"] >= since].groupby("customer_id").size(), everyone).astype("Int64")
    frame["site_intent_count_90d"] = recent_intents if activity.has_site_source else pd.NA
    frame["last_site_intent_at"] = intents.groupby("customer_id")["occurred_at"].max()
    frame["open_cart_at"] = activity.open_carts.reindex(everyone)


def _add_acquisition(
    frame: pd.DataFrame,
    customers: pd.DataFrame,
    valid: pd.DataFrame,
    spend: pd.DataFrame,
    rates: pd.DataFrame,
    reporting: str | None,
) -> None:
    """Channel of the profile, else of the first valid order; cost per new buyer of that month and channel."""
    first = valid.sort_values(["ordered_at", "order_id"]).drop_duplicates("customer_id").set_index("customer_id")
    channel = customers["acquisition_channel"].where(
        customers["acquisition_channel"].notna(), first["channel"].reindex(frame.index)
    )
    frame["acquisition_channel"] = channel.to_numpy()
    cohort = pd.DataFrame(
        {"channel": channel.to_numpy(), "month": months(first["day"].reindex(frame.index)).to_numpy()},
        index=frame.index,
    )
    spend = spend.assign(rate=rates_on(spend["day"], spend["currency"], rates, reporting), month=months(spend["day"]))
    # a day without a rate makes the spend of its whole month unknown
    is_known = spend["rate"].notna().groupby([spend["channel"], spend["month"]]).transform("all")
    spend = spend[is_known.astype(bool)]
    spend = spend.assign(
        spent=multiply_divide(
            spend["amount"].fillna(0).to_numpy(dtype=np.int64), spend["rate"].to_numpy(dtype=np.int64), RATE_SCALE
        )
    )
    spent = spend.groupby(["channel", "month"])["spent"].sum()
    sizes = cohort.dropna().groupby(["channel", "month"]).size()
    joined = pd.concat([spent, sizes.rename("size")], axis=1, join="inner")
    cost = divide(joined["spent"].to_numpy(dtype=np.int64), joined["size"].to_numpy(dtype=np.int64))
    by_cohort = {key: int(value) for key, value in zip(joined.index, cost, strict=True)}
    keys = [
        None if pd.isna(row.channel) or pd.isna(row.month) else (row.channel, int(row.month))
        for row in cohort.itertuples()
    ]
    frame["acquisition_cost_amount"] = pd.array([by_cohort.get(key, pd.NA) for key in keys], dtype="Int64")
