"""What the shop has a row a day for: exchange rates and marketing spend."""

import numpy as np
import pyarrow as pa

from regulars.sample.columns import Ints, chosen, dates, decimals, money, table_of
from regulars.sample.people import CHANNELS
from regulars.sample.seasons import Seasons
from regulars.sample.settings import ShopSettings

REPORTING_CURRENCY = "EUR"
FIRST_RATES = {"EUR": 1.0, "DKK": 0.1341, "SEK": 0.0885, "GBP": 1.1560}
DAILY_VOLATILITY = {"EUR": 0.0, "DKK": 0.0001, "SEK": 0.0035, "GBP": 0.0030}
DAYS_BEFORE_START = 10
"""Rates begin before the shop does, so that its first day has one even on a Sunday."""

PAID_CHANNELS = {"google_ads": 9.0, "meta_ads": 11.0, "email": 2.0, "affiliate": 7.0}
"""Mean spend per customer who arrives by the channel; meta_ads is billed in DKK."""
BILLED_IN = {"meta_ads": "DKK"}
DKK_PER_EUR = 7.46
NO_SPEND_SHARE = 0.03
MIN_DAILY_SPEND_CENTS = 500.0


def exchange_rates_of(settings: ShopSettings) -> pa.Table:
    """A rate for each currency and banking day; weekends have none, as at the central banks."""
    random = settings.generator("rates")
    count = settings.day_count + DAYS_BEFORE_START
    days = np.arange(count, dtype=np.int64) + settings.first_day - DAYS_BEFORE_START
    is_banking_day = (days + 3) % 7 < 5  # 1970-01-01 was a Thursday
    rates: list[Ints] = []
    codes: list[Ints] = []
    for code, first in FIRST_RATES.items():
        steps = random.standard_normal(count) * DAILY_VOLATILITY[code]
        # Pulled back to its level, or thirty years would carry it anywhere.
        level = np.zeros(count)
        for number in range(1, count):
            level[number] = 0.995 * level[number - 1] + steps[number]
        rates.append(np.round(first * np.exp(level) * 1e8).astype(np.int64))
        codes.append(np.full(count, len(codes), dtype=np.int64))
    by_day = np.arange(len(codes) * count).reshape(len(codes), count).T[is_banking_day].ravel()
    return table_of(
        "exchange_rates",
        {
            "day": dates(np.tile(days, len(codes))[by_day]),
            "currency": chosen(tuple(FIRST_RATES), np.concatenate(codes)[by_day]),
            "rate": decimals(np.concatenate(rates)[by_day], places=8, scale=8),
        },
    )


def marketing_spend_of(settings: ShopSettings, seasons: Seasons) -> pa.Table:
    """Spend by day and paid channel, following the arrivals of customers."""
    random = settings.generator("spend")
    days = np.arange(settings.day_count, dtype=np.int64)
    arrivals = np.diff(seasons.arrival) * settings.customer_count
    day_parts: list[Ints] = []
    channel_parts: list[Ints] = []
    cents_parts: list[Ints] = []
    for channel, per_arrival in PAID_CHANNELS.items():
        factor = DKK_PER_EUR if channel in BILLED_IN else 1.0
        wobble = random.gamma(12.0, 1.0 / 12.0, settings.day_count)
        cents = (100.0 * per_arrival * 0.2 * arrivals + MIN_DAILY_SPEND_CENTS) * wobble * factor
        spends = random.random(settings.day_count) >= NO_SPEND_SHARE
        day_parts.append(days[spends] + settings.first_day)
        channel_parts.append(np.full(int(spends.sum()), CHANNELS.index(channel), dtype=np.int64))
        cents_parts.append(np.round(cents[spends]).astype(np.int64))
    day, channel_index = np.concatenate(day_parts), np.concatenate(channel_parts)
    order = np.lexsort((channel_index, day))
    currencies = tuple(BILLED_IN.get(channel, REPORTING_CURRENCY) for channel in CHANNELS)
    return table_of(
        "marketing_spend",
        {
            "day": dates(day[order]),
            "channel": chosen(CHANNELS, channel_index[order]),
            "amount": money(np.concatenate(cents_parts)[order]),
            "currency": chosen(currencies, channel_index[order]),
        },
    )
