"""Every boundary of the segment rules, by hand."""

import numpy as np
import pandas as pd
import pytest

from .changes import first_change
from .personas import persona_labels
from .ranks import lowest_ranks, percent_rank_at_least, scores
from .raw_shop import AS_OF, ago, line, make_shop, order, segments, segments_as_of, shop_of
from .rules import Rules

RULES = Rules()


# RFM


def scored(values, **options):
    return scores(lowest_ranks(pd.Series(values), **options)).tolist()


def test_scores_follow_the_formula():
    assert scored([7]) == [1]
    assert scored([1, 2]) == [1, 5]
    assert scored([1, 2, 3, 4, 5, 6]) == [1, 2, 3, 4, 5, 5]
    assert scored([4, 4, 4]) == [1, 1, 1]
    # ranks 1, 1, 1, 4, 5: 5 * 3 div 4 = 3
    assert scored([1, 1, 1, 2, 9]) == [1, 1, 1, 4, 5]
    assert scored([10, 20, 30], descending=True) == [5, 3, 1]


def test_rfm_of_five_buyers_and_a_prospect():
    frames = segments(
        {
            "a": [(ago(100), "5")],
            "b": [(ago(80), "10"), (ago(60), "10")],
            "c": [(ago(60), "50"), (ago(60), "50"), (ago(40), "50")],
        },
        AS_OF,
        tables={"customers": [{"customer_id": "z"}]},
    )
    rfm = frames["customer_rfm"]
    assert rfm["rfm_cell"].iloc[:3].tolist() == ["111", "333", "555"]
    assert rfm["rfm_tier"].tolist() == ["dormant", "needs_attention", "champions", "prospects"]
    assert rfm.loc["z", ["recency_score", "fm_score", "rfm_cell"]].isna().all()


def test_fm_score_rounds_half_up():
    # frequency 1, 1, 5 → 1, 1, 5; monetary 1, 2, 3 → 1, 3, 5
    frames = segments(
        {"a": [(ago(9), "1")], "b": [(ago(9), "2")], "c": [(ago(9), "2"), (ago(8), "2")]},
        AS_OF,
    )
    assert frames["customer_rfm"]["fm_score"].tolist() == [1, 2, 5]


# lifecycle


def lifecycle_of(days, *, others=None, **options):
    frames = segments({"a": [(ago(day), "1") for day in days], **(others or {})}, AS_OF, **options)
    return frames["customer_lifecycle"].loc["a"]


@pytest.mark.parametrize(
    ("days", "state"),
    [
        ([30], "new"),
        ([31], "active"),  # 90 days expected: active until 120
        ([119], "active"),
        ([120], "slipping_away"),  # 120 / 90 is 4/3, no longer under it
        ([269], "slipping_away"),
        ([270], "lost"),
        ([11, 12, 13], "active"),  # the floor of 14 days
        ([13, 14, 15], "active"),
        ([14, 15, 16], "slipping_away"),
        ([59, 60, 61], "slipping_away"),
        ([60, 61, 62], "lost"),
        ([14, 14, 14], "new"),  # three orders on one day are one order day
        ([40, 50], "active"),  # one gap of 10 with the shop's 90: 50 expected
        ([66, 76], "active"),
        ([67, 77], "slipping_away"),
        ([149, 159], "slipping_away"),
        ([150, 160], "lost"),
    ],
)
def test_lifecycle_boundaries(days, state):
    assert lifecycle_of(days)["lifecycle_state"] == state


def test_quarterly_buyer_slips_after_four_months_and_yearly_buyer_is_active_after_nine():
    # every 91 days, last order four months (122 days) ago
    assert lifecycle_of([122, 213, 304, 395])["lifecycle_state"] == "slipping_away"
    # every 365 days, last order nine months (274 days) ago
    assert lifecycle_of([274, 639, 1004])["lifecycle_state"] == "active"


def test_typical_gap_needs_thirty_gaps():
    def rhythm(count):
        others = {f"b{n}": [(ago(20), "1"), (ago(10), "1")] for n in range(count)}
        return lifecycle_of([40], others=others)["expected_gap_days"]

    assert rhythm(29) == 90
    assert rhythm(30) == 10


