"""What a load says beyond its counts: about shops that mix, forgotten files and rejected orders, in whole sentences."""

import pytest

LINES = "order_id,line_number,quantity,unit_price"


def test_a_second_shop_in_the_same_warehouse_is_told_of_once(shop, fixtures) -> None:
    assert "warning" not in shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv").error
    words = ("--preset", "woocommerce-orders", fixtures / "woocommerce_items_export.csv")
    first = shop.load(*words)
    assert first.exit_code == 0
    (warning,) = [line for line in first.error.splitlines() if line.startswith("warning: ")]
    for part in ("already held orders loaded with shopify-orders (", "those of woocommerce-orders joined them"):
        assert part in warning
    assert "--database other.duckdb, or REGULARS_DATABASE" in warning
    assert "warning" not in shop.load(*words).error
    text = (fixtures / "woocommerce_items_export.csv").read_text()
    assert "warning" not in shop.load(*words[:2], shop.write("more.csv", text.replace("\n50", "\n60"))).error


def test_mixed_shops_are_in_the_json_summary(shop, fixtures) -> None:
    shop.load(shop.orders("1,c,2024-01-15,paid,EUR"), shop.write("order_lines.csv", f"{LINES}\n1,1,1,1\n"))
    summary = shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv", "--json").summary
    assert len(summary["warnings"]) == 1
    assert "generic (" in summary["warnings"][0]


def test_companions_of_a_shop_in_other_layouts_are_no_other_shop(shop, fixtures) -> None:
    shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv")
    shop.write("customers.csv", "customer_id,email\nc,ana@example.com\n")
    shop.write("products.csv", "product_id,category\nWB-L,boards\n")
    shop.write("refunds.csv", "refund_id,order_id,refunded_at,amount\nr,#1003,2024-04-01,1\n")
    assert "warning" not in shop.load(shop.folder / "*s.csv").error
    assert "warning" not in shop.load("--preset", "klaviyo-events", fixtures / "klaviyo_events.csv").error


def test_files_that_bring_no_order_are_no_other_shop(shop, fixtures) -> None:
    shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv")
    outcome = shop.load(shop.orders("1,c,2024-01-15,moon,EUR"))
    assert outcome.exit_code == 1
    assert "one shop" not in outcome.error


def test_forgotten_lines_are_told_of(shop) -> None:
    path = shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR")
    outcome = shop.load(path)
    assert "warning: 2 orders loaded, but no order_lines" in outcome.error
    shop.database.unlink()
    assert "no order_lines" not in shop.load(path, shop.write("order_lines.csv", f"{LINES}\n1,1,1,1\n2,1,1,1\n")).error


def test_orders_without_a_line_are_counted_as_far_as_they_could_count(shop) -> None:
    orders = ("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR", "3,c,2024-01-15,cancelled,EUR")
    lines = shop.write("order_lines.csv", f"{LINES}\n1,1,1,1\n")
    summary = shop.load(shop.orders(*orders), lines, "--json").summary
    assert summary["warnings"] == []
    assert summary["notes"] == ["paid orders of this batch without a line, which count for nothing: 1 of 2"]
    # They were told of; the next batch is about its own orders.
    assert shop.load(shop.orders("4,c,2024-01-15,test,EUR", name="orders-2.csv"), "--json").summary["notes"] == []


def test_an_order_whose_lines_were_all_withdrawn_has_none(shop, fixtures) -> None:
    words = ("--preset", "shopify-orders", "--json")
    rows = (fixtures / "shopify_orders_export.csv").read_text().splitlines(keepends=True)
    assert shop.load(*words, shop.write("export.csv", "".join(rows))).summary["notes"] == []
    emptied = "".join(rows).replace(",3,Linen napkin,10.00,,LN-3,", ",,,,,,").replace("'1010", "'1011")
    summary = shop.load(*words, shop.write("export.csv", emptied)).summary
    assert summary["files"][0]["withdrawn"]["order_lines"] == 1
    assert summary["notes"] == ["paid orders of this batch without a line, which count for nothing: 1 of 1"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_file_with_a_header_only_is_told_of(shop, options) -> None:
    assert "the file has a header and no rows" in shop.load(shop.orders(), *options).output


def test_messages_are_sentences(shop) -> None:
    missing = shop.load(shop.write("orders.csv", "a,b\n1,2\n")).error
    assert "order_id, ordered_at, status, currency. The file has a, b. Say which" in missing
    asked = shop.load(shop.write("orders.csv", "id,order_at,status,currency\n")).error
    assert "did you mean ordered_at?" in asked
    likely = shop.load(shop.write("orders.csv", "order_id,ordered,status,currency_code\n")).error
    assert "is it ordered? The file has" in likely
    unknown = shop.load(shop.write("things.csv", "a\n1\n")).error
    assert "exchange_rates. Rename it" in unknown
    close = shop.load(shop.write("odrers.csv", "a\n1\n")).error
    assert "did you mean orders? Rename it" in close
    hinted = shop.load("--preset", "woocommerce-orders", shop.write("wide.csv", "order_id,status,zzz\n1,2,3\n")).error
    assert "? Export with one row per line item" in hinted
    said = shop.load(shop.orders("1,c,2024-01-15,moon,EUR"), "--max-reject-share", "1").output
    assert "1 row read" in said
    assert "1 row rejected" in said


def rejected(shop) -> list[tuple[int, str]]:
    return shop.query("select line, message from raw.rejected_rows where table_name <> 'orders' order by file, line")


def test_lines_of_a_rejected_order_say_so(shop) -> None:
    orders = shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,moon,EUR", "3,a,,paid,EUR", "3,b,,paid,EUR")
    lines = shop.write("order_lines.csv", f"{LINES}\n1,1,1,1\n2,1,1,1\n3,1,1,1\n4,1,1,1\n")
    refunds = shop.write("refunds.csv", "refund_id,order_id,refunded_at,amount\nr,2,2024-02-01,1\n")
    shop.load(orders, lines, refunds, "--max-reject-share", "1")
    assert rejected(shop) == [
        (
            3,
            "order_id: The order of this line was rejected, alone or with its file; put that right first.",
        ),
        (
            4,
            "order_id: The order of this line was rejected, alone or with its file; put that right first.",
        ),
        (5, "order_id: The order of this line is neither stored nor in this batch."),
        (
            2,
            "order_id: The order of this refund was rejected, alone or with its file; put that right first.",
        ),
    ]


def test_lines_of_a_file_of_orders_that_was_left_out_say_so(shop) -> None:
    orders = shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,moon,EUR")
    outcome = shop.load(orders, shop.write("order_lines.csv", f"{LINES}\n1,1,1,1\n"))
    assert outcome.exit_code == 1
    assert "was rejected, alone or with its file" in rejected(shop)[0][1]


def test_files_before_a_refused_one_are_told_of(shop) -> None:
    shop.orders("1,c,2024-01-15,paid,EUR")
    shop.write("refunds.csv", "nonsense\n1\n")
    outcome = shop.load(shop.folder)
    assert outcome.exit_code == 2
    assert "orders.csv: 1 row read" in outcome.output
