"""What a shop is full of is in the sample: seasons, sales, gifts, guests, merged people, machine openings."""

import duckdb
import pytest


def value(shop: duckdb.DuckDBPyConnection, query: str) -> float:
    row = shop.execute(query).fetchone()
    assert row is not None
    return float(row[0])


def column(shop: duckdb.DuckDBPyConnection, query: str) -> list[object]:
    return [row[0] for row in shop.execute(query).fetchall()]


@pytest.mark.parametrize(
    ("what", "query", "least", "most"),
    [
        ("customers have about ten lines", "select (select count(*) from order_lines) / 2000", 9, 13),
        ("lines of an order", "select (select count(*) from order_lines) / (select count(*) from orders)", 2.2, 2.6),
        ("euro is the currency of most orders", "select avg(cast(currency = 'EUR' as int)) from orders", 0.5, 0.65),
        ("guests", "select avg(cast(coalesce(customer_id, email) is null as int)) from orders", 0.02, 0.05),
        (
            "orders with an address only",
            "select avg(cast(customer_id is null and email is not null as int)) from orders",
            0.04,
            0.12,
        ),
        (
            "orders without address",
            "select avg(cast(customer_id is not null and email is null as int)) from orders",
            0.02,
            0.1,
        ),
        ("addresses in capitals", "select count(*) from orders where email <> lower(trim(email))", 30, 200),
        (
            "people with two ids",
            "select count(*) from (select email from customers group by 1 having count(*) = 2)",
            15,
            60,
        ),
        (
            "buyers without profile",
            "select count(distinct customer_id) from orders anti join customers using (customer_id)",
            5,
            40,
        ),
        ("orders in a currency without rates", "select count(*) from orders where currency = 'NOK'", 5, 60),
        (
            "orders with several lines of a product",
            "select count(*) from (select order_id, product_id from order_lines group by all having count(*) > 1)",
            100,
            2000,
        ),
        ("metres", "select count(*) from order_lines where quantity <> round(quantity)", 10, 500),
        ("unit costs unknown", "select count(*) from products where unit_cost is null", 5, 40),
        ("products without category", "select count(*) from products where category is null", 1, 15),
        ("products out of stock", "select count(*) from products where not is_in_stock", 5, 60),
        (
            "customers whose language is not their country's",
            "select count(*) from customers where country = 'IT' and language = 'en'",
            5,
            60,
        ),
        ("tracking consent unknown", "select count(*) from customers where tracking_consent is null", 50, 200),
        ("tracking refused", "select count(*) from customers where not tracking_consent", 300, 900),
        ("attributes", "select count(*) from customers where json_valid(attributes)", 150, 500),
        ("refunds of a line", "select count(*) from refunds where line_number is not null", 100, 600),
        (
            "refunds of part of a line",
            "select count(*) from refunds join order_lines using (order_id, line_number) where "
            "refunds.quantity < order_lines.quantity",
            5,
            100,
        ),
        ("refunds of an order", "select count(*) from refunds where line_number is null", 50, 400),
        (
            "refunded in full, but the status says paid",
            "select count(*) from refunds join orders using (order_id) where status = 'paid'",
            3,
            60,
        ),
        ("gift notes with line breaks", "select count(*) from orders where contains(gift_note, chr(10))", 5, 200),
        (
            "gifts to somebody else",
            "select count(*) from orders join customers using (customer_id) where is_gift and ship_to_name "
            "<> first_name || ' ' || last_name",
            100,
            1000,
        ),
        (
            "wrapped gifts",
            "select count(*) from order_lines join products using (product_id) where contains(lower(tags), "
            "'gift_wrap')",
            50,
            500,
        ),
        (
            "gift cards",
            "select count(*) from order_lines join products using (product_id) where tags = 'gift_card'",
            10,
            500,
        ),
        (
            "products tagged as gift",
            "select count(*) from products where contains(tags, 'gift') and not contains(tags, 'gift_')",
            8,
            60,
        ),
        ("codes that take nothing off", "select count(*) from orders where discount_codes = 'FREESHIP'", 10, 300),
        ("two codes", "select count(*) from orders where contains(discount_codes, ',')", 3, 100),
        (
            "discounted share of the value",
            "select sum(discount_amount) / sum(quantity * unit_price) from order_lines",
            0.02,
            0.08,
        ),
        ("machine openings", "select count(*) from email_events where is_machine_open", 2000, 20000),
        (
            "openings without flag",
            "select count(*) from email_events where event_type = 'opened' and is_machine_open is null",
            500,
            10000,
        ),
        ("events by address only", "select avg(cast(customer_id is null as int)) from email_events", 0.2, 0.5),
        ("people who unsubscribed", "select count(*) from email_events where event_type = 'unsubscribed'", 50, 250),
        (
            "unsubscribed and yet subscribed",
            "select count(*) from email_events join customers using (customer_id) where event_type = "
            "'unsubscribed' and email_consent",
            0,
            0,
        ),
        ("orders near midnight", "select count(*) from orders where hour(ordered_at) >= 22", 100, 2000),
    ],
)
def test_share(shop: duckdb.DuckDBPyConnection, what: str, query: str, least: float, most: float) -> None:
    assert least <= value(shop, query) <= most, what