def test_expected_gap_is_the_median_or_the_mean_with_the_shop_s():
    assert lifecycle_of([10, 15, 35])["expected_gap_days"] == 12.5
    assert lifecycle_of([10, 15, 20, 60])["expected_gap_days"] == 5
    assert lifecycle_of([10, 15])["expected_gap_days"] == 47.5
    assert lifecycle_of([5, 6, 7])["expected_gap_days"] == 1


def test_gap_ratio_and_prospects():
    frames = segments({"a": [(ago(45), "1")]}, AS_OF, tables={"customers": [{"customer_id": "z"}]}, with_changes=True)
    lifecycle = frames["customer_lifecycle"]
    assert lifecycle.loc["a", "gap_ratio"] == 0.5
    assert lifecycle.loc["z", "lifecycle_state"] == "prospect"
    assert lifecycle.loc["z", ["expected_gap_days", "gap_ratio", "lifecycle_changes_on"]].isna().all()
    assert not lifecycle.loc["z", "is_won_back"]


@pytest.mark.parametrize(
    ("days", "is_won_back"),
    [
        ([5], False),
        ([5, 5 + 270], False),  # as of the day before, the only order was 269 days old: slipping away
        ([5, 5 + 271], True),
        ([5, 5 + 271, 5 + 281], True),
        ([5, 6, 6 + 271], True),  # the order of the day before does not exist as of that day
        ([5, 7, 7 + 271], False),
    ],
)
def test_won_back_is_judged_as_of_the_day_before_the_last_order(days, is_won_back):
    assert lifecycle_of(days)["is_won_back"] == is_won_back


@pytest.mark.parametrize(
    ("days", "changes_in"), [([30], 1), ([1], 30), ([31], 120 - 31), ([120], 150), ([270], None), ([5, 6, 7], 9)]
)
def test_lifecycle_changes_on(days, changes_in):
    expected = None if changes_in is None else ago(-changes_in)
    found = lifecycle_of(days, with_changes=True)["lifecycle_changes_on"]
    assert (None if found is None else found.isoformat()) == expected


# importance


def test_percent_rank_of_ties_and_of_one():
    ranks = lowest_ranks(pd.Series([1] * 9 + [2, 3]))
    # rank 10 of 11 is 0.9 exactly
    assert percent_rank_at_least(ranks, RULES.vip_percent_rank).tolist() == [False] * 9 + [True, True]
    assert percent_rank_at_least(lowest_ranks(pd.Series([5])), RULES.vip_percent_rank).tolist() == [False]


def test_importance():
    purchases = {f"c{n:02}": [(ago(50 + k), "1") for k in range(n)] for n in range(1, 12)}
    purchases["c11"] = [(ago(50 + k), "0.01") for k in range(11)]
    frames = segments(purchases, AS_OF, tables={"customers": [{"customer_id": "z"}]})
    found = frames["customer_importance"]["importance"]
    # 11 buyers: percent ranks 0, 0.1, … 1 in orders; c11 is first in orders and last but none in revenue
    assert found["c01"] == "one_time"
    assert found["c08"] == "loyal"
    assert found[["c09", "c10", "c11"]].tolist() == ["frequent", "vip", "frequent"]
    assert found["z"] == "none"


# personas


def persona(orders, recency, *, high=False, e90=0, lifetime=0, s90=0, age=1000, email=True, rules=RULES):
    return persona_labels(
        np.array([orders]),
        np.array([recency]),
        np.array([high]),
        np.array([e90]),
        np.array([lifetime]),
        np.array([s90]),
        np.array([age]),
        knows_engagement=email,
        rules=rules,
    )[0]


