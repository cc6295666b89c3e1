"""Each preset on a file in the layout of the real export."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from regulars.load import mapping


def money(shop) -> Decimal:
    """What all landing tables together say was turned over."""
    return shop.query(
        "select (select coalesce(sum(quantity * unit_price), 0) from raw.order_lines)"
        " + (select coalesce(sum(shipping_amount), 0) from raw.orders)"
        " - (select coalesce(sum(amount), 0) from raw.refunds)"
    )[0][0]


def test_online_retail_puts_every_row_where_it_belongs(shop, fixtures) -> None:
    outcome = shop.load("--preset", "online-retail", fixtures / "online_retail_sample.csv")
    assert outcome.exit_code == 0
    assert "2 of 5 returns matched to the sale they take back" in outcome.output
    orders = shop.query(
        "select order_id, customer_id, status, shipping_amount, ship_to_country from raw.orders order by 1"
    )
    nothing = Decimal(0)
    assert orders == [
        ("536365", "17850", "paid", Decimal(18), "GB"),
        ("536366", "17850", "paid", nothing, "GB"),
        ("536367", None, "paid", nothing, "IE"),
        ("536372", None, "cancelled", nothing, "GB"),
        ("C536368", "17850", "cancelled", nothing, "GB"),
        ("C536369", "17850", "cancelled", nothing, "GB"),
        ("C536370", "17850", "cancelled", nothing, "GB"),
        ("C536371", "17850", "cancelled", nothing, "GB"),
    ]
    lines = shop.query("select order_id, line_number, product_id, quantity from raw.order_lines order by 1, 2")
    assert lines == [
        ("536365", 1, "85123A", 6),
        ("536366", 1, "85123A", 4),
        ("536366", 2, "22633", 2),
        ("536367", 1, "22633", 3),
        ("536367", 2, "22633", 3),
    ]
    refunds = shop.query("select refund_id, order_id, line_number, quantity, amount from raw.refunds order by 1")
    # Four come off the latest sale, five off the one before it, and the next five fit nowhere.
    assert refunds == [
        ("536372-1", "536372", None, 7, 0),
        ("C536368-1", "536366", 1, 4, Decimal("10.2")),
        ("C536369-1", "536365", 1, 5, Decimal("12.75")),
        ("C536370-1", "C536370", None, 5, Decimal("12.75")),
        ("C536371-1", "C536371", None, 1, 5),
    ]
    assert shop.query("select product_id, title from raw.products order by 1") == [
        ("22633", "HAND WARMER"),
        ("85123A", "WHITE HANGING HEART"),
    ]
    assert shop.query("select customer_id, country from raw.customers") == [("17850", "GB")]
    assert money(shop) == Decimal("17.60")


def test_a_return_is_matched_to_a_sale_of_an_earlier_file(shop, fixtures) -> None:
    rows = (fixtures / "online_retail_sample.csv").read_text().splitlines()
    shop.write("first.csv", "\n".join(rows[:7]) + "\n")
    shop.write("second.csv", "\n".join([rows[0], *rows[7:]]) + "\n")
    shop.load("--preset", "online-retail", shop.folder / "first.csv")
    assert "2 of 5 returns matched" in shop.load("--preset", "online-retail", shop.folder / "second.csv").output
    whole = shop.query("select refund_id, order_id, line_number from raw.refunds order by 1")
    shop.database = shop.folder / "other.duckdb"
    shop.load("--preset", "online-retail", fixtures / "online_retail_sample.csv")
    assert shop.query("select refund_id, order_id, line_number from raw.refunds order by 1") == whole


def test_a_bad_invoice_row_is_rejected_and_the_others_keep_their_numbers(shop, fixtures) -> None:
    text = (fixtures / "online_retail_sample.csv").read_text()
    path = shop.write("invoices.csv", text.replace("heart,4,2010", "heart,four,2010"))
    shop.load("--preset", "online-retail", path, "--max-reject-share", "0.2")
    assert shop.reasons() == [(4, "unparsable_number")]
    assert shop.query("select line_number from raw.order_lines where order_id = '536366'") == [(2,)]


@pytest.mark.parametrize(
    ("name", "rows", "amount", "counts"),
    [
        (
            "online_retail.csv.gz",
            541_909,
            Decimal("9747747.934"),
            {"orders": 25_900, "order_lines": 528_923, "refunds": 10_624, "customers": 4_372},
        ),
        (
            "online_retail_ii.parquet",
            919_636,
            Decimal("17875146.197"),
            {"orders": 43_561, "order_lines": 906_138, "refunds": 10_624, "customers": 5_826},
        ),
    ],
)
def test_the_real_file_is_accounted_for_and_its_money_conserved(shop, data, name, rows, amount, counts) -> None:
    path = data(name)
    summary = shop.load("--preset", "online-retail", path, "--json").summary
    file = summary["files"][0]
    assert (file["rows"], file["rejected"]) == (rows, 0)
    for table, count in counts.items():
        assert shop.count(table) == count
    charges = int(next(note for note in file["notes"] if "charge" in note).split()[0].replace(",", ""))
    assert counts["order_lines"] + counts["refunds"] + charges == rows
    assert money(shop) == amount
    # Every line and refund has its order; no return gives back more than was sold.
    assert shop.query("select count(*) from raw.order_lines anti join raw.orders using (order_id)") == [(0,)]
    assert shop.query("select count(*) from raw.refunds anti join raw.orders using (order_id)") == [(0,)]
    assert shop.query(
        "select count(*) from raw.order_lines join (select order_id, line_number, sum(quantity) as back"
        " from raw.refunds where line_number is not null group by all) using (order_id, line_number)"
        " where back > quantity"
    ) == [(0,)]


def test_shopify_orders(shop, fixtures) -> None:
    outcome = shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv")
    assert outcome.exit_code == 0
    columns = "order_id, email, ordered_at, status, shipping_amount, discount_codes, channel, ship_to_country"
    assert shop.query(f"select {columns}, ship_to_postal_code from raw.orders order by 1") == [
        (
            "#1001",
            "cleo@example.com",
            datetime(2024, 3, 1, 7, tzinfo=UTC),
            "cancelled",
            Decimal("4.9"),
            None,
            "shopify_draft_order",
            "DE",
            "50667",
        ),
        (
            "#1002",
            "ben@example.com",
            datetime(2024, 3, 4, 17, 0, 10, tzinfo=UTC),
            "partially_refunded",
            0,
            None,
            "web",
            "AT",
            "1010",
        ),
        (
            "#1003",
            "ana@example.com",
            datetime(2024, 3, 5, 8, 11, 58, tzinfo=UTC),
            "paid",
            Decimal("4.9"),
            "SPRING10",
            "web",
            "ES",
            "28001",
        ),
    ]
    assert shop.query("select order_id, line_number, product_id, quantity from raw.order_lines order by all") == [
        ("#1001", 1, "WB-L", 1),
        ("#1002", 1, "LN-3", 3),
        ("#1003", 1, "WB-L", 2),
        ("#1003", 2, "BK-1", 1),
    ]
    assert shop.query("select product_id, brand from raw.products order by 1")[0] == ("BK-1", "Sharp")


def test_a_bad_first_row_takes_its_order_with_it(shop, fixtures) -> None:
    text = (fixtures / "shopify_orders_export.csv").read_text()
    path = shop.write("export.csv", text.replace("ana@example.com,paid,", "ana@example.com,on_the_moon,"))
    shop.load("--preset", "shopify-orders", path, "--max-reject-share", "0.5")
    assert shop.reasons() == [(2, "unknown_status"), (3, "order_line_without_order")]
    assert shop.query("select order_id from raw.orders order by 1") == [("#1001",), ("#1002",)]


def test_woocommerce_items(shop, fixtures) -> None:
    assert shop.load("--preset", "woocommerce-orders", fixtures / "woocommerce_items_export.csv").exit_code == 0
    assert shop.query("select order_id, customer_id, status, currency from raw.orders order by 1") == [
        ("501", "17", "paid", "EUR"),
        ("502", None, "partially_refunded", "EUR"),
        ("503", "18", "pending", "EUR"),
    ]
    # Three for 10.00, then 9.00: the net is the shop's figure to the cent, although a third of ten is no price.
    assert shop.query(
        "select order_id, line_number, quantity * unit_price - discount_amount from raw.order_lines order by 1, 2"
    ) == [("501", 1, 9), ("501", 2, 9), ("502", 1, 40), ("503", 1, 10)]
    assert shop.query("select refund_id, line_number, quantity, amount from raw.refunds") == [
        ("502-refund-1", 1, 2, 20)
    ]
    assert shop.query("select customer_id, email, first_name, country from raw.customers order by 1") == [
        ("17", "eva@example.com", "Eva", "SE"),
        ("18", "gry@example.com", "Gry", "NO"),
    ]


def test_woocommerce_advanced_needs_the_currency(shop, fixtures) -> None:
    path = fixtures / "woocommerce_advanced_export.csv"
    outcome = shop.load("--preset", "woocommerce-orders", path)
    assert outcome.exit_code == 2
    assert "--currency EUR" in outcome.error
    assert shop.load("--preset", "woocommerce-orders", path, "--currency", "dkk").exit_code == 0
    assert shop.query("select order_id, status, currency from raw.orders order by 1") == [
        ("801", "paid", "DKK"),
        ("802", "pending", "DKK"),
    ]
    assert shop.query(
        "select sum(quantity * unit_price - discount_amount) from raw.order_lines where order_id = '801'"
    ) == [(27,)]


def test_klaviyo_events(shop, fixtures) -> None:
    assert shop.load("--preset", "klaviyo-events", fixtures / "klaviyo_events.csv").exit_code == 0
    assert shop.query("select event_id, event_type, is_machine_open from raw.email_events order by 1") == [
        ("k1", "received", None),
        ("k2", "opened", True),
        ("k3", "clicked", None),
        ("k6", "marked_spam", None),
    ]
    assert shop.query("select event_id, event_type, product_id from raw.web_events order by 1") == [
        ("k4", "viewed_product", "WB-L"),
        ("k5", "added_to_cart", "WB-L"),
    ]


@pytest.mark.parametrize("name", mapping.PRESETS)
def test_presets_are_valid_and_named_after_their_file(name) -> None:
    assert mapping.preset(name).name == name


def test_amounts_of_thousands_of_millions_are_no_overflow(shop) -> None:
    """As shops in rupiah or dong have them: DuckDB keeps the product of two short decimals in eighteen digits."""
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    rows = (
        "536365,85123A,DEAR,2,2010-12-01 08:26:00,30000000000,17850,United Kingdom\n"
        "536365,POST,POSTAGE,1,2010-12-01 08:26:00,20000000000,17850,United Kingdom\n"
        "C536366,85123A,DEAR,-1,2010-12-02 08:26:00,30000000000,17850,United Kingdom\n"
    )
    assert shop.load("--preset", "online-retail", shop.write("retail.csv", header + rows)).exit_code == 0
    assert shop.query("select shipping_amount from raw.orders where order_id = '536365'") == [(20_000_000_000,)]
    assert shop.query("select amount from raw.refunds") == [(30_000_000_000,)]


def test_orders_add_to_a_known_profile_and_take_nothing_from_it(shop, fixtures) -> None:
    customers = "customer_id,email,email_consent,created_at\n17850,ann@example.com,true,2010-01-31\n"
    assert shop.load(shop.write("customers.csv", customers)).exit_code == 0
    assert shop.load("--preset", "online-retail", fixtures / "online_retail_sample.csv").exit_code == 0
    known = "email, email_consent, country, cast(created_at as date)"
    newest = shop.query(f"select {known} from raw.customers order by _loaded_at desc limit 1")
    assert newest == [("ann@example.com", True, "GB", date(2010, 1, 31))]


def test_a_profile_made_of_orders_begins_with_the_first_of_them(shop, fixtures) -> None:
    shop.load("--preset", "online-retail", fixtures / "online_retail_sample.csv")
    assert shop.query("select created_at = (select min(ordered_at) from raw.orders) from raw.customers") == [(True,)]
