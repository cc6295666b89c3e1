"""Site events: the visits that end in an order, and those that do not."""

import numpy as np
import pyarrow as pa

from regulars.load.landing import WEB_EVENT_TYPES
from regulars.sample.catalogue import CATEGORY_COUNT, Catalogue
from regulars.sample.columns import Floats, Ints, chosen, instants, numbered, table_of
from regulars.sample.identities import site_names
from regulars.sample.orders import TEST, Orders
from regulars.sample.people import ABANDONER, BROWSER, BUYER, UNREACHABLE, People
from regulars.sample.settings import ShopSettings

ACTIVE, VIEWED, CART, CHECKOUT = range(len(WEB_EVENT_TYPES))

SEEN_BEFORE_ORDER_SHARE = 0.72
"""Orders whose visit the site saw; the others came from a device it does not know."""
CART_SEEN_SHARE = 0.8
CHECKOUT_SEEN_SHARE = 0.75
RESEARCH_SHARE = 0.35
"""Orders with a look at the product some days before."""
VISITS_PER_ORDER = 0.6
VISITS_PER_DAY = 0.0015
VISITS_GO_ON_DAYS = 60.0
"""People look in for a while after their last order."""
LEFT_CART_SHARE = 0.2
LAST_DAYS = 80.0
CART_DAYS = 25.0
EVENT_ID_STRIDE = 1000
NO_PRODUCT = -1
MINUTE = 1.0 / 1440.0


def web_events_of(settings: ShopSettings, catalogue: Catalogue, people: People, orders: Orders, chunk: int) -> pa.Table:
    """The site events of one chunk of people."""
    random = settings.generator("web", chunk)
    parts: list[tuple[Ints, Floats, Ints, Ints]] = []

    def add(person: Ints, moment: Floats, event_type: int, product: Ints | None = None) -> None:
        count = len(person)
        products = np.full(count, NO_PRODUCT, dtype=np.int64) if product is None else product
        parts.append((person, moment, np.full(count, event_type, dtype=np.int64), products))

    # Visits that end in an order.
    seen = np.flatnonzero((orders.person >= 0) & (orders.status != TEST))
    person, product = orders.person[seen], orders.first_product[seen]
    ordered_at = orders.seconds[seen] / 86400.0 - settings.first_day
    begun = ordered_at - random.uniform(8.0, 60.0, len(seen)) * MINUTE
    is_seen = (random.random(len(seen)) < SEEN_BEFORE_ORDER_SHARE) & (begun >= 0)
    in_cart = is_seen & (random.random(len(seen)) < CART_SEEN_SHARE)
    at_checkout = in_cart & (random.random(len(seen)) < CHECKOUT_SEEN_SHARE)
    research_at = ordered_at - random.uniform(0.5, 6.0, len(seen))
    research = (random.random(len(seen)) < RESEARCH_SHARE) & (research_at >= 0)
    span = ordered_at - begun
    add(person[is_seen], begun[is_seen], ACTIVE)
    add(person[is_seen], (begun + 0.2 * span)[is_seen], VIEWED, product[is_seen])
    add(person[in_cart], (begun + 0.5 * span)[in_cart], CART, product[in_cart])
    add(person[at_checkout], (begun + 0.8 * span)[at_checkout], CHECKOUT)
    add(person[research], research_at[research], VIEWED, product[research])

    # Visits that do not.
    visitor, begun = _visits(settings, random, people)
    looked_at = _product_of_taste(catalogue, people, random, visitor)
    role = people.role[visitor]
    looks = np.isin(role, (BUYER, BROWSER, ABANDONER))
    leaves_cart = (role == BUYER) & (random.random(len(visitor)) < LEFT_CART_SHARE)
    goes_on = leaves_cart & (random.random(len(visitor)) < 0.4)
    add(visitor, begun, ACTIVE)
    add(visitor[looks], begun[looks] + MINUTE, VIEWED, looked_at[looks])
    again = looks & (random.random(len(visitor)) < 0.5)
    add(visitor[again], begun[again] + 4 * MINUTE, VIEWED, _product_of_taste(catalogue, people, random, visitor[again]))
    add(visitor[leaves_cart], begun[leaves_cart] + 6 * MINUTE, CART, looked_at[leaves_cart])
    add(visitor[goes_on], begun[goes_on] + 8 * MINUTE, CHECKOUT)

    # A last visit that leaves a cart behind.
    abandoners = np.flatnonzero(people.role == ABANDONER)
    left_at = np.maximum(
        settings.day_count - random.uniform(0.4, CART_DAYS, len(abandoners)), people.joined_at[abandoners]
    )
    left_product = _product_of_taste(catalogue, people, random, abandoners)
    starts_checkout = random.random(len(abandoners)) < 0.5
    add(abandoners, left_at, VIEWED, left_product)
    add(abandoners, left_at + 2 * MINUTE, CART, left_product)
    add(abandoners[starts_checkout], left_at[starts_checkout] + 5 * MINUTE, CHECKOUT)

    person, moment, event_type, product = (np.concatenate(part) for part in zip(*parts, strict=True))
    kept = np.flatnonzero(moment < settings.day_count - 4.0 / 24.0)
    seconds = np.floor((moment + settings.first_day) * 86400.0).astype(np.int64)
    kept = kept[np.lexsort((event_type[kept], person[kept], seconds[kept]))]
    person, seconds, event_type, product = person[kept], seconds[kept], event_type[kept], product[kept]
    customer_ids, emails = site_names(people, person)
    first_number = chunk * settings.chunk_size * EVENT_ID_STRIDE + 1
    return table_of(
        "web_events",
        {
            "event_id": numbered("w", np.arange(len(kept), dtype=np.int64) + first_number),
            "customer_id": customer_ids,
            "email": emails,
            "event_type": chosen(WEB_EVENT_TYPES, event_type),
            "product_id": chosen(catalogue.ids, np.maximum(product, 0), null=product == NO_PRODUCT),
            "occurred_at": instants(seconds),
        },
    )


def _visits(settings: ShopSettings, random: np.random.Generator, people: People) -> tuple[Ints, Floats]:
    """Who looks in when without buying."""
    days = float(settings.day_count)
    last = np.minimum(people.dropout_at + VISITS_GO_ON_DAYS, days)
    duration = np.maximum(last - people.joined_at, 0.0)
    mean = (VISITS_PER_ORDER * people.purchase_rate + VISITS_PER_DAY) * duration
    mean = np.where(people.role == UNREACHABLE, 0.0, mean)
    counts = random.poisson(mean)
    visitor = np.repeat(np.arange(len(people)), counts)
    begun = people.joined_at[visitor] + random.random(len(visitor)) * duration[visitor]
    browsers = np.flatnonzero(people.role == BROWSER)
    lately = np.repeat(browsers, 1 + random.poisson(2.0, len(browsers)))
    span = np.minimum(LAST_DAYS, days - people.joined_at[lately])
    return (
        np.concatenate([visitor, lately]),
        np.concatenate([begun, days - 0.4 - random.random(len(lately)) * np.maximum(span - 0.4, 0.0)]),
    )


def _product_of_taste(catalogue: Catalogue, people: People, random: np.random.Generator, person: Ints) -> Ints:
    cumulative = np.cumsum(people.affinity, axis=1)
    draw = random.random(len(person))
    category = np.zeros(len(person), dtype=np.int64)
    for number in range(CATEGORY_COUNT - 1):
        category += draw > cumulative[person, number]
    return catalogue.draw(category, random.random(len(person)))