@pytest.mark.parametrize(
    ("orders", "recency", "rest", "expected"),
    [
        (3, 120, {"high": True}, "high_roller"),
        (3, 120, {}, "brand_enthusiast"),
        (2, 120, {"high": True}, "potential_high_roller"),
        (1, 120, {}, "potential_brand_enthusiast"),
        (3, 121, {"high": True}, "lapsed_high_roller"),
        (3, 390, {}, "lapsed_enthusiast"),
        (2, 390, {"high": True}, "one_hit_wonder"),
        (1, 121, {}, "just_passing_through"),
        (1, 390, {}, "just_passing_through"),
        (3, 391, {"high": True}, "dead_weight"),
        (3, 391, {"high": True, "e90": 1}, "lapsed_high_roller"),
        (3, 391, {"e90": 1}, "lapsed_enthusiast"),
        (1, 391, {"high": True, "e90": 1}, "one_hit_wonder"),
        (2, 391, {"e90": 1}, "just_passing_through"),
        (2, 391, {"s90": 5, "lifetime": 5}, "dead_weight"),
        (2, 390, {"email": False}, "just_passing_through"),
        (2, 391, {"email": False, "e90": 1}, "dead_weight"),
        (0, 0, {"s90": 1, "e90": 5}, "window_shopper"),
        (0, 0, {"e90": 3, "lifetime": 3}, "almost_there"),
        (0, 0, {"e90": 2, "lifetime": 9}, "waiting_for_wows"),
        (0, 0, {"e90": 1, "lifetime": 1}, "waiting_for_wows"),
        (0, 0, {"lifetime": 3}, "false_start"),
        (0, 0, {"lifetime": 2}, "dead_weight"),
        (0, 0, {"lifetime": 2, "age": 90}, "dead_weight"),
        (0, 0, {"lifetime": 2, "age": 89}, "too_new"),
        (0, 0, {"lifetime": 3, "age": 1}, "false_start"),
        (0, 0, {"email": False, "age": 1}, "too_new"),
        (0, 0, {"email": False, "s90": 1}, "window_shopper"),
    ],
)
def test_persona_boundaries(orders, recency, rest, expected):
    assert persona(orders, recency, **rest) == expected


def test_just_passing_from_days_keeps_the_days_before_it_potential():
    rules = Rules(just_passing_from_days=180)
    assert persona(1, 180, rules=rules) == "potential_brand_enthusiast"
    assert persona(1, 181, rules=rules) == "just_passing_through"
    assert persona(1, 150, high=True, rules=rules) == "one_hit_wonder"


def test_an_average_equal_to_the_shop_s_is_not_high_for_personas_but_is_for_types():
    frames = segments({"a": [(ago(5), "10")], "b": [(ago(5), "10")]}, AS_OF)
    assert set(frames["customer_personas"]["persona"]) == {"potential_brand_enthusiast"}
    assert set(frames["customer_types"]["customer_type"]) == {"loyal"}


def test_averages_are_amounts_before_they_are_compared():
    # the shop: 30.0001 / 4 = 7.500025 → 7.5000; a: 15.0000 / 2 = 7.5000; b: 15.0001 / 2 = 7.50005 → 7.5001
    frames = segments({"a": [(ago(5), "7"), (ago(4), "8")], "b": [(ago(5), "7"), (ago(4), "8.0001")]}, AS_OF)
    personas = frames["customer_personas"]["persona"]
    assert personas.tolist() == ["potential_brand_enthusiast", "potential_high_roller"]


def test_shop_average_looks_back_365_days():
    inside = segments({"a": [(ago(365), "100")], "b": [(ago(5), "10")]}, AS_OF)
    assert inside["customer_types"].loc["b", "customer_type"] == "low_value_active"
    outside = segments({"a": [(ago(366), "100")], "b": [(ago(5), "10")]}, AS_OF)
    assert outside["customer_types"].loc["b", "customer_type"] == "loyal"
    forever = segments({"a": [(ago(366), "100")], "b": [(ago(5), "10")]}, AS_OF, aov_window_days=None)
    assert forever["customer_types"].loc["b", "customer_type"] == "low_value_active"


def test_nobody_is_high_where_the_window_is_empty():
    frames = segments({"a": [(ago(380), "100")]}, AS_OF)
    assert frames["customer_personas"].loc["a", "persona"] == "just_passing_through"
    assert frames["customer_types"].loc["a", "customer_type"] == "non_target"


def test_average_order_value_overrides():
    frames = segments({"a": [(ago(5), "10")]}, AS_OF, average_order_value=9.9999)
    assert frames["customer_personas"].loc["a", "persona"] == "potential_high_roller"