def test_languages_countries_and_currencies(shop: duckdb.DuckDBPyConnection) -> None:
    assert set(column(shop, "select distinct language from customers")) == {"da", "sv", "nb", "it", "ru", "en"}
    assert len(column(shop, "select distinct country from customers")) == 8
    assert set(column(shop, "select distinct currency from orders")) == {"EUR", "DKK", "SEK", "GBP", "NOK"}
    assert set(column(shop, "select distinct currency from exchange_rates")) == {"EUR", "DKK", "SEK", "GBP"}


def test_rates_stay_near_their_level_and_move(shop: duckdb.DuckDBPyConnection) -> None:
    for currency, low, high, least in (("DKK", 0.13, 0.14, 0), ("SEK", 0.07, 0.11, 0.02), ("GBP", 0.95, 1.4, 0.02)):
        smallest, largest = shop.execute(
            f"select min(rate), max(rate) from exchange_rates where currency = '{currency}'"
        ).fetchone() or (0, 0)
        assert low < smallest <= largest < high
        assert float(largest / smallest) > 1 + least
    assert column(shop, "select distinct rate from exchange_rates where currency = 'EUR'") == [1]
    assert value(shop, "select count(*) from exchange_rates where isodow(day) > 5") == 0


WEEKLY = """
    with revenue as (
        select isoyear(ordered_at) as year, week(ordered_at) as week, sum(quantity * unit_price -
            discount_amount) as amount
        from orders join order_lines using (order_id) where currency = 'EUR' and status = 'paid' group by all
    )
    select week, amount / median(amount) over (partition by year) as ratio from revenue
"""


def test_the_camping_season_is_a_peak_every_year_and_november_and_december_too(shop: duckdb.DuckDBPyConnection) -> None:
    peaks = column(
        shop, f"select week from ({WEEKLY}) group by week having count(*) filter (where ratio >= 1.5) >= 2 order by 1"
    )
    assert set(peaks) >= {20, 21, 22, 23, 48, 49, 50}
    assert not [week for week in peaks if week in range(1, 20) or week in range(24, 40)]


def test_sales_bring_codes_and_more_orders(shop: duckdb.DuckDBPyConnection) -> None:
    codes = dict(
        shop.execute(
            "select discount_codes, count(*) from orders where discount_codes is not null group by 1"
        ).fetchall()
    )
    assert set(codes) >= {"WINTER20", "SPRING10", "SUMMER15", "BLACK25", "WELCOME10", "FRIEND15", "FREESHIP"}
    assert column(shop, "select distinct month(ordered_at) from orders where discount_codes = 'SUMMER15'") == [7]
    assert (
        value(
            shop,
            "select max(o) - min(o) from (select row_number() over (partition by customer_id order by "
            "ordered_at) as o, discount_codes from orders where customer_id is not null) where "
            "discount_codes = 'WELCOME10'",
        )
        <= 2
    )


def test_categories_have_seasons(shop: duckdb.DuckDBPyConnection) -> None:
    sold = dict(
        shop.execute(
            """
            select category, avg(cast(month(ordered_at) between 5 and 8 as int)) from orders
            join order_lines using (order_id) join products using (product_id) where category is not null group by 1
            """
        ).fetchall()
    )
    assert sold["tents"] > 1.4 * sold["clothing"] > 1.4 * 1.4 * sold["winter"]


