"""The one entry: landing tables in, every segment frame out."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from .activity import find_activity
from .ad_segments import customer_ad_segments
from .asof import existing, find_as_of, find_reporting_currency, with_days
from .calendar_days import as_date, dates
from .customer_facts import category_facts, customer_facts, order_costs
from .customer_types import customer_types
from .frames import look_up
from .gaps import order_days, typical_gap
from .identity import customers as resolved_customers
from .identity import resolve_identities
from .importance import customer_importance
from .landing import read_landing
from .lifecycle import customer_lifecycle, lifecycle_horizon, rhythm_of
from .money import TICKS_PER_UNIT, divide
from .orders import OrderFacts, order_facts
from .personas import customer_personas
from .predictions import read_predictions
from .rfm import customer_rfm
from .rules import Rules
from .seeds import read_seeds
from .shop_value import ShopAverage

ORDER_COLUMNS = [
    "order_id",
    "customer_id",
    "ordered_on",
    "order_validity",
    "gross_amount",
    "discount_amount",
    "refund_amount",
    "net_amount",
    "is_gift_order",
    "is_peak_order",
    "is_discounted",
]


def compute(
    connection_or_path: duckdb.DuckDBPyConnection | str | Path,
    as_of_date: datetime.date | str | None = None,
    *,
    seeds: Path | dict[str, pd.DataFrame] | None = None,
    with_changes: bool = True,
    change_horizon_days: int = 1_200,
    **given_vars: Any,
) -> dict[str, pd.DataFrame]:
    """Every segment frame of the shop in the ``raw`` schema.

    Parameters
    ----------
    connection_or_path: an open DuckDB connection, or the path of a file (opened read-only).
    as_of_date: the as-of date; None takes the day after the newest order or event.
    seeds: folder of the rule tables, or the tables themselves; None takes the project's.
    with_changes: whether to find the dates on which labels change, by evaluating every later day; slow for big shops.
    change_horizon_days: how many later days personas and types are evaluated for. Lifecycle goes as far as it needs to.
    given_vars: dbt vars, by name.
    """
    rules = Rules.from_vars(given_vars)
    seed_tables = seeds if isinstance(seeds, dict) else read_seeds(seeds)
    if isinstance(connection_or_path, duckdb.DuckDBPyConnection):
        landing = read_landing(connection_or_path)
        predictions = read_predictions(connection_or_path)
    else:
        with duckdb.connect(str(connection_or_path), read_only=True) as connection:
            landing = read_landing(connection)
            predictions = read_predictions(connection)
    dated = with_days(landing, rules)
    as_of = find_as_of(dated, as_of_date)
    tables = existing(dated, as_of)
    reporting = find_reporting_currency(tables["orders"], rules.reporting_currency)

    identities = resolve_identities(tables, rules)
    customers = resolved_customers(tables, identities)
    resolved = identities.resolve(tables["orders"])
    orders = order_facts(tables, resolved, seed_tables, reporting, rules)
    days = order_days(orders.valid)
    categories = category_facts(orders, rules)
    activity = find_activity(tables, identities, customers, orders.orders, as_of, rules)
    facts = customer_facts(customers, orders, days, categories, activity, tables, as_of, reporting, rules)

    typical = typical_gap(days["gap"].dropna().to_numpy(), rules)
    rhythm = rhythm_of(facts, typical)
    lifecycle = customer_lifecycle(facts, days, as_of, rules, with_changes=with_changes)
    horizon = change_horizon_days if with_changes else None
    type_horizon = max(change_horizon_days, lifecycle_horizon(rhythm, rules)) if with_changes else None
    average = ShopAverage(orders.valid["day"], orders.valid["net_amount"], as_of, rules, may_override=True)
    value_per_order, type_average = _type_value(facts, orders, average, as_of, rules)
    frames = {
        "customer_facts": facts,
        "customer_rfm": customer_rfm(facts, seed_tables["rfm_tiers"]),
        "customer_lifecycle": lifecycle,
        "customer_importance": customer_importance(facts, predictions, rules),
        "customer_personas": customer_personas(
            facts, customers["created_on"], activity, average, as_of, rules, horizon_days=horizon
        ),
        "customer_types": customer_types(
            facts, rhythm, value_per_order, type_average, as_of, rules, horizon_days=type_horizon
        ),
    }
    computed = {name: frame.rename_axis("customer_id").reset_index() for name, frame in frames.items()}
    computed["as_of"] = pd.DataFrame({"as_of_date": [as_date(as_of)], "reporting_currency": [reporting]}, dtype=object)
    computed["orders"] = orders.orders.assign(ordered_on=dates(orders.orders["day"]))[ORDER_COLUMNS]
    computed["customer_category_facts"] = categories.assign(
        net_unit_count=categories["net_unit_count"] / TICKS_PER_UNIT
    )
    computed["customer_ad_segments"] = customer_ad_segments(
        facts, categories, lifecycle["lifecycle_state"], typical, predictions, rules
    )
    return computed


def _type_value(
    facts: pd.DataFrame, orders: OrderFacts, average: ShopAverage, as_of: int, rules: Rules
) -> tuple[pd.Series, ShopAverage]:
    """What customer types compare: the average order, or by var the margin per order, over orders with a known one."""
    if rules.customer_type_value == "aov":
        return facts["average_order_amount"], average
    order_count = np.maximum(facts["order_count"].to_numpy(dtype=np.int64), 1)
    margin = facts["gross_margin_amount"].fillna(0).to_numpy(dtype=np.int64)
    is_known = facts["gross_margin_amount"].notna() & (facts["order_count"] > 0)
    per_order = pd.Series(divide(margin, order_count), index=facts.index, dtype="Int64").where(is_known)
    costs = look_up(orders.valid["order_id"], order_costs(orders))
    margins = (orders.valid["net_amount"] - costs).dropna()
    days = orders.valid.loc[margins.index, "day"]
    return per_order, ShopAverage(days, margins, as_of, rules, may_override=False)
