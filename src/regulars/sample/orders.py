"""Orders, their lines and refunds."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.load.landing import ORDER_STATUSES
from regulars.sample.catalogue import CATEGORIES, CATEGORY_COUNT, Catalogue
from regulars.sample.columns import (
    Bools,
    Floats,
    Ints,
    booleans,
    chosen,
    decimals,
    instants,
    integers,
    joined,
    money,
    nulled,
    numbered,
    table_of,
    where,
)
from regulars.sample.people import (
    CHANNELS,
    COUNTRIES,
    COUNTRY_CODES,
    EMAIL_ONLY,
    FAVOURITE_COUNT,
    NORWAY,
    PROFILE,
    People,
)
from regulars.sample.seasons import SALES, Seasons, day_of, seconds_at
from regulars.sample.settings import ShopSettings

CURRENCIES = ("EUR", "DKK", "SEK", "GBP", "NOK")
PRICE_FACTORS = np.array([1.0, 7.5, 11.4, 0.86, 11.7])
"""Price in a currency for a price of 1 in the reporting currency: what the shop prints, not the day's rate."""
NOK = CURRENCIES.index("NOK")
NOK_SHARE = 0.02
"""Norwegians pay in euro; a few slip through in kroner, for which the shop has no rates."""

PAID, PENDING, CANCELLED, REFUNDED, PARTLY_REFUNDED, TEST = range(len(ORDER_STATUSES))
CANCELLED_SHARE = 0.025
TEST_SHARE = 0.002
REFUNDED_SHARE = 0.015
LINE_REFUND_SHARE = 0.03
GOODWILL_SHARE = 0.004
SILENT_FULL_REFUND_SHARE = 0.002
"""Refunded in full, but the status still says paid."""
PENDING_SHARE_LATELY = 0.06
PENDING_SHARE = 0.001
LATELY_DAYS = 7

GUEST_ORDERS_PER_PERSON = 0.12
FORGOT_TO_SIGN_IN_SHARE = 0.03
"""Orders of account holders that bring only the e-mail address."""
EMAIL_LEFT_OUT_SHARE = 0.06
SHOUTED_EMAIL_SHARE = 0.01
ADDED_LINES_PER_LINE = 0.09
"""Accessories and gift wrap per line chosen, as measured in shops of 100,000 customers."""
YEARLY_PRICE_RISE = 0.03
TAX_RATE = 0.2
SHIPPING_CENTS = 490
FREE_SHIPPING_FROM_CENTS = 9000

ORDER_ID_STRIDE = 1000
"""Ids kept free per customer of a chunk: chunks number their orders without knowing each other."""
FIRST_ORDER_NUMBER = 100_001

GIFT_NOTES = (
    "Tillykke med fødselsdagen!",
    "Grattis, önskar vi alla",
    "Buon compleanno, con affetto",
    "С днём рождения!",
    'For "the walker" in the family, with love',
    "Merry Christmas,\nsee you in January",
    "Til verdens bedste mor; kram",
)
RECEIVERS = ("Signe Fabervik", "Otto Granlid", "Bianca Pratesi", "Рита Озерова", "Maud Fernsby", "Sverre Bråten")


@dataclass(frozen=True)
class Orders:
    """The orders of one chunk; arrays have one value an order, in the order of time."""

    person: Ints
    """Row of the person within the chunk; −1 for a guest."""
    seconds: Ints
    """Since 1970."""
    sequence: Ints
    """0 for a person's first order."""
    status: Ints
    first_product: Ints
    """Product of the first line."""

    def __len__(self) -> int:
        """Number of orders."""
        return len(self.person)


@dataclass(frozen=True)
class Lines:
    """The lines of one chunk, in the order of their orders."""

    order: Ints
    number: Ints
    product: Ints
    quantity_thousandths: Ints
    price_cents: Ints
    discount_cents: Ints

    @property
    def gross_cents(self) -> Ints:
        """Quantity times price, in cents."""
        return (self.quantity_thousandths * self.price_cents + 500) // 1000


@dataclass(frozen=True)
class Sales:
    """What one chunk sells."""

    orders: Orders
    order_table: pa.Table
    line_table: pa.Table
    refund_table: pa.Table


