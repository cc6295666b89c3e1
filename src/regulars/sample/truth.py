"""The true parameters of a shop, written beside it: what a model that reads the files should find."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from regulars.sample import days, dirt, email_events, orders, people, seasons, web_events
from regulars.sample.catalogue import CATEGORIES, CATEGORY_NAMES, Catalogue, product_count
from regulars.sample.columns import Floats, booleans, chosen, instants, integers, nulled
from regulars.sample.orders import Sales
from regulars.sample.people import ACCOUNT_KINDS, CHANNELS, EMAIL_ONLY, ROLES, People
from regulars.sample.seasons import SEASON_SENSITIVITIES, Seasons, seconds_at
from regulars.sample.settings import ShopSettings

DAYS_PER_YEAR = 365.0
LONGEST_LIFE_DAYS = 36_500.0
"""A drop-out later than a century from the start is as good as none: null."""

SCHEMA = pa.schema(
    [
        ("person", pa.int64()),
        ("customer_id", pa.string()),
        ("second_customer_id", pa.string()),
        ("email", pa.string()),
        ("role", pa.string()),
        ("account", pa.string()),
        ("country", pa.string()),
        ("joined_at", pa.timestamp("us", tz="UTC")),
        ("first_order_at", pa.timestamp("us", tz="UTC")),
        ("purchase_rate_per_day", pa.float64()),
        ("dropout_rate_per_day", pa.float64()),
        ("dropped_out_at", pa.timestamp("us", tz="UTC")),
        ("is_alive_at_end", pa.bool_()),
        ("season_sensitivity", pa.float64()),
        ("expected_repeat_orders", pa.float64()),
        ("repeat_order_count", pa.int64()),
        ("expected_orders_next_365d", pa.float64()),
        ("mean_line_amount", pa.float64()),
        ("mean_lines_per_order", pa.float64()),
        ("premium_share", pa.float64()),
        ("discount_proneness", pa.float64()),
        ("gift_proneness", pa.float64()),
        ("favourite_share", pa.float64()),
        ("open_rate", pa.float64()),
        *((f"affinity_{name}", pa.float64()) for name in CATEGORY_NAMES),
    ]
)


def truth_of(
    settings: ShopSettings, calendar: Seasons, catalogue: Catalogue, chunk_people: People, sales: Sales
) -> pa.Table:
    """One row per person of a chunk."""
    who = chunk_people
    count = len(who)
    end = float(settings.day_count)
    buys = np.isfinite(who.first_order_at)
    alive = buys & (who.dropout_at >= end)
    drops = buys & (who.dropout_at < LONGEST_LIFE_DAYS)
    moments = np.where(buys, who.first_order_at, end)
    until = np.where(buys, np.minimum(who.dropout_at, end), end)
    season_time = calendar.expected_by(until, who.season_sensitivity) - calendar.expected_by(
        moments, who.season_sensitivity
    )
    own_orders = np.bincount(sales.orders.person[sales.orders.person >= 0], minlength=count)
    dropped_seconds = np.floor((np.where(drops, who.dropout_at, 0.0) + settings.first_day) * 86400.0).astype(np.int64)
    columns = {
        "person": integers(who.number),
        "customer_id": nulled(who.ids, who.account == EMAIL_ONLY),
        "second_customer_id": nulled(who.second_ids, ~who.has_second_account | (who.second_account_at >= end)),
        "email": who.emails,
        "role": chosen(ROLES, who.role),
        "account": chosen(ACCOUNT_KINDS, who.account),
        "country": chosen(people.COUNTRY_CODES, who.country),
        "joined_at": instants(seconds_at(who.joined_at, settings)),
        "first_order_at": instants(seconds_at(moments, settings), null=~buys),
        "purchase_rate_per_day": pa.array(who.purchase_rate, mask=~buys),
        "dropout_rate_per_day": pa.array(who.dropout_rate, mask=~buys),
        "dropped_out_at": instants(dropped_seconds, null=~drops),
        "is_alive_at_end": booleans(alive, null=~buys),
        "season_sensitivity": pa.array(np.array(SEASON_SENSITIVITIES)[who.season_sensitivity]),
        "expected_repeat_orders": pa.array(who.purchase_rate * season_time, mask=~buys),
        "repeat_order_count": integers(np.maximum(own_orders - 1, 0), null=~buys),
        "expected_orders_next_365d": pa.array(np.where(alive, _next_year(who), 0.0), mask=~buys),
        "mean_line_amount": pa.array(_mean_line_amount(catalogue, who)),
        "mean_lines_per_order": pa.array(1.0 + (orders.base_lines_mean(settings) - 1.0) * who.lines_mean),
        "premium_share": pa.array(who.premium),
        "discount_proneness": pa.array(who.discount_proneness),
        "gift_proneness": pa.array(who.gift_proneness),
        "favourite_share": pa.array(who.loyalty),
        "open_rate": pa.array(who.open_rate),
        **{f"affinity_{name}": pa.array(who.affinity[:, number]) for number, name in enumerate(CATEGORY_NAMES)},
    }
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _next_year(who: People) -> Floats:
    """Expected orders in the year after the end of somebody who is alive then: rate × (1 − e^(−μ·365)) / μ."""
    mu = np.maximum(who.dropout_rate, 1e-12)
    return who.purchase_rate * -np.expm1(-mu * DAYS_PER_YEAR) / mu


def _mean_line_amount(catalogue: Catalogue, who: People) -> Floats:
    """Mean amount of one line drawn from a person's taste, at list prices of the first year, before discounts."""
    quantities = np.array([item.mean_quantity for item in CATEGORIES])
    dear = who.affinity @ (catalogue.mean_dear_cents * quantities)
    cheap = who.affinity @ (catalogue.mean_cheap_cents * quantities)
    mean: Floats = (who.premium * dear + (1.0 - who.premium) * cheap) / 100.0
    return mean


