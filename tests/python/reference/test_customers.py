"""The reference's identities and customer facts against figures worked out by hand."""

import hashlib

import pytest

from .raw_shop import AS_OF, ago, line, order, segments


def shop(**tables):
    options = tables.pop("options", {})
    return segments(None, AS_OF, tables=tables, **options)


SHARED_EMAIL = {
    "customers": [
        {"customer_id": "late", "email": "x@y.z", "created_at": ago(50, "00:00:00"), "language": "de"},
        {"customer_id": "early", "email": " X@Y.Z ", "country": "DK"},
    ],
    "orders": [order("o1", "early", ago(60)), order("o2", "late", ago(10)), order("o3", None, ago(5), email="X@y.z")],
    "order_lines": [line("o1", "10"), line("o2", "20"), line("o3", "30")],
}


def test_ids_with_one_email_are_the_customer_first_seen():
    facts = shop(**SHARED_EMAIL)["customer_facts"]
    assert list(facts.index) == ["early"]
    assert facts.loc["early", ["order_count", "country", "language"]].tolist() == [3, "DK", "de"]


def test_without_merging_an_ambiguous_email_is_its_own_customer():
    facts = shop(**SHARED_EMAIL, options={"merge_customers_by_email": False})["customer_facts"]
    own = "email_" + hashlib.md5(b"x@y.z").hexdigest()
    assert facts["order_count"].to_dict() == {"early": 1, "late": 1, own: 1}


def test_without_merging_an_email_of_one_id_is_that_customer():
    tables = {**SHARED_EMAIL, "customers": SHARED_EMAIL["customers"][:1]}
    facts = shop(**tables, options={"merge_customers_by_email": False})["customer_facts"]
    assert facts["order_count"].to_dict() == {"early": 1, "late": 2}


def test_an_id_without_profile_takes_the_email_of_its_newest_order():
    frames = shop(
        orders=[
            order("o1", "a", ago(9), email="old@x.y"),
            order("o2", "a", ago(8), email="new@x.y"),
            order("o3", "a", ago(7)),
            order("o4", None, ago(6), email="NEW@x.y"),
        ],
        order_lines=[line(f"o{n}", "10") for n in range(1, 5)],
    )
    assert frames["customer_facts"]["order_count"].to_dict() == {"a": 4}


def test_guests_are_nobody():
    frames = shop(orders=[order("o", None, ago(9), email="  ")], order_lines=[line("o", "10")])
    assert frames["customer_facts"].empty
    assert frames["orders"]["customer_id"].isna().all()


def test_consents_come_from_the_profile_that_last_changed_them():
    facts = shop(
        customers=[
            {"customer_id": "a", "email": "x", "email_consent": True, "created_at": ago(9, "00:00:00")},
            {
                "customer_id": "b",
                "email": "x",
                "email_consent": False,
                "created_at": ago(10, "00:00:00"),
                "consent_updated_at": ago(8, "00:00:00"),
            },
        ]
    )["customer_facts"]
    assert facts["has_email_consent"].to_dict() == {"b": False}


def test_profile_of_the_as_of_day_does_not_exist():
    frames = shop(customers=[{"customer_id": "a", "created_at": ago(0, "00:00:00")}, {"customer_id": "b"}])
    assert list(frames["customer_facts"].index) == ["b"]


def test_counts_days_gaps_and_averages():
    facts = segments({"a": [(ago(40), "10"), (ago(40), "20"), (ago(30), "0.0001"), (ago(9), "3")]}, AS_OF)[
        "customer_facts"
    ].loc["a"]
    assert facts[["order_count", "order_day_count", "recency_days", "tenure_days"]].tolist() == [4, 3, 9, 40]
    assert facts[["median_gap_days", "mean_gap_days"]].tolist() == [15.5, 15.5]
    # 33.0001 / 4 = 8.250025, half away from zero at the fourth place
    assert facts["average_order_amount"] == 82_500


def test_non_buyers_have_zeros_and_unknowns():
    facts = shop(customers=[{"customer_id": "a"}])["customer_facts"].loc["a"]
    assert (facts[["order_count", "net_revenue_amount", "gross_margin_amount"]] == 0).all()
    # nobody brought categories or site events
    unknown = [
        "category_count",
        "site_intent_count_90d",
        "recency_days",
        "tenure_days",
        "average_order_amount",
        "median_gap_days",
        "discount_share",
    ]
    assert facts[unknown].isna().all()


def test_without_email_source_engagement_is_unknown():
    facts = shop(customers=[{"customer_id": "a"}])["customer_facts"].loc["a"]
    assert facts[["email_received_count", "engagement_count_90d", "engagement_count_lifetime"]].isna().all()


def email(event_id, kind, days, **more):
    return {
        "event_id": event_id,
        "customer_id": "a",
        "event_type": kind,
        "occurred_at": ago(days, "08:00:00"),
        **more,
    }