def sales_of(settings: ShopSettings, seasons: Seasons, catalogue: Catalogue, people: People, chunk: int) -> Sales:
    """The orders, lines and refunds of one chunk of people and of the guests who come with them."""
    random = settings.generator("orders", chunk)
    person, moments = _purchases(settings, seasons, people, random)
    guests = settings.generator("guests", chunk)
    guest_count = int(guests.poisson(GUEST_ORDERS_PER_PERSON * len(people)))
    guest_moments = seasons.days_of(
        guests.random(guest_count) * seasons.cumulative[1, -1], np.ones(guest_count, dtype=np.int64)
    )
    person = np.concatenate([person, np.full(guest_count, -1, dtype=np.int64)])
    seconds = seconds_at(np.concatenate([moments, guest_moments]), settings)

    by_person = np.lexsort((seconds, person))
    person, seconds = person[by_person], seconds[by_person]
    is_first = np.concatenate([[True], person[1:] != person[:-1]]) if len(person) else np.zeros(0, dtype=bool)
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(person)), 0)) if len(person) else person
    sequence = np.arange(len(person)) - starts
    sequence = np.where(person < 0, 0, sequence)
    by_time = np.lexsort((person, seconds))
    person, seconds, sequence = person[by_time], seconds[by_time], sequence[by_time]

    return _sell(settings, seasons, catalogue, people, chunk, random, person, seconds, sequence)


def _purchases(
    settings: ShopSettings, seasons: Seasons, people: People, random: np.random.Generator
) -> tuple[Ints, Floats]:
    """Who buys when: the first order, then a Poisson process in seasonal time until drop-out or the end.

    Seasonal time makes the process simple: given their number, the moments are uniform in it.
    """
    buyers = np.flatnonzero(np.isfinite(people.first_order_at))
    sensitivity = people.season_sensitivity[buyers]
    first = people.first_order_at[buyers]
    last = np.minimum(people.dropout_at[buyers], float(settings.day_count))
    begin = seasons.expected_by(first, sensitivity)
    finish = seasons.expected_by(last, sensitivity)
    repeats = random.poisson(people.purchase_rate[buyers] * (finish - begin))
    of_buyer = np.repeat(np.arange(len(buyers)), repeats)
    expected = begin[of_buyer] + random.random(len(of_buyer)) * (finish - begin)[of_buyer]
    moments = seasons.days_of(expected, sensitivity[of_buyer])
    return np.concatenate([buyers, buyers[of_buyer]]), np.concatenate([first, moments])


