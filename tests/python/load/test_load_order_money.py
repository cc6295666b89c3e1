"""Revenue is without tax and shipping, whatever the export's prices and refunds include. Figures computed by hand."""

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest

SHOPIFY = "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Refunded Amount,Created at"
SHOPIFY += ",Lineitem quantity,Lineitem name,Lineitem price,Lineitem discount"


def shopify(*rows: str, header: str = SHOPIFY) -> str:
    """Rows of order; state; Subtotal, Shipping, Taxes, Total, Refunded; quantity, product, price, discount."""
    return "\n".join([header, *(_row(*row.split(";")) for row in rows)]) + "\n"


def _row(order: str, state: str, sums: str, line: str) -> str:
    own = f"{state},EUR,{sums}" if state else ",,,,,,"
    return f"{order},a@example.com,{own},2024-02-01T10:00:00Z,{line}"


def load(shop, content: str, *options: str):
    outcome = shop.load("--preset", "shopify-orders", shop.write("export.csv", content), *options)
    assert outcome.exit_code == 0, outcome
    return outcome


def lines(shop) -> list[tuple]:
    return shop.query("select line_number, quantity, unit_price, discount_amount from raw.order_lines order by all")


def net(shop) -> list[tuple]:
    """Order, net of its lines, refunds."""
    return shop.query(
        "select order_id, (select sum(quantity * unit_price - discount_amount) from raw.order_lines as line"
        " where line.order_id = shop_order.order_id),"
        " (select coalesce(sum(amount), 0) from raw.refunds as refund where refund.order_id = shop_order.order_id)"
        " from raw.orders as shop_order order by 1"
    )


def amounts(*figures: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(figure) for figure in figures)


def test_prices_with_tax_lose_the_goods_part_of_it(shop) -> None:
    # 119 for goods and 11.90 for shipping hold 20.90 of tax at 19 %: 19.00 of it in the goods, so 100 without.
    said = load(shop, shopify("1;paid;119.00,11.90,20.90,130.90,0;1,Kettle,119.00,0")).output
    assert lines(shop) == [(1, 1, 100, 0)]
    assert "orders at prices with tax: 1; the tax was taken out of their lines" in said
    assert shop.query("select tax_amount, shipping_amount from raw.orders") == [amounts("20.90", "11.90")]


def test_price_and_discount_shrink_alike(shop) -> None:
    # 150 less 31: 119 with 19 of tax. 150/1.19 = 126.0504, 31/1.19 = 26.0504.
    load(shop, shopify("1;paid;119.00,0,19.00,119.00,0;1,Kettle,150.00,31.00"))
    assert lines(shop) == [(1, 1, *amounts("126.0504", "26.0504"))]


def test_prices_without_tax_stay(shop) -> None:
    summary = load(shop, shopify("1;paid;100.00,10.00,20.90,130.90,0;1,Kettle,100.00,0"), "--json").summary
    assert lines(shop) == [(1, 1, 100, 0)]
    assert summary["files"][0]["notes"] == []


def test_the_lines_of_an_order_come_to_its_goods_without_tax_to_the_fourth_decimal(shop, fixtures) -> None:
    path = fixtures / "shopify_orders_export.csv"
    assert shop.load("--preset", "shopify-orders", path).exit_code == 0
    # 45 - 7.97 * 45 / 49.90 = 37.8126; 30 - 4.79 = 25.21, a third of it given back; 15 - 2.39 * 15 / 19.90 = 13.1985.
    assert net(shop) == [
        ("#1001", *amounts("13.1985", "0")),
        ("#1002", *amounts("25.21", "8.4033")),
        ("#1003", *amounts("37.8126", "0")),
    ]
    # The order's discount of 5 is spread over 30 and 20, then taken to 3 and 2 without tax.
    columns = "quantity, unit_price, discount_amount"
    assert shop.query(f"select {columns} from raw.order_lines where order_id = '#1003' order by line_number") == [
        (2, *amounts("12.6042", "2.5208")),
        (1, *amounts("16.8056", "1.6806")),
    ]


@pytest.mark.parametrize("subtotal", ["45.00", "46.67", "44.99", "0.01"])
def test_a_discount_that_does_not_divide_is_spread_to_the_last_fraction(shop, subtotal) -> None:
    # Without tax in the prices the lines come to Subtotal; 7.97 on top makes the total.
    total = str(Decimal(subtotal) + Decimal("7.97"))
    rows = (f"1;paid;{subtotal},0,7.97,{total},0;2,Board,15.00,0", "1;;;1,Knife,20.00,0", "1;;;7,Pin,0.33,0")
    load(shop, shopify(*rows))
    assert net(shop)[0][1] == Decimal(subtotal)


