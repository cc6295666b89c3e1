"""E-mail events: newsletters with what people make of them, and messages that lead to an order."""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from regulars.load.landing import EMAIL_EVENT_TYPES
from regulars.sample.columns import Bools, Floats, Ints, booleans, chosen, instants, numbered, table_of
from regulars.sample.identities import email_tool_names
from regulars.sample.orders import Orders
from regulars.sample.people import (
    FADED_READER,
    FAN,
    NEWCOMER,
    READER,
    RECENT_DAYS,
    SILENT,
    UNREACHABLE,
    People,
)
from regulars.sample.settings import ShopSettings

RECEIVED, OPENED, CLICKED, UNSUBSCRIBED, MARKED_SPAM, BOUNCED = range(len(EMAIL_EVENT_TYPES))

DAYS_BETWEEN_NEWSLETTERS = 28
LAST_NEWSLETTER_DAYS_BEFORE_END = 2.6
"""Within the last week, so that some have just read it and not yet ordered."""
BOUNCE_SHARE = 0.006
CLICK_SHARE = 0.16
OPENS_AFTER_DROPOUT = 0.3
"""Those who stopped buying read less; not nothing."""
MACHINE_OPEN_SHARE = 0.9
FLAG_KNOWN_FROM_SHARE = 0.35
"""Before this share of the shop's time the e-mail tool told no machine openings: the flag is null."""
FLAG_MISSING_SHARE = 0.02
LEADS_TO_ORDER_SHARE = 0.15
EVENT_ID_STRIDE = 1000
LATE_MESSAGES = ("back_in_stock", "price_drop", "you_left_something")

_NO, _YES, _UNKNOWN = 0, 1, 2


