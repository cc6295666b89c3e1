"""The reference's order facts against figures worked out by hand."""

import pytest

from .money import multiply_divide, rounded_ratio
from .raw_shop import AS_OF, ago, line, order, segments

GIFT_WINDOW = {"occasion": "day", "country": "DE", "starts_on": None, "ends_on": None}


def orders_of(**tables):
    options = tables.pop("options", {})
    frames = segments(None, AS_OF, tables=tables, **options)
    return frames["orders"].set_index("order_id"), frames


@pytest.mark.parametrize(
    ("status", "validity"),
    [
        ("paid", "valid"),
        ("partially_refunded", "valid"),
        ("test", "test"),
        ("cancelled", "cancelled"),
        ("pending", "pending"),
        ("refunded", "refunded"),
    ],
)
def test_status_decides_validity(status, validity):
    orders, _ = orders_of(orders=[order("o", "a", ago(5), status=status)], order_lines=[line("o", "10")])
    assert orders.loc["o", "order_validity"] == validity


def test_nothing_paid_after_refunds_and_nothing_without_lines():
    orders, _ = orders_of(
        orders=[order("full", "a", ago(5)), order("almost", "a", ago(5)), order("empty", "a", ago(5))],
        order_lines=[line("full", "10"), line("almost", "10")],
        refunds=[
            {"refund_id": "r1", "order_id": "full", "amount": "10", "refunded_at": ago(1, "12:00:00")},
            {"refund_id": "r2", "order_id": "almost", "amount": "9.9999", "refunded_at": ago(1, "12:00:00")},
        ],
    )
    assert orders["order_validity"].to_dict() == {"full": "nothing_paid", "almost": "valid", "empty": "nothing_paid"}
    assert orders.loc["almost", "net_amount"] == 1


def test_refund_on_the_as_of_day_does_not_exist():
    orders, _ = orders_of(
        orders=[order("o", "a", ago(5))],
        order_lines=[line("o", "10")],
        refunds=[{"refund_id": "r", "order_id": "o", "amount": "4", "refunded_at": ago(0, "00:00:00")}],
    )
    assert orders.loc["o", "refund_amount"] == 0


def test_order_on_the_as_of_day_does_not_exist_by_the_shop_clock():
    tables = {
        "orders": [order("in", "a", ago(1, "21:59:59")), order("out", "a", ago(1, "22:00:00"))],
        "order_lines": [line("in", "1"), line("out", "1")],
    }
    orders, _ = orders_of(**tables, options={"shop_timezone": "Europe/Copenhagen"})
    assert list(orders.index) == ["in"]


def test_newest_load_of_a_key_wins():
    orders, _ = orders_of(
        orders=[order("o", "a", ago(5), status="cancelled", _loaded_at="2024-03-01"), order("o", "a", ago(5))],
        order_lines=[line("o", "10", _loaded_at="2024-02-01"), line("o", "99")],
    )
    assert orders.loc["o", "order_validity"] == "cancelled"
    assert orders.loc["o", "gross_amount"] == 100_000


def test_currency_takes_the_newest_rate_on_or_before_the_order_day():
    orders, frames = orders_of(
        orders=[
            order("e1", "a", ago(5)),
            order("e2", "a", ago(5)),
            order("d", "a", ago(5), currency="USD"),
            order("early", "a", ago(50), currency="USD"),
        ],
        order_lines=[line("e1", "1"), line("e2", "1"), line("d", "3.33", discount_amount="0.01"), line("early", "1")],
        exchange_rates=[
            {"day": ago(9), "currency": "USD", "rate": "0.5"},
            {"day": ago(5), "currency": "USD", "rate": "0.92345"},
            {"day": ago(4), "currency": "USD", "rate": "2"},
        ],
    )
    assert frames["as_of"].loc[0, "reporting_currency"] == "EUR"
    # 3.33 * 0.92345 = 3.0750885, 0.01 * 0.92345 = 0.0092345
    assert orders.loc["d", ["gross_amount", "discount_amount", "net_amount"]].tolist() == [30_751, 92, 30_659]
    assert orders.loc["early", "order_validity"] == "no_exchange_rate"