def _sell(
    settings: ShopSettings,
    seasons: Seasons,
    catalogue: Catalogue,
    people: People,
    chunk: int,
    random: np.random.Generator,
    person: Ints,
    seconds: Ints,
    sequence: Ints,
) -> Sales:
    count = len(person)
    is_guest = person < 0
    day = day_of(seconds, settings)
    known = np.where(is_guest, 0, person)
    guest_country = random.integers(0, len(COUNTRIES), count)
    country = np.where(is_guest, guest_country, people.country[known])
    currency_of_country = np.array([CURRENCIES.index(item.currency) for item in COUNTRIES])
    currency = currency_of_country[country]
    currency = np.where((country == NORWAY) & (random.random(count) < NOK_SHARE), NOK, currency)

    discount_rate, code = _discounts(seasons, people, random, known, is_guest, day, sequence)
    is_gift = random.random(count) < np.minimum(
        0.9, np.where(is_guest, 0.03, people.gift_proneness[known]) * np.where(seasons.is_gift_window[day], 3.0, 0.7)
    )
    wants_wrap = is_gift & (random.random(count) < 0.35)

    lines = _lines(
        settings, seasons, catalogue, people, chunk, known, is_guest, day, currency, discount_rate, wants_wrap
    )
    net_cents = np.bincount(lines.order, weights=lines.gross_cents - lines.discount_cents, minlength=count).astype(
        np.int64
    )

    status, refund_table = _statuses_and_refunds(settings, chunk, lines, net_cents, seconds, day)
    ids = numbered("", _order_numbers(settings, chunk, count))
    line_table = table_of(
        "order_lines",
        {
            "order_id": ids.take(pa.array(lines.order)),
            "line_number": integers(lines.number),
            "product_id": catalogue.ids.take(pa.array(lines.product)),
            "product_title": catalogue.titles.take(pa.array(lines.product)),
            "quantity": decimals(lines.quantity_thousandths, places=3, scale=4),
            "unit_price": money(lines.price_cents),
            "discount_amount": money(lines.discount_cents),
        },
    )
    first_line = np.searchsorted(lines.order, np.arange(count))
    first_product = lines.product[first_line] if count else np.zeros(0, dtype=np.int64)

    uses_second = ~is_guest & (seconds >= _seconds_or_never(people.second_account_at[known], settings))
    with_id = ~is_guest & (people.account[known] != EMAIL_ONLY)
    forgot = with_id & (people.account[known] == PROFILE) & (random.random(count) < FORGOT_TO_SIGN_IN_SHARE)
    with_id &= ~forgot
    index = pa.array(known)
    customer_ids = nulled(where(uses_second, people.second_ids.take(index), people.ids.take(index)), ~with_id)
    email_left_out = with_id & (random.random(count) < EMAIL_LEFT_OUT_SHARE)
    emails = nulled(people.emails.take(index), is_guest | email_left_out)
    # Some shops pass on what people type.
    shouted = random.random(count) < SHOUTED_EMAIL_SHARE
    emails = where(shouted, joined(pc.utf8_upper(emails), " "), emails)
    own_names = nulled(people.names.take(index), is_guest)
    own_postal = nulled(people.postal_codes.take(index), is_guest)

    elsewhere = is_gift & (random.random(count) < 0.6) | (random.random(count) < 0.015)
    receiver = random.integers(0, len(RECEIVERS), count)
    no_shipping_data = random.random(count) < 0.05
    shipping_cents = np.where(net_cents >= FREE_SHIPPING_FROM_CENTS * PRICE_FACTORS[currency], 0, SHIPPING_CENTS)
    shipping_cents = np.round(shipping_cents * PRICE_FACTORS[currency]).astype(np.int64)
    order_table = table_of(
        "orders",
        {
            "order_id": ids,
            "customer_id": customer_ids,
            "email": emails,
            "ordered_at": instants(seconds),
            "status": chosen(ORDER_STATUSES, status),
            "currency": chosen(CURRENCIES, currency),
            "shipping_amount": money(shipping_cents),
            "tax_amount": money(np.round(net_cents * TAX_RATE).astype(np.int64)),
            "discount_codes": nulled(chosen(DISCOUNT_CODES, code), code == 0),
            "channel": chosen(CHANNELS, random.choice(len(CHANNELS), count, p=(0.22, 0.18, 0.10, 0.22, 0.05, 0.23))),
            "is_gift": booleans(is_gift, null=random.random(count) < 0.01),
            "gift_note": chosen(
                GIFT_NOTES, random.integers(0, len(GIFT_NOTES), count), null=~(is_gift & (random.random(count) < 0.5))
            ),
            "ship_to_name": nulled(where(elsewhere, chosen(RECEIVERS, receiver), own_names), no_shipping_data),
            "ship_to_country": nulled(chosen(COUNTRY_CODES, country), no_shipping_data),
            "ship_to_postal_code": nulled(
                where(elsewhere, numbered("", 1000 + receiver * 731), own_postal), no_shipping_data
            ),
        },
    )
    orders = Orders(person, seconds, sequence, status, first_product)
    return Sales(orders, order_table, line_table, refund_table)


def _seconds_or_never(moments: Floats, settings: ShopSettings) -> Ints:
    """Moments as seconds, with an instant no order reaches for those after the last day."""
    never = moments >= settings.day_count
    return np.where(never, np.iinfo(np.int64).max, seconds_at(np.where(never, 0.0, moments), settings))


def _order_numbers(settings: ShopSettings, chunk: int, count: int) -> Ints:
    return np.arange(count, dtype=np.int64) + FIRST_ORDER_NUMBER + chunk * settings.chunk_size * ORDER_ID_STRIDE


DISCOUNT_CODES = (*(code for code, _ in SALES), "WELCOME10", "FRIEND15", "FREESHIP", "BLACK25, FREESHIP")
_WELCOME, _FRIEND, _FREESHIP, _BOTH = (len(SALES) + i for i in range(4))
_CODE_RATES = np.array([*(rate for _, rate in SALES), 0.10, 0.15, 0.0, 0.25])