def shop_truth_of(settings: ShopSettings, calendar: Seasons) -> dict[str, Any]:
    """The parameters that hold for the whole shop."""
    dates = [settings.start_on + timedelta(days=number) for number in range(settings.day_count)]
    return {
        "settings": {
            "customers": settings.customer_count,
            "seed": settings.seed,
            "start": settings.start_on.isoformat(),
            "end": settings.end_on.isoformat(),
            "lines_per_order": settings.lines_per_order,
            "format": settings.file_format,
            "dirty": settings.is_dirty,
            "only": list(settings.only),
        },
        "reporting_currency": days.REPORTING_CURRENCY,
        "purchases": {
            "model": "Pareto/NBD in seasonal time",
            "purchase_rate_gamma_shape": people.PURCHASE_SHAPE,
            "purchase_rate_gamma_scale_days": people.PURCHASE_SCALE_DAYS,
            "purchase_rate_at_most_per_day": people.MAX_PURCHASE_RATE,
            "dropout_rate_gamma_shape": people.DROPOUT_SHAPE,
            "dropout_rate_gamma_scale_days": people.DROPOUT_SCALE_DAYS,
        },
        "seasons": {
            "sensitivities": dict(zip(map(str, SEASON_SENSITIVITIES), seasons.SENSITIVITY_SHARES, strict=True)),
            "peak_iso_weeks": list(seasons.PEAK_ISO_WEEKS),
            "peak_factor": seasons.PEAK_FACTOR,
            "november_factor": seasons.NOVEMBER_FACTOR,
            "christmas_factor": seasons.CHRISTMAS_FACTOR,
            "black_week_factor": seasons.BLACK_WEEK_FACTOR,
            "sales": [
                {"code": seasons.SALES[number][0], "rate": seasons.SALES[number][1], "from": first, "to": last}
                for number, first, last in _runs(calendar.sale.tolist(), dates)
            ],
            "gift_windows": [
                {"from": first, "to": last} for _, first, last in _runs(calendar.is_gift_window.tolist(), dates)
            ],
        },
        "range": {
            "products": product_count(settings.customer_count) if settings.customer_count else 0,
            "categories": [
                {name: value for name, value in asdict(item).items() if name != "things"} for item in CATEGORIES
            ],
        },
        "shares": {
            "roles": dict(zip(ROLES, people.ROLE_SHARES, strict=True)),
            "accounts_of_buyers": dict(zip(ACCOUNT_KINDS, people.ACCOUNT_SHARES, strict=True)),
            "second_account": people.SECOND_ACCOUNT_SHARE,
            "countries": {item.code: item.share for item in people.COUNTRIES},
            "channels": dict(zip(CHANNELS, people.CHANNEL_SHARES, strict=True)),
            "guest_orders_per_person": orders.GUEST_ORDERS_PER_PERSON,
            "cancelled": orders.CANCELLED_SHARE,
            "test": orders.TEST_SHARE,
            "refunded_in_full": orders.REFUNDED_SHARE,
            "line_refunded": orders.LINE_REFUND_SHARE,
            "refunded_in_full_but_paid": orders.SILENT_FULL_REFUND_SHARE,
            "newsletter_leads_to_order": email_events.LEADS_TO_ORDER_SHARE,
            "visit_seen_before_order": web_events.SEEN_BEFORE_ORDER_SHARE,
            "each_reject_reason": dirt.SHARE_OF_EACH_REASON if settings.is_dirty else 0.0,
        },
    }


def _runs(values: list[Any], dates: list[Any]) -> list[tuple[Any, str, str]]:
    """Stretches of days with one value other than zero, with their first and last day."""
    runs: list[tuple[Any, str, str]] = []
    begin = 0
    for number in range(1, len(values) + 1):
        if number == len(values) or values[number] != values[begin]:
            if values[begin]:
                runs.append((values[begin], dates[begin].isoformat(), dates[number - 1].isoformat()))
            begin = number
    return runs