def test_full_refund_leaves_nothing_paid_whatever_rounding_leaves():
    # 206.10 - 51.52 - 154.58 = 0 DKK, but a tick is left of its rounded parts
    orders, _ = orders_of(
        orders=[order("e1", "a", ago(5)), order("e2", "a", ago(5)), order("o", "a", ago(5), currency="DKK")],
        order_lines=[line("e1", "1"), line("e2", "1"), line("o", "103.05", quantity="2", discount_amount="51.52")],
        exchange_rates=[{"day": ago(5), "currency": "DKK", "rate": "0.13412106"}],
        refunds=[{"refund_id": "r", "order_id": "o", "amount": "154.58", "refunded_at": ago(1, "12:00:00")}],
    )
    amounts = orders.loc["o", ["gross_amount", "discount_amount", "refund_amount", "net_amount"]]
    assert amounts.tolist() == [276_424, 69_099, 207_324, 1]
    assert orders.loc["o", "order_validity"] == "nothing_paid"


def test_equally_common_currencies_take_the_first_of_the_alphabet():
    _, frames = orders_of(
        orders=[order("s", "a", ago(5), currency="SEK"), order("d", "a", ago(5), currency="DKK")],
        order_lines=[line("s", "1"), line("d", "1")],
    )
    assert frames["as_of"].loc[0, "reporting_currency"] == "DKK"


def test_rounding_is_half_away_from_zero_and_survives_large_factors():
    import numpy as np

    assert rounded_ratio(5, 2) == 3
    assert rounded_ratio(-5, 2) == -3
    big = multiply_divide(np.array([10**16, -(10**16)]), np.array([12_345, 12_345]), 10_000)
    assert big.tolist() == [12_345_000_000_000_000, -12_345_000_000_000_000]


def test_whole_order_refund_is_spread_by_line_net_and_the_rest_goes_to_the_largest_line():
    _, frames = orders_of(
        orders=[order("o", "a", ago(5))],
        order_lines=[
            line("o", "10", 1, product_id="x"),
            line("o", "10", 2, product_id="y"),
            line("o", "10", 3, product_id="z"),
        ],
        products=[{"product_id": p, "category": p} for p in "xyz"],
        refunds=[{"refund_id": "r", "order_id": "o", "amount": "10", "refunded_at": ago(1, "12:00:00")}],
    )
    nets = frames["customer_category_facts"].set_index("category")["net_amount"]
    assert nets.to_dict() == {"x": 66_666, "y": 66_667, "z": 66_667}


def test_refund_of_a_line_lessens_its_units_and_its_money():
    _, frames = orders_of(
        orders=[order("o", "a", ago(5))],
        order_lines=[
            line("o", "10", 1, quantity="2", product_id="x"),
            line("o", "5", 2, product_id="y"),
        ],
        products=[
            {"product_id": "x", "category": "c", "unit_cost": "1.5"},
            {"product_id": "y", "category": "d", "unit_cost": "2"},
        ],
        refunds=[
            {
                "refund_id": "r",
                "order_id": "o",
                "amount": "10",
                "refunded_at": ago(1, "12:00:00"),
                "line_number": 1,
                "quantity": "1",
            }
        ],
    )
    facts = frames["customer_category_facts"].set_index("category")
    assert facts.loc["c", ["net_unit_count", "net_amount"]].tolist() == [1, 100_000]
    assert frames["customer_facts"].loc["a", "gross_margin_amount"] == 150_000 - 15_000 - 20_000


def test_margin_is_unknown_with_one_unknown_cost():
    _, frames = orders_of(
        orders=[order("o", "a", ago(5)), order("p", "b", ago(5))],
        order_lines=[line("o", "10", 1, product_id="x"), line("o", "5", 2), line("p", "1", product_id="x")],
        products=[{"product_id": "x", "unit_cost": "0.25"}],
    )
    margins = frames["customer_facts"]["gross_margin_amount"]
    assert margins.isna()["a"]
    assert margins["b"] == 7_500


HOME = {"customer_id": "a", "first_name": "Ada", "last_name": "Berg", "country": "DE", "postal_code": "10115"}
IN_WINDOW = [{"occasion": "x", "country": "DE", "starts_on": ago(5), "ends_on": ago(5)}]


