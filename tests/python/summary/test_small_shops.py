"""The summary of shops with nothing, with one of a kind, with guests only, without lines."""

import json

import pytest

from regulars.summary.words import counted

CUSTOMER = "insert into marts.customer_segments (customer_id, order_count) values ('{id}', {orders})"
ORDER = (
    "insert into marts.fct_orders (order_id, line_count, net_amount, is_guest_order)"
    " values ('{id}', {lines}, {amount}, {guest})"
)
EPOCH = "update intermediate.int_shop_facts set as_of_date = '1970-01-01', currency_code = 'XXX'"


def customer(name: str, orders: int = 0) -> str:
    return CUSTOMER.format(id=name, orders=orders)


def order(name: str, *, lines: int = 1, amount: int = 10, guest: bool = False) -> str:
    return ORDER.format(id=name, lines=lines, amount=amount, guest=guest)


def test_a_shop_without_anything_says_what_to_do(write, say) -> None:
    write(EPOCH, "insert into raw.rejected_rows values ('null_key')")
    said = say("summary")
    assert "There is nothing in this shop yet" in said
    assert "regulars load FILES, then dbt build" in said
    assert "1 row was rejected by loads so far (raw.rejected_rows says why, also of rows put right since)." in said
    assert "1970" not in said
    assert "XXX" not in said
    assert "Not known" not in said


def test_a_shop_without_anything_has_no_date_and_no_currency_in_json(write, say) -> None:
    write(EPOCH)
    found = json.loads(say("summary", "--json"))
    assert (found["as_of_date"], found["currency_code"], found["customer_count"]) == (None, None, 0)


def test_a_day_before_the_shop_began_is_named(say) -> None:
    said = say("summary")
    assert "Nothing had happened in this shop before 2026-01-01" in said
    assert "as_of_date" in said


def test_orders_without_lines_are_no_purchases(write, say) -> None:
    write(customer("a"), order("1", lines=0), order("2", lines=0))
    said = say("summary")
    assert "1 customer; 2 orders, none of them with a line, so nobody has bought." in said
    assert "regulars load order_lines.csv" in said
    assert "net." not in said


def test_one_order_with_a_line_is_enough_to_speak_of_money(write, say) -> None:
    write(customer("a", 1), order("1", lines=0), order("2"))
    assert "1 customer, who has bought; 2 orders, 20 EUR net." in say("summary")


@pytest.mark.parametrize(
    ("buyers", "others", "words"),
    [
        (0, 1, "1 customer, who has not bought;"),
        (0, 2, "2 customers, none of them has bought;"),
        (1, 1, "2 customers, 1 of them has bought;"),
        (2, 0, "2 customers, 2 of them have bought;"),
    ],
)
def test_customers_and_buyers_agree_with_their_verbs(write, say, buyers: int, others: int, words: str) -> None:
    write(order("1"), *(customer(f"b{n}", 1) for n in range(buyers)), *(customer(f"o{n}") for n in range(others)))
    assert f"{words} 1 order, 10 EUR net." in say("summary")


@pytest.mark.parametrize(
    ("guests", "own", "words"),
    [
        (1, 0, "The order came from a guest; it counts for the shop and for no customer."),
        (2, 0, "All orders came from guests; they count for the shop and for no customer."),
        (1, 1, "1 of the orders (10 EUR) came from a guest; it counts for the shop and for no customer."),
        (2, 1, "2 of the orders (20 EUR) came from guests; they count for the shop and for no customer."),
    ],
)
def test_guests(write, say, guests: int, own: int, words: str) -> None:
    write(*(order(f"g{n}", guest=True) for n in range(guests)), *(order(f"o{n}") for n in range(own)))
    said = say("summary")
    assert words in said
    assert "There are no customers yet" in said
    assert "regulars explain" not in said


def test_an_assumed_gap_is_not_called_usual(write, say) -> None:
    write(customer("a", 1), order("1"), "update intermediate.int_shop_facts set average_order_amount = 10")
    assert "no customer has ordered on two days yet, so 90 days between two orders are taken as usual" in say("summary")
    write("insert into intermediate.int_typical_gap_by_day values (40)")
    assert "between two orders a customer usually waits 90 days." in say("summary")
    write("update intermediate.int_shop_facts set typical_gap_days = 1")
    assert "a customer usually waits 1 day." in say("summary")


@pytest.mark.parametrize(
    ("column", "one", "many"),
    [
        ("importance = 'vip', lifecycle_state = 'lost'", "1 of your VIPs is slipping away", "2 of your VIPs are slip"),
        (
            "lifecycle_state = 'active', lifecycle_changes_on = '2026-01-15'",
            "1 customer, who has",
            "2 customers move to",
        ),
        ("lifecycle_state = 'new', is_won_back = true", "1 customer came back", "2 customers came back"),
        ("persona = 'one_hit_wonder'", "1 customer spent", "2 customers spent"),
        ("persona = 'window_shopper'", "1 person looked", "2 people looked"),
        ("customer_type = 'abandoned_cart'", "1 person who never bought has", "2 people who never bought have"),
    ],
)
def test_suggestions_agree_with_their_numbers(write, say, column: str, one: str, many: str) -> None:
    write(
        order("1"),
        customer("a", 1),
        customer("c"),
        f"update marts.customer_segments set {column} where customer_id = 'a'",
    )
    assert f"  - {one}" in say("summary")
    write(customer("b", 1), f"update marts.customer_segments set {column} where customer_id = 'b'")
    assert f"  - {many}" in say("summary")


def test_long_labels_move_every_table_alike(write, say) -> None:
    write(
        order("1"),
        customer("a", 1),
        "insert into marts.customer_ad_segments values ('a', 'all_customers', '')",
        f"insert into seeds.segment_labels values ('persona', 'dead_weight', 'en', '{'Dead weight ':-<40}')",
    )
    rows = [line for line in say("summary").splitlines() if line.endswith("%") or line.startswith("  all_customers")]
    assert len(rows) == 6
    assert {line.index("1", 40) for line in rows[:5]} == {40 + 2 + 8}
    assert all(line == line.rstrip() for line in say("summary").splitlines())


def test_a_narrow_terminal_costs_the_bar_and_no_figure(write, say, monkeypatch: pytest.MonkeyPatch) -> None:
    write(order("1"), customer("a", 1))
    monkeypatch.setenv("COLUMNS", "60")
    said = say("summary")
    assert "▇" not in said
    assert "revenue EUR  of revenue" in said


def test_square_brackets_are_text(write, say) -> None:
    write(
        order("1"),
        customer("a", 1),
        "insert into seeds.segment_labels values ('persona', 'dead_weight', 'en', '[bold]x')",
    )
    assert "[bold]x" in say("summary")


def test_only_the_names_of_segments_are_translated(write, say) -> None:
    write(
        order("1"),
        customer("a", 1),
        "insert into seeds.segment_labels values ('persona', 'dead_weight', 'da', 'Dødvægt')",
    )
    said = say("summary", "--language", "da")
    assert "Dødvægt" in said
    assert "1 customer, who has bought" in said


def test_counted() -> None:
    assert counted(0, "row") == "0 rows"
    assert counted(1, "row") == "1 row"
    assert counted(1234, "person", "people") == "1,234 people"