@pytest.mark.parametrize(
    ("engaged", "ordered", "status", "expected"),
    [
        (ago(7, "08:00:00"), None, "paid", True),
        (ago(8, "08:00:00"), None, "paid", False),
        (ago(3, "08:00:00"), ago(3, "07:59:59"), "paid", True),
        (ago(3, "08:00:00"), ago(3, "08:00:00"), "paid", False),
        (ago(3, "08:00:00"), ago(2, "08:00:00"), "cancelled", True),
    ],
)
def test_espresso_shot(engaged, ordered, status, expected):
    frames = segments(
        None,
        AS_OF,
        tables={
            "orders": [] if ordered is None else [order("o", "a", ordered, status=status)],
            "order_lines": [] if ordered is None else [line("o", "1")],
            "email_events": [{"event_id": "e", "customer_id": "a", "event_type": "clicked", "occurred_at": engaged}],
        },
    )
    assert frames["customer_personas"].loc["a", "is_espresso_shot"] == expected


# customer types


def test_customer_types():
    frames = segments(
        {
            "loyal": [(ago(5), "30")],
            "low": [(ago(5), "1")],
            "risk": [(ago(200), "30")],
            "non": [(ago(200), "1")],
        },
        AS_OF,
        tables={
            "customers": [
                {"customer_id": "cart", "tracking_consent": True, "email_consent": True},
                {"customer_id": "low", "tracking_consent": True},
                {"customer_id": "subscriber", "email_consent": True},
                {"customer_id": "unreachable", "email_consent": None},
            ],
            "web_events": [
                {
                    "event_id": name,
                    "customer_id": name,
                    "event_type": "started_checkout",
                    "occurred_at": ago(1, "12:00:00"),
                }
                for name in ("cart", "low")
            ],
        },
    )
    types = frames["customer_types"]
    assert types["customer_type"].to_dict() == {
        "cart": "abandoned_cart",
        "loyal": "loyal",
        "low": "low_value_active",
        "non": "non_target",
        "risk": "at_risk",
        "subscriber": "subscriber",
        "unreachable": "unreachable",
    }
    assert types.index[types["has_open_cart"]].tolist() == ["cart", "low"]


def test_margin_as_the_value_of_customer_types():
    frames = segments(
        None,
        AS_OF,
        customer_type_value="margin",
        tables={
            "orders": [order("o1", "a", ago(5)), order("o2", "b", ago(5)), order("o3", "c", ago(5))],
            "order_lines": [line("o1", "10", product_id="x"), line("o2", "9", product_id="y"), line("o3", "99")],
            "products": [{"product_id": "x", "unit_cost": "9"}, {"product_id": "y", "unit_cost": "1"}],
        },
    )
    types = frames["customer_types"]["customer_type"]
    assert types.to_dict() == {"a": "low_value_active", "b": "loyal", "c": "low_value_active"}


# ad segments


def members(frames, segment):
    rows = frames["customer_ad_segments"]
    return sorted(rows.loc[rows["ad_segment"] == segment, "customer_id"])


def test_best_customers_need_rank_and_rhythm():
    purchases = {f"c{n}": [(ago(50 + 10 * k), "1") for k in range(n)] for n in range(1, 6)}
    purchases["c6"] = [(ago(50), "9"), (ago(50), "9")] * 3
    frames = segments(purchases, AS_OF)
    # six buyers: percent ranks 0, .2, … 1; c6 has no gap, so no rhythm
    assert members(frames, "best_customers") == ["c5"]


def predicted_shop(**chances):
    connection = make_shop(**shop_of({name: [(ago(20), "10"), (ago(10), "10")] for name in chances}))
    connection.execute("create schema marts")
    connection.execute("""
        create table marts.pred_purchase_intent (
            customer_id varchar, purchase_probability_30d double, expected_orders_365d double,
            expected_revenue_365d decimal(18, 4), expected_order_amount decimal(18, 4), basis varchar
        )""")
    for name, (chance, basis) in chances.items():
        values = [name, chance, 10 * chance, 100 * chance, 1000 * chance, basis]
        connection.execute("insert into marts.pred_purchase_intent values (?, ?, ?, ?, ?, ?)", values)
    return segments_as_of(connection, AS_OF)


