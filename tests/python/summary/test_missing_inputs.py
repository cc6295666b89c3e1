"""The summary names what cannot be known for want of an input."""

import json

INPUT = "insert into intermediate.int_inputs values ('{}', {}, '{}')"
SHOP = (
    "insert into marts.customer_segments (customer_id) values ('a')",
    "insert into marts.fct_orders (order_id) values ('1')",
)


def test_each_missing_input_has_a_line(write, say) -> None:
    write(
        *SHOP,
        INPUT.format("web_events", False, "window shoppers"),
        INPUT.format("refunds", True, "what was given back"),
        INPUT.format("customers", False, "consents"),
        INPUT.format("loyalty_cards", False, "card holders"),
    )
    assert (
        "Not known, because there are\n"
        "  - no customer profiles: consents\n"
        "  - no site events: window shoppers\n"
        "  - no loyalty cards: card holders\n"
    ) in say("summary")
    assert [missing["input"] for missing in json.loads(say("summary", "--json"))["missing_inputs"]] == [
        "customers",
        "web_events",
        "loyalty_cards",
    ]


def test_a_shop_that_brought_everything_has_no_such_block(write, say) -> None:
    write(*SHOP, INPUT.format("web_events", True, "window shoppers"))
    assert "Not known" not in say("summary")
    assert json.loads(say("summary", "--json"))["missing_inputs"] == []


def test_an_older_build_did_not_write_it_down(write, say) -> None:
    write(*SHOP, "drop table intermediate.int_inputs")
    assert "Not known" not in say("summary")
    assert json.loads(say("summary", "--json"))["missing_inputs"] is None