def _discounts(
    seasons: Seasons,
    people: People,
    random: np.random.Generator,
    known: Ints,
    is_guest: Bools,
    day: Ints,
    sequence: Ints,
) -> tuple[Floats, Ints]:
    """The rate and the code of each order: sales for many, the rest of the year for those who look for codes."""
    count = len(known)
    prone = np.where(is_guest, 0.2, people.discount_proneness[known])
    draw = random.random(count)
    sale = seasons.sale[day]
    in_sale = (sale > 0) & (draw < 0.12 + 0.85 * prone)
    welcome = ~in_sale & (sequence == 0) & ~is_guest & (draw < 0.7 * prone)
    friend = ~in_sale & ~welcome & (draw < 0.6 * prone**2)
    freeship = ~in_sale & ~welcome & ~friend & (draw > 0.985)
    code = np.where(in_sale, sale, 0)
    code = np.where(in_sale & (sale == len(SALES) - 1) & (draw < 0.05), _BOTH, code)
    code = np.where(welcome, _WELCOME, np.where(friend, _FRIEND, np.where(freeship, _FREESHIP, code)))
    return _CODE_RATES[code], code


def _lines(
    settings: ShopSettings,
    seasons: Seasons,
    catalogue: Catalogue,
    people: People,
    chunk: int,
    known: Ints,
    is_guest: Bools,
    day: Ints,
    currency: Ints,
    discount_rate: Floats,
    wants_wrap: Bools,
) -> Lines:
    random = settings.generator("lines", chunk)
    order_count = len(known)
    base_mean = base_lines_mean(settings)
    eagerness = np.where(is_guest, 1.0, people.lines_mean[known])
    line_counts = 1 + random.poisson((base_mean - 1.0) * eagerness)
    order = np.repeat(np.arange(order_count), line_counts)
    person = known[order]
    count = len(order)

    cumulative = np.cumsum(people.affinity, axis=1, dtype=np.float64)
    draw = random.random(count)
    category = np.zeros(count, dtype=np.int64)
    for number in range(CATEGORY_COUNT - 1):
        category += draw > cumulative[person, number]
    month = seasons.month[day[order]]
    out_of_season = random.random(count) >= catalogue.seasonal[category, month]
    out_of_season |= is_guest[order]
    redrawn = random.random(count)
    other = np.zeros(count, dtype=np.int64)
    for number in range(CATEGORY_COUNT - 1):
        other += redrawn > catalogue.month_taste[month, number]
    category = np.where(out_of_season, other, category)

    one = catalogue.draw(category, random.random(count))
    two = catalogue.draw(category, random.random(count))
    one_is_dearer = catalogue.price_cents[one] >= catalogue.price_cents[two]
    takes_dearer = random.random(count) < np.where(is_guest[order], 0.5, people.premium[person])
    product = np.where(one_is_dearer == takes_dearer, one, two)

    favourites = _favourites(catalogue, people, random)
    is_favourite = ~is_guest[order] & (random.random(count) < people.loyalty[person])
    slot = random.integers(0, FAVOURITE_COUNT, count)
    product = np.where(is_favourite, favourites[person, slot], product)

    accessory_share = np.array([item.accessory_share for item in CATEGORIES])
    brings = random.random(count) < accessory_share[catalogue.category[product]]
    brings &= catalogue.accessory[product] >= 0
    wrapped = np.flatnonzero(wants_wrap)
    all_orders = np.concatenate([order, order[brings], wrapped])
    all_products = np.concatenate(
        [product, catalogue.accessory[product[brings]], np.full(len(wrapped), catalogue.gift_wrap, dtype=np.int64)]
    )
    by_order = np.argsort(all_orders, kind="stable")
    order, product = all_orders[by_order], all_products[by_order]
    count = len(order)
    starts = np.searchsorted(order, np.arange(order_count))
    line_number = np.arange(count) - starts[order] + 1

    extra = np.array([item.mean_quantity for item in CATEGORIES])[catalogue.category[product]] - 1.0
    quantity = 1000 * (1 + random.poisson(extra))
    metres = 500 * random.integers(2, 60, count)
    quantity = np.where(catalogue.is_by_the_metre[product], metres, quantity)
    list_price = catalogue.price_cents[product] * PRICE_FACTORS[currency[order]]
    list_price = list_price * (1.0 + YEARLY_PRICE_RISE) ** seasons.year_number[day[order]]
    list_price = np.where(catalogue.is_by_the_metre[product], list_price / 20.0, list_price)
    price = np.maximum(50, np.round(list_price / 5.0).astype(np.int64) * 5)
    gross = (quantity * price + 500) // 1000
    # Gift cards are money: no code makes them cheaper.
    rate = np.where(product == catalogue.gift_card, 0.0, discount_rate[order])
    discount = np.round(gross * rate).astype(np.int64)
    return Lines(order, line_number, product, quantity.astype(np.int64), price, discount)