def test_likely_buyers_are_the_top_fifth_above_the_mean_of_those_with_predictions():
    frames = predicted_shop(
        a=(0.1, "blend"), b=(0.1, "blend"), c=(0.1, "btyd"), d=(0.1, "btyd"), e=(0.2, "blend"), f=(0.6, "blend"),
        g=(0.9, "history"),
    )  # fmt: skip
    # e has a percent rank of .8 and the mean of the six, .2: not above it
    assert members(frames, "likely_to_buy_30d") == ["f"]
    assert members(frames, "likely_high_order_value") == ["e", "f"]
    # seven buyers, ranks by orders so far and expected: 3 to 8, and g with 2 alone
    importance = frames["customer_importance"]
    assert importance["importance"].tolist() == ["loyal"] * 4 + ["frequent", "vip", "loyal"]
    assert importance["importance_basis"].tolist() == ["blend", "blend", "btyd", "btyd", "blend", "blend", "history"]


def sale_shop(**customers):
    orders, lines = [], []
    for name, discounts in customers.items():
        for number, discount in enumerate(discounts):
            orders.append(order(f"{name}{number}", name, ago(5)))
            lines.append(line(f"{name}{number}", "10", discount_amount=discount))
    return segments(None, AS_OF, tables={"orders": orders, "order_lines": lines})


def test_sale_shoppers_at_the_threshold():
    # the only discounted shares: 0.2, 0.1, 0.05 …; the ninth of ten by nearest rank, here the highest of three
    frames = sale_shop(full=["2", "2"], half=["2", "0"], less=["1.9999", "0"], none=["0", "0"], one=["5"])
    # with "one" the reference share is 0.5: full scores 0.8 * 0.4 + 0.2 = 0.52, half 0.8 * 0.2 + 0.1 = 0.26
    assert members(frames, "sale_shoppers") == ["full"]
    frames = sale_shop(full=["2", "2"], half=["2", "0"], less=["1.9999", "0"])
    # reference 0.2: half scores 0.8 * 0.5 + 0.2 * 0.5 = 0.5 exactly, less is just under it
    assert members(frames, "sale_shoppers") == ["full", "half"]
    assert members(sale_shop(none=["0", "0"]), "sale_shoppers") == []


def test_full_price_shoppers():
    frames = sale_shop(full=["0", "0"], one=["0"], some=["0", "1"])
    assert members(frames, "full_price_shoppers") == ["full"]


def test_peak_season_buyers():
    frames = segments(
        {
            "half": [(ago(5), "1"), (ago(4), "1")],
            "third": [(ago(5), "1"), (ago(4), "1"), (ago(3), "1")],
            "only": [(ago(4), "1")],
            "outside": [(ago(5), "1")],
        },
        AS_OF,
        seeds={"peak_seasons": [{"peak_season": "x", "starts_on": ago(4), "ends_on": ago(4)}]},
    )
    assert members(frames, "peak_season_buyers") == ["half", "only"]


def test_disengaged():
    def received(name, count, **last):
        rows = [
            {
                "event_id": f"{name}{n}",
                "customer_id": name,
                "event_type": "received",
                "occurred_at": ago(200, "12:00:00"),
            }
            for n in range(count)
        ]
        rows[-1].update(last)
        return rows

    names = ["five", "four", "engaged", "unsubscribed"]
    frames = segments(
        {"slipping": [(ago(150), "1")]},
        AS_OF,
        tables={
            "customers": [{"customer_id": name, "email_consent": name != "unsubscribed"} for name in names],
            "email_events": [
                *received("five", 5),
                *received("four", 4),
                *received("engaged", 6, event_type="clicked", occurred_at=ago(90, "12:00:00")),
                *received("unsubscribed", 5),
            ],
        },
    )
    assert members(frames, "disengaged") == ["five", "slipping"]


def test_all_customers_and_gift_buyers():
    frames = segments(
        None,
        AS_OF,
        tables={
            "orders": [order("o1", "a", ago(5), is_gift=True), order("o2", "b", ago(5), is_gift=True, status="test")],
            "order_lines": [line("o1", "1"), line("o2", "1")],
        },
    )
    assert members(frames, "all_customers") == ["a"]
    assert members(frames, "gift_buyers") == ["a"]


def test_first_change_is_the_first_day_that_differs():
    found = first_change(lambda later: np.array([later < 3, True, later == 0]), 0, 10)
    assert [None if day is None else day.isoformat() for day in found] == ["1970-01-04", None, "1970-01-02"]