class _Events:
    """Events gathered part by part."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Floats, Ints, Ints, Ints]] = []

    def add(
        self, person: Ints, moment: Floats, event_type: int, campaign: Ints, machine: Ints | int = _UNKNOWN
    ) -> None:
        """One event a row; moments are days since the start."""
        count = len(person)
        types = np.full(count, event_type, dtype=np.int64)
        self._parts.append(
            (person, moment, types, campaign, np.broadcast_to(np.asarray(machine, dtype=np.int64), count))
        )

    def columns(self) -> tuple[Ints, Floats, Ints, Ints, Ints]:
        """All of them."""
        person, moment, types, campaign, machine = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return person, moment, types, campaign, machine


def newsletters(settings: ShopSettings) -> tuple[Floats, list[str]]:
    """The moments at which newsletters go out, and their names."""
    last = settings.day_count - LAST_NEWSLETTER_DAYS_BEFORE_END
    count = max(0, int(last // DAYS_BETWEEN_NEWSLETTERS) + 1) if last >= 0 else 0
    moments = last - DAYS_BETWEEN_NEWSLETTERS * np.arange(count)[::-1]
    names = [f"newsletter_{settings.start_on + timedelta(days=int(moment)):%Y_%m_%d}" for moment in moments]
    return moments.astype(np.float64), names


def email_events_of(settings: ShopSettings, people: People, orders: Orders, chunk: int) -> pa.Table:
    """The e-mail events of one chunk of people."""
    random = settings.generator("email", chunk)
    sent_at, campaign_names = newsletters(settings)
    events = _Events()
    _newsletters(settings, random, people, sent_at, events)
    _departures(people, sent_at, events)
    _leading_to_orders(settings, random, people, orders, len(campaign_names), events)
    person, moment, event_type, campaign, machine = events.columns()

    happened = moment < settings.day_count - 4.0 / 24.0
    seconds = np.floor((moment + settings.first_day) * 86400.0).astype(np.int64)
    kept = np.flatnonzero(happened)
    kept = kept[np.lexsort((event_type[kept], person[kept], seconds[kept]))]
    person, seconds, event_type = person[kept], seconds[kept], event_type[kept]
    campaign, machine = campaign[kept], machine[kept]
    customer_ids, emails = email_tool_names(people, person)
    first_number = chunk * settings.chunk_size * EVENT_ID_STRIDE + 1
    return table_of(
        "email_events",
        {
            "event_id": numbered("e", np.arange(len(kept), dtype=np.int64) + first_number),
            "customer_id": customer_ids,
            "email": emails,
            "event_type": chosen(EMAIL_EVENT_TYPES, event_type),
            "occurred_at": instants(seconds),
            "campaign_id": chosen([*campaign_names, *LATE_MESSAGES], np.maximum(campaign, 0), null=campaign < 0),
            "is_machine_open": booleans(machine == _YES, null=(machine == _UNKNOWN) | (event_type != OPENED)),
        },
    )


def _newsletters(
    settings: ShopSettings, random: np.random.Generator, people: People, sent_at: Floats, events: _Events
) -> None:
    readers = np.flatnonzero(people.email_consent)
    first = np.searchsorted(sent_at, people.joined_at[readers], side="right")
    after = np.searchsorted(sent_at, people.left_list_at[readers])
    counts = np.maximum(after - first, 0)
    person = np.repeat(readers, counts)
    starts = np.cumsum(counts) - counts
    campaign = np.arange(len(person)) - np.repeat(starts - first, counts)
    moment = sent_at[campaign] if len(sent_at) else np.zeros(0)
    # A send takes a quarter of an hour.
    moment = moment + random.random(len(person)) * 0.01
    bounced = random.random(len(person)) < BOUNCE_SHARE
    events.add(person[bounced], moment[bounced], BOUNCED, campaign[bounced])
    person, moment, campaign = person[~bounced], moment[~bounced], campaign[~bounced]
    events.add(person, moment, RECEIVED, campaign)

    chance = _open_chance(settings, people, person, moment, campaign == len(sent_at) - 1)
    opens = random.random(len(person)) < chance
    opened_at = moment + random.exponential(0.35, len(person))
    flag_is_known = moment > FLAG_KNOWN_FROM_SHARE * settings.day_count
    flag = np.where(flag_is_known & (random.random(len(person)) >= FLAG_MISSING_SHARE), _NO, _UNKNOWN)
    events.add(person[opens], opened_at[opens], OPENED, campaign[opens], flag[opens])
    click_share = np.where(people.role[person] == FAN, 0.5, np.where(people.role[person] == READER, 0.0, CLICK_SHARE))
    clicks = opens & (random.random(len(person)) < click_share)
    events.add(person[clicks], opened_at[clicks] + 0.002, CLICKED, campaign[clicks])
    machine = people.has_machine_opens[person] & flag_is_known & (random.random(len(person)) < MACHINE_OPEN_SHARE)
    events.add(person[machine], moment[machine] + 0.0003, OPENED, campaign[machine], _YES)


def _open_chance(
    settings: ShopSettings, people: People, person: Ints, moment: Floats, is_last: Bools
) -> npt.NDArray[np.float64]:
    """Chance that a person opens a newsletter: her own rate, or what her role asks for."""
    role = people.role[person]
    recent = moment >= settings.day_count - RECENT_DAYS
    chance = people.open_rate[person] * np.where(moment > people.dropout_at[person], OPENS_AFTER_DROPOUT, 1.0)
    chance = np.where((role == FAN) & recent, 1.0, chance)
    chance = np.where((role == READER) & recent, np.where(is_last, 1.0, 0.0), chance)
    chance = np.where(role == FADED_READER, np.where(recent, 0.0, 0.6), chance)
    return np.where(np.isin(role, (SILENT, UNREACHABLE, NEWCOMER)), 0.0, chance)


def _departures(people: People, sent_at: Floats, events: _Events) -> None:
    left = np.flatnonzero(np.isfinite(people.left_list_at))
    moment = people.left_list_at[left]
    campaign = np.searchsorted(sent_at, moment) - 1
    events.add(left, moment, UNSUBSCRIBED, campaign)
    complains = people.marked_spam[left]
    events.add(left[complains], moment[complains] - 0.001, MARKED_SPAM, campaign[complains])


def _leading_to_orders(
    settings: ShopSettings,
    random: np.random.Generator,
    people: People,
    orders: Orders,
    campaign_count: int,
    events: _Events,
) -> None:
    """A message, opened and clicked in the two days before an order."""
    moment = orders.seconds / 86400.0 - settings.first_day
    known = np.maximum(orders.person, 0)
    subscribed = people.email_consent[known] & (moment < people.left_list_at[known])
    leads = (orders.person >= 0) & (orders.sequence > 0) & subscribed
    leads &= random.random(len(orders)) < LEADS_TO_ORDER_SHARE
    person, moment = orders.person[leads], moment[leads]
    count = len(person)
    campaign = campaign_count + random.integers(0, len(LATE_MESSAGES), count)
    clicked = moment - random.uniform(0.003, 1.0, count)
    opened = clicked - 0.001
    sent = opened - random.uniform(0.001, 1.0, count)
    in_shop = sent >= 0
    person, campaign, sent = person[in_shop], campaign[in_shop], sent[in_shop]
    opened, clicked = opened[in_shop], clicked[in_shop]
    flag = np.where(sent > FLAG_KNOWN_FROM_SHARE * settings.day_count, _NO, _UNKNOWN)
    events.add(person, sent, RECEIVED, campaign)
    events.add(person, opened, OPENED, campaign, flag)
    events.add(person, clicked, CLICKED, campaign)