@pytest.mark.parametrize(
    ("ordered", "tags", "is_gift"),
    [
        ({"is_gift": True}, "", True),
        ({"gift_note": "for you"}, "", True),
        ({"gift_note": "  "}, "", False),
        ({}, "sale, Gift_Wrap", True),
        ({}, "gift_card", True),
        ({}, "gift", True),  # in the window and holding a gift
        ({"ordered_at": ago(4, "12:00:00")}, "gift", False),
        ({"ship_to_name": "Bo Holm"}, "", True),  # in the window and to another name
        ({"ship_to_name": " ada   BERG "}, "", False),
        ({"ship_to_name": "Bo Holm", "ordered_at": ago(4, "12:00:00")}, "gifts", False),
        ({"ship_to_name": "Bo Holm", "ordered_at": ago(4, "12:00:00")}, "gift", True),
        ({"ship_to_postal_code": "99999", "ship_to_country": "DE"}, "", True),
        # another country is one clue, and its windows are another country's
        ({"ship_to_postal_code": "99999", "ship_to_country": "SE", "ship_to_name": "Bo"}, "", False),
    ],
)
def test_gift_evidence_and_clues(ordered, tags, is_gift):
    frames = segments(
        None,
        AS_OF,
        tables={
            "orders": [{**order("o", "a", ago(5)), **ordered}],
            "order_lines": [line("o", "10", product_id="p")],
            "products": [{"product_id": "p", "tags": tags}],
            "customers": [HOME],
        },
        seeds={"gift_occasions": IN_WINDOW},
    )
    assert frames["orders"]["is_gift_order"].tolist() == [is_gift]


@pytest.mark.parametrize(("profile_country", "is_gift"), [("DE", False), (None, False), ("SE", True)])
def test_gift_clues_use_the_profile_the_order_was_placed_with(profile_country, is_gift):
    """Two merged ids: the order's own profile decides, and what it does not know is not borrowed from the other."""
    frames = segments(
        None,
        AS_OF,
        tables={
            "orders": [order("o", "late", ago(50), ship_to_country="DE")],
            "order_lines": [line("o", "10", product_id="p")],
            "products": [{"product_id": "p", "tags": "gift"}],
            "customers": [
                {"customer_id": "early", "email": "x", "created_at": ago(99, "12:00:00"), "country": "SE"},
                {"customer_id": "late", "email": "x", "country": profile_country},
            ],
        },
    )
    assert frames["orders"]["customer_id"].tolist() == ["early"]
    assert frames["orders"]["is_gift_order"].tolist() == [is_gift]


def test_gift_window_of_a_guest_is_the_shop_country_s():
    frames = segments(
        None,
        AS_OF,
        tables={
            "orders": [order("o", None, ago(5))],
            "order_lines": [line("o", "10", product_id="p")],
            "products": [{"product_id": "p", "tags": "gift"}],
        },
        seeds={"gift_occasions": IN_WINDOW},
        shop_country="DE",
    )
    assert frames["orders"]["is_gift_order"].tolist() == [True]


def weekly(year, amounts):
    """One guest order in each ISO week: (week, amount)."""
    import datetime

    return [
        (f"{year}-{week}", datetime.date.fromisocalendar(year, week, 3).isoformat(), str(amount))
        for week, amount in amounts
    ]


def peak_orders(rows):
    frames = segments(
        None,
        None,
        tables={
            "orders": [order(name, None, day) for name, day, _ in rows],
            "order_lines": [line(name, price) for name, _, price in rows],
        },
    )
    orders = frames["orders"]
    return set(orders.loc[orders["is_peak_order"], "order_id"])


def test_peak_weeks_need_two_years_where_there_are_two_and_never_the_last_quarter():
    first = weekly(2022, [(10, 10), (11, 15), (12, 15), (13, 10), (14, 10), (15, 10), (45, 99)])
    second = weekly(2023, [(10, 10), (11, 14.9999), (12, 15), (13, 10), (14, 10), (15, 10), (45, 99)])
    assert peak_orders(first) == {"2022-11", "2022-12"}
    assert peak_orders(first + second) == {"2022-12", "2023-12"}


def test_peak_seed_replaces_what_is_found():
    frames = segments(
        {"a": [(ago(5), "1"), (ago(4), "1"), (ago(3), "1")]},
        AS_OF,
        seeds={"peak_seasons": [{"peak_season": "x", "starts_on": ago(4), "ends_on": ago(4)}]},
    )
    assert frames["orders"]["is_peak_order"].tolist() == [False, True, False]