@pytest.mark.parametrize(("unflagged", "expected"), [(True, (3, 4)), (False, (2, 3))])
def test_machine_opens_never_count_and_unflagged_ones_by_var(unflagged, expected):
    events = [
        email("1", "opened", 90, is_machine_open=False),
        email("2", "opened", 91, is_machine_open=False),
        email("3", "opened", 5, is_machine_open=True),
        email("4", "opened", 5),
        email("5", "clicked", 5),
        email("6", "received", 5),
        email("7", "opened", 0, is_machine_open=False),
    ]
    facts = shop(email_events=events, options={"count_unflagged_opens": unflagged})["customer_facts"].loc["a"]
    assert (facts["engagement_count_90d"], facts["engagement_count_lifetime"]) == expected
    assert facts["email_received_count"] == 1


def web(event_id, kind, days, at="08:00:00"):
    return {"event_id": event_id, "customer_id": "a", "event_type": kind, "occurred_at": ago(days, at)}


@pytest.mark.parametrize(("consent", "required", "count"), [(True, True, 1), (None, True, 0), (None, False, 1)])
def test_site_events_need_consent_where_required(consent, required, count):
    facts = shop(
        customers=[{"customer_id": "a", "tracking_consent": consent}],
        web_events=[web("1", "viewed_product", 90), web("2", "viewed_product", 91), web("3", "active_on_site", 1)],
        options={"require_tracking_consent": required},
    )["customer_facts"]
    assert facts.loc["a", "site_intent_count_90d"] == count


@pytest.mark.parametrize(
    ("cart_days", "order_days", "status", "is_open"),
    [
        (30, None, None, True),
        (31, None, None, False),
        (10, 11, "paid", True),
        (10, 10, "paid", False),  # the same instant
        (10, 9, "cancelled", False),
        (10, 9, "test", True),
    ],
)
def test_open_cart(cart_days, order_days, status, is_open):
    orders = [] if order_days is None else [order("o", "a", ago(order_days, "08:00:00"), status=status)]
    facts = shop(
        customers=[{"customer_id": "a", "tracking_consent": True}],
        web_events=[web("1", "added_to_cart", cart_days)],
        orders=orders,
    )["customer_facts"]
    assert facts["open_cart_at"].notna()["a"] == is_open


def test_acquisition_cost_is_the_month_s_spend_by_its_new_buyers():
    frames = segments(
        {
            "a": [("2024-03-01", "5")],
            "b": [("2024-03-31", "5")],
            "c": [("2024-04-01", "5")],
            "d": [("2024-03-09", "5")],
        },
        AS_OF,
        tables={
            "customers": [
                {"customer_id": name, "acquisition_channel": channel}
                for name, channel in [("a", "ads"), ("b", "ads"), ("c", "ads"), ("d", "mail"), ("e", "ads")]
            ],
            "marketing_spend": [
                {"day": "2024-03-01", "channel": "ads", "amount": "10", "currency": "EUR"},
                {"day": "2024-03-31", "channel": "ads", "amount": "0.0001", "currency": "EUR"},
            ],
        },
    )
    costs = frames["customer_facts"]["acquisition_cost_amount"]
    assert costs.dropna().to_dict() == {"a": 50_001, "b": 50_001}


def test_channel_is_the_profile_s_else_the_first_valid_order_s():
    facts = shop(
        customers=[{"customer_id": "a", "acquisition_channel": "mail"}],
        orders=[
            order("o1", "a", ago(9), channel="ads"),
            order("o2", "b", ago(9), channel="test", status="test"),
            order("o3", "b", ago(8), channel="ads"),
        ],
        order_lines=[line("o1", "1"), line("o2", "1"), line("o3", "1")],
    )["customer_facts"]
    assert facts["acquisition_channel"].to_dict() == {"a": "mail", "b": "ads"}


def test_categories_count_net_units_and_core_is_half_the_spend():
    frames = shop(
        orders=[order("o", "a", ago(9))],
        order_lines=[
            line("o", "10", 1, product_id="x"),
            line("o", "6", 2, product_id="y"),
            line("o", "4", 3),
            line("o", "0", 4, product_id="z", quantity="0.5"),
        ],
        products=[{"product_id": p, "category": p} for p in "xyz"],
    )
    categories = frames["customer_category_facts"].set_index("category")
    assert categories["is_core"].to_dict() == {"uncategorised": False, "x": True, "y": False, "z": False}
    assert categories.loc["x", "spend_share"] == 0.5
    assert frames["customer_facts"].loc["a", "category_count"] == 2
    kinds = frames["customer_ad_segments"]["ad_segment"]
    assert set(kinds[kinds.str.startswith("category_buyers")]) == {"category_buyers:x", "category_buyers:y"}


def test_core_takes_a_kept_unit():
    frames = shop(
        orders=[order("o", "a", ago(9))],
        order_lines=[line("o", "90", 1, product_id="x", quantity="0.5"), line("o", "1", 2, product_id="y")],
        products=[{"product_id": p, "category": p} for p in "xy"],
    )
    assert not frames["customer_category_facts"]["is_core"].any()