@pytest.mark.parametrize(("anchor", "accessory", "lift"), [("tents", "Mosquito repellent", 3), ("bicycles", "Lock", 5)])
def test_accessories_go_with_their_products(
    shop: duckdb.DuckDBPyConnection, anchor: str, accessory: str, lift: float
) -> None:
    share, base = shop.execute(
        f"""
        with items as (
            select order_id, max(cast(category = '{anchor}' as int)) as has_anchor,
                max(cast(contains(title, '{accessory}') as int)) as has_accessory
            from order_lines join products using (product_id) group by 1
        )
        select avg(has_accessory) filter (where has_anchor = 1), avg(has_accessory) filter (where has_anchor =
            0) from items
        """
    ).fetchone() or (0, 1)
    assert share > 0.2
    assert share > lift * base


def test_products_have_a_long_tail(shop: duckdb.DuckDBPyConnection) -> None:
    sold = [
        row[0]
        for row in shop.execute("select count(*) from order_lines group by product_id order by 1 desc").fetchall()
    ]
    assert sum(sold[: len(sold) // 5]) > 0.55 * sum(sold)
    assert sold[-1] <= 5
    assert len(sold) > 0.9 * value(shop, "select count(*) from products")


def test_people_come_back_to_their_favourites(shop: duckdb.DuckDBPyConnection) -> None:
    again = value(
        shop,
        """
        select avg(cast(seen > 1 as int)) from (
            select row_number() over (partition by customer_id, product_id order by ordered_at) as seen,
                row_number() over (partition by customer_id order by ordered_at) as line
            from orders join order_lines using (order_id) where customer_id is not null
        ) where line between 10 and 20
        """,
    )
    assert 0.2 < again < 0.6


def test_site_events_come_before_orders(shop: duckdb.DuckDBPyConnection) -> None:
    seen = value(
        shop,
        """
        select avg(cast(exists (
            select 1 from web_events where web_events.customer_id = orders.customer_id and event_type = 'viewed_product'
                and occurred_at between ordered_at - interval 70 minute and ordered_at
        ) as int)) from orders where customer_id is not null and status <> 'test' and ordered_at > timestamptz
            '2025-06-01 00:00:00+00'
        """,
    )
    assert 0.65 < seen < 0.85


def test_a_click_is_followed_by_an_order_more_often_than_a_newsletter(shop: duckdb.DuckDBPyConnection) -> None:
    after = dict(
        shop.execute(
            """
            select event_type, avg(cast(exists (
                select 1 from orders where orders.customer_id = email_events.customer_id
                    and ordered_at between occurred_at and occurred_at + interval 2 day
            ) as int)) from email_events
            where customer_id is not null and event_type in ('received', 'clicked') and occurred_at >
                timestamptz '2025-06-01 00:00:00+00'
            group by 1
            """
        ).fetchall()
    )
    assert after["clicked"] > 3 * after["received"]


def test_people_who_dropped_out_read_less(shop: duckdb.DuckDBPyConnection) -> None:
    before, later = shop.execute(
        """
        with mails as (
            select truth.person, campaign_id, min(occurred_at) > any_value(dropped_out_at) as is_later,
                bool_or(event_type = 'opened' and is_machine_open is not true) as is_opened
            from email_events join truth using (customer_id)
            where role = 'buyer' and starts_with(campaign_id, 'newsletter') group by all
        )
        select avg(cast(is_opened as int)) filter (where not is_later), avg(cast(is_opened as int)) filter
            (where is_later) from mails
        """
    ).fetchone() or (0, 1)
    assert later < 0.5 * before


def test_spend_is_there_for_paid_channels_and_follows_the_season(shop: duckdb.DuckDBPyConnection) -> None:
    assert column(shop, "select distinct channel from marketing_spend order by 1") == [
        "affiliate",
        "email",
        "google_ads",
        "meta_ads",
    ]
    assert column(shop, "select distinct currency from marketing_spend order by 1") == ["DKK", "EUR"]
    assert (
        value(
            shop,
            "select avg(amount) filter (where month(day) = 12) / avg(amount) filter (where month(day) = 9) "
            "from marketing_spend",
        )
        > 1.1
    )
    channels = "select distinct acquisition_channel from customers union select distinct channel from orders"
    assert set(column(shop, "select distinct channel from marketing_spend")) < set(column(shop, channels))