def test_orders_of_all_kinds_come_to_their_goods_without_tax(shop) -> None:
    chance = random.Random(7)
    rows, expected = [], []
    for number in range(100, 400):
        pieces = [(chance.randint(1, 9), chance.randint(1, 9999), chance.random() < 0.3) for _ in range(3)]
        off = [chance.randint(0, count * price) if cut else 0 for count, price, cut in pieces]
        subtotal = Decimal(sum(count * price for count, price, _ in pieces) - sum(off)) / 100
        shipping = Decimal(chance.choice(["0", "4.90"]))
        total = subtotal + shipping
        taxes = (total * 19 / 119).quantize(Decimal("0.01"))
        if taxes <= Decimal("0.02"):
            continue
        sums = f"{subtotal},{shipping},{taxes},{total},{total}"
        for index, ((count, price, _), less) in enumerate(zip(pieces, off, strict=True)):
            own = f"refunded;{sums}" if index == 0 else ";"
            rows.append(f"{number};{own};{count},P{index},{Decimal(price) / 100},{Decimal(less) / 100}")
        tax_on_goods = (taxes * subtotal / total).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        expected.append((str(number), subtotal - tax_on_goods, subtotal - tax_on_goods))
    load(shop, shopify(*rows))
    assert net(shop) == expected
    assert shop.query("select count(*) from raw.order_lines where discount_amount < 0 or unit_price < 0") == [(0,)]


def test_rounding_makes_no_discount_where_a_price_can_take_it(shop) -> None:
    # 3 * 10 + 7.77 with 6.03 of tax: 31.74 without; 8.4034 each, and the single piece takes the rest.
    load(shop, shopify("1;paid;37.77,0,6.03,37.77,0;3,Napkin,10.00,0", "1;;;1,Ring,7.77,0"))
    first, second = lines(shop)
    assert (first[3], second[3]) == (0, 0)
    assert net(shop)[0][1] == Decimal("31.74")


def test_without_the_total_nothing_tells_and_nothing_is_taken_out(shop) -> None:
    header = SHOPIFY.replace("Total", "Grand total")
    said = load(shop, shopify("1;paid;119.00,0,19.00,119.00,0;1,Kettle,119.00,0", header=header)).output
    assert lines(shop) == [(1, 1, 119, 0)]
    assert "orders with tax but without the shop's total: 1; nothing tells" in said


def test_a_total_that_fits_neither_way_is_counted(shop) -> None:
    rows = [
        "1;paid;119.00,0,19.00,119.02,0;1,Kettle,119.00,0",
        "2;paid;119.00,0,19.00,119.03,0;1,Kettle,119.00,0",
        "3;paid;119.00,0,0.00,125.00,0;1,Kettle,119.00,0",
    ]
    said = load(shop, shopify(*rows)).output
    assert "within 0.02: 1; their prices stay" in said
    assert [round(amount, 0) for _, amount, _ in net(shop)] == [100, 119, 119]


@pytest.mark.parametrize(
    ("sums", "goods", "refund"),
    [
        ("119.00,11.90,20.90,130.90,130.90", "100", "100"),  # everything: nothing is left, so it is no purchase
        ("119.00,11.90,20.90,130.90,65.45", "100", "50"),  # half of it
        ("100.00,10.00,20.90,130.90,130.90", "100", "100"),  # the same at prices without tax
        ("100.00,10.00,20.90,130.90,65.45", "100", "50"),
        ("100.00,0,0,100.00,30.00", "100", "30"),  # no tax, no shipping: what was given back
        ("33.33,4.90,6.11,38.23,38.23", "28.0031", "28.0031"),  # 33.33 - 6.11 * 33.33 / 38.23
        ("100.00,0,0,,250.00", "100", "100"),  # no total: never more than the lines cost
    ],
)
def test_a_refund_counts_with_what_it_gave_back_for_goods(shop, sums, goods, refund) -> None:
    load(shop, shopify(f"1;partially_refunded;{sums};3,Kettle,{sums.split(',')[0]},{2 * Decimal(sums.split(',')[0])}"))
    assert net(shop) == [("1", *amounts(goods, refund))]


WOO = "order_id,status,order_date,order_currency,shipping_total,tax_total,order_total,refunded_total"
WOO += ",item_sku,item_quantity,item_total,item_refunded"


@pytest.mark.parametrize(
    ("refunded", "by_line", "refund"),
    [
        ("60.00", "0", "40"),  # all of 40 + 10 shipping + 10 tax
        ("60.00", "20.00", "40"),  # all of it, 20 of that on the line
        ("24.00", "20.00", "20"),  # the line and its tax
        ("36.00", "20.00", "20"),  # the line, the shipping and their tax
        ("30.00", "0", "20"),  # half of everything
    ],
)
def test_woocommerce_refunds_hold_tax_and_shipping(shop, refunded, by_line, refund) -> None:
    row = f"1,completed,2024-02-01,EUR,10.00,10.00,60.00,{refunded},A,4,40.00,{by_line}"
    path = shop.write("export.csv", f"{WOO}\n{row}\n")
    assert shop.load("--preset", "woocommerce-orders", path).exit_code == 0
    assert net(shop) == [("1", *amounts("40", refund))]
