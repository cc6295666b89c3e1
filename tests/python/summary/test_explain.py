"""`regulars explain` of customers with and without consents, and of ids that are nobody's."""

import json

import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.errors import UsageError

PROFILE = "insert into intermediate.int_customer_profiles values ('a', {})"


@pytest.fixture(autouse=True)
def one_customer(write) -> None:
    write("insert into marts.customer_segments (customer_id) values ('a')")


def refusal(database, given: str) -> str:
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(app, ["explain", given, "--database", str(database)], catch_exceptions=False)
    return str(refused.value)


def test_silence_is_told_from_a_no(write, say) -> None:
    write(PROFILE.format("true, false, null, null, null"))
    said = say("explain", "a")
    assert "  e-mail: given\n  SMS: refused\n  user data for ads: none recorded\n" in said
    assert "what is not recorded counts as refused" in said
    assert json.loads(say("explain", "a", "--json"))["consents"][:3] == [
        {"use": "e-mail", "answer": "given"},
        {"use": "SMS", "answer": "refused"},
        {"use": "user data for ads", "answer": "none recorded"},
    ]


def test_a_customer_without_a_profile_has_said_nothing(say) -> None:
    assert say("explain", "a").count(": none recorded") == 5


def test_an_unknown_id_says_where_ids_are(hand_made) -> None:
    assert "marts.customer_segments, column customer_id" in refusal(hand_made, "nobody")


def test_an_email_address_leads_to_its_customer(hand_made, write) -> None:
    write("insert into marts.customer_identities values ('email:' || md5('ann@example.com'), null, 'a')")
    assert refusal(hand_made, " Ann@example.com").endswith("is the e-mail address of a customer: regulars explain a")


def test_an_order_leads_to_its_customer(hand_made, write) -> None:
    write("insert into marts.fct_orders (order_id, customer_id) values ('1001', 'a b')")
    assert refusal(hand_made, "1001") == "\"1001\" is an order of a customer: regulars explain 'a b'"


def test_a_guest_has_no_segments(hand_made, write) -> None:
    write("insert into marts.fct_orders (order_id, is_guest_order) values ('1002', true)")
    assert "is an order of a guest" in refusal(hand_made, "1002")


def test_a_shop_of_guests_has_nobody_to_explain(hand_made, write) -> None:
    write("delete from marts.customer_segments")
    assert "this shop has no customers" in refusal(hand_made, "a")