def base_lines_mean(settings: ShopSettings) -> float:
    """Mean lines of an order without the accessories and the wrap that come on top."""
    return max(1.0, settings.lines_per_order / (1.0 + ADDED_LINES_PER_LINE))


def _favourites(catalogue: Catalogue, people: People, random: np.random.Generator) -> Ints:
    """Products a person comes back to, drawn from her own taste."""
    count = len(people)
    cumulative = np.cumsum(people.affinity, axis=1)
    draw = random.random((count, FAVOURITE_COUNT))
    category = np.zeros((count, FAVOURITE_COUNT), dtype=np.int64)
    for number in range(CATEGORY_COUNT - 1):
        category += draw > cumulative[:, number : number + 1]
    return catalogue.draw(category, random.random((count, FAVOURITE_COUNT)))


def _statuses_and_refunds(
    settings: ShopSettings, chunk: int, lines: Lines, net_cents: Ints, seconds: Ints, day: Ints
) -> tuple[Ints, pa.Table]:
    random = settings.generator("refunds", chunk)
    count = len(seconds)
    last = settings.day_count - 1
    draw = random.random(count)
    status = np.full(count, PAID, dtype=np.int64)
    pending_share = np.where(day > last - LATELY_DAYS, PENDING_SHARE_LATELY, PENDING_SHARE)
    edges = np.cumsum(
        [TEST_SHARE, CANCELLED_SHARE, REFUNDED_SHARE, LINE_REFUND_SHARE, GOODWILL_SHARE, SILENT_FULL_REFUND_SHARE]
    )
    wish = np.searchsorted(edges, draw, side="right")
    status = np.where(wish == 0, TEST, np.where(wish == 1, CANCELLED, status))
    refunded_at = seconds + np.floor(random.uniform(2.0, 35.0, count) * 86400).astype(np.int64)
    in_time = refunded_at < (settings.first_day + last) * 86400
    has_refund = (wish >= 2) & (wish <= 5) & in_time
    status = np.where(has_refund & (wish == 2), REFUNDED, status)
    status = np.where(has_refund & ((wish == 3) | (wish == 4)), PARTLY_REFUNDED, status)
    status = np.where((status == PAID) & ~has_refund & (random.random(count) < pending_share), PENDING, status)

    chosen_orders = np.flatnonzero(has_refund)
    kind = wish[chosen_orders]
    starts = np.searchsorted(lines.order, chosen_orders)
    ends = np.searchsorted(lines.order, chosen_orders, side="right")
    line = starts + np.floor(random.random(len(chosen_orders)) * (ends - starts)).astype(np.int64)
    by_line = kind == 3
    line_net = lines.gross_cents[line] - lines.discount_cents[line]
    units = lines.quantity_thousandths[line]
    # A third of the returns of several pieces bring back one piece only.
    one_piece = by_line & (units >= 2000) & (units % 1000 == 0) & (random.random(len(chosen_orders)) < 0.33)
    back_units = np.where(one_piece, 1000, units)
    line_amount = np.where(one_piece, line_net * 1000 // np.maximum(units, 1), line_net)
    goodwill = np.maximum(1, np.round(net_cents[chosen_orders] * random.uniform(0.05, 0.3, len(chosen_orders)))).astype(
        np.int64
    )
    amount = np.where(by_line, line_amount, np.where(kind == 4, goodwill, net_cents[chosen_orders]))
    order_ids = numbered("", _order_numbers(settings, chunk, count))
    table = table_of(
        "refunds",
        {
            "refund_id": joined("r", order_ids.take(pa.array(chosen_orders))),
            "order_id": order_ids.take(pa.array(chosen_orders)),
            "refunded_at": instants(refunded_at[chosen_orders]),
            "amount": money(amount),
            "line_number": integers(lines.number[line], null=~by_line),
            "quantity": decimals(back_units, places=3, scale=4, null=~by_line),
        },
    )
    return status, table
