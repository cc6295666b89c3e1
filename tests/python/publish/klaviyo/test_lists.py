"""Klaviyo: which account, which list, and who is taken off it."""

import json
from dataclasses import replace

import pytest

from regulars.publish.destinations import Person, Row
from regulars.publish.errors import DestinationError
from regulars.publish.fakes.listening import Fault

from .customers import asked, batch_of, body_of, clean, destination, person, publish, removal, sent

# Which account, which list


@pytest.mark.parametrize("operation", ["upsert", "remove", "erase", "open"])
def test_another_accounts_key_writes_nothing(account, operation):
    target = destination(account, account_id="XyZ789")
    if operation == "open":
        with pytest.raises(DestinationError, match="opens the Klaviyo account AbC123, and account_id says XyZ789"):
            target.open_object("loyal")
    elif operation == "erase":
        assert target.erase("loyal", [Person("canary-1")]).code == "other_account"
    else:
        answer = publish(target, operation, [person(1)], "L00001")
        assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "other_account", True)
    assert asked(account) == [("GET", "/api/accounts")]


def test_whose_key_it_is_is_asked_once(account):
    target = destination(account)
    list_id = target.open_object("loyal")
    publish(target, "upsert", [person(1)], list_id)
    publish(target, "remove", [removal(1)], list_id)
    assert len(asked(account, "accounts")) == 1


@pytest.mark.parametrize("fault", [Fault(401), Fault(403), Fault(200, {}, b"<html>"), Fault(200, {}, b'{"data": []}')])
def test_when_klaviyo_does_not_say_whose_key_it_is_nothing_is_sent(account, fault):
    target = destination(account)
    account.faults = [fault, fault]
    answer = publish(target, "upsert", [person(1)], "L00001")
    assert (answer.outcome, answer.is_hopeless) == ("failed", True)
    with pytest.raises(DestinationError) as caught:
        target.open_object("loyal")
    clean(caught.value)
    assert asked(account) == [("GET", "/api/accounts")] * 2


def test_a_list_is_found_by_its_name_and_made_only_once(account):
    account.add_list("Loyal people")
    target = destination(account)
    list_id = target.open_object("loyal people")
    assert account.lists[list_id] == "loyal people"
    assert destination(account).open_object("loyal people") == list_id
    assert list(account.lists.values()) == ["Loyal people", "loyal people"]


def test_a_name_is_looked_for_on_every_page(account):
    for number in range(11):
        account.add_list("LOYAL_" if number else "Loyal_")
    wanted = account.add_list("loyal_")
    assert destination(account).open_object("loyal_") == wanted


def test_two_lists_of_one_name_are_refused_with_their_ids(account):
    ids = sorted([account.add_list("loyal"), account.add_list("loyal")])
    with pytest.raises(DestinationError, match=", ".join(ids)):
        destination(account).open_object("loyal")
    assert destination(account).open_object(ids[0]) == ids[0]


def test_an_object_may_be_an_id_but_not_one_lists_id_and_anothers_name(account):
    account.add_list("whatever", "Y6nRLr")
    assert destination(account).open_object("Y6nRLr") == "Y6nRLr"
    account.add_list("Y6nRLr", "Abc999")
    with pytest.raises(DestinationError, match="Abc999, Y6nRLr"):
        destination(account).open_object("Y6nRLr")
    assert len(account.lists) == 2


def test_a_name_of_six_letters_that_is_no_id_is_a_name(account):
    list_id = destination(account).open_object("lovers")
    assert account.lists == {list_id: "lovers"}


def test_a_name_that_no_filter_can_hold_is_refused(account):
    with pytest.raises(DestinationError, match="quotation marks"):
        destination(account).open_object('the "loyal"')
    assert account.lists == {}


@pytest.mark.parametrize("fault", [Fault(closes=True, is_taken_in=True), Fault(503, is_taken_in=True)])
def test_a_list_whose_making_was_not_answered_is_found_by_its_name_and_not_made_twice(account, fault):
    account.faults = [replace(fault, on="new_list")]
    opened = destination(account).open_object("loyal")
    assert list(account.lists) == [opened]
    account.add_list("loyal")
    with pytest.raises(DestinationError, match="2 lists"):
        destination(account).open_object("loyal")


def test_a_list_that_nobody_made_is_made_by_the_next_run(account):
    account.faults = [Fault(503, on="new_list")]
    with pytest.raises(DestinationError):
        destination(account).open_object("loyal")
    assert account.lists == {}
    assert [destination(account).open_object("loyal")] == list(account.lists)


@pytest.mark.parametrize("where", ["lists", "list", "new_list"])
def test_a_list_that_cannot_be_opened_says_why(account, where):
    account.faults = [Fault(403, {}, b"canary", on=where)]
    with pytest.raises(DestinationError, match="scopes") as caught:
        destination(account).open_object("lovers")
    clean(caught.value)


# Removals


def test_people_are_taken_off_the_list_and_stay_otherwise_as_they_are(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(number) for number in range(230)], list_id)
    known = account.profile("canary-0").id
    account.requests.clear()
    rows = [removal(0, known), *(removal(number) for number in range(1, 225)), removal(9999)]
    answer = publish(target, "remove", rows, list_id)
    assert (answer.outcome, answer.rejected, answer.requests) == ("acknowledged", (), 4)
    assert account.on_list("loyal") == {f"canary-{number}" for number in range(225, 230)}
    assert len(account.profiles) == 230
    # Whom we did not know is looked up, a hundred at a time; who is not there counts as removed.
    assert [method for method, _ in asked(account, "/api/profiles")] == ["GET"] * 3
    assert account.requests[-1] == ("DELETE", f"/api/lists/{list_id}/relationships/profiles", 225)
    assert dict(answer.remote_ids)[1] == account.profile("canary-1").id
    assert len(answer.remote_ids) == 224


def test_when_nobody_is_there_nothing_is_asked_to_be_removed(account, loyal):
    target, list_id = loyal
    answer = publish(target, "remove", [removal(1)], list_id)
    assert (answer.outcome, answer.requests, asked(account, "relationships")) == ("acknowledged", 1, [])


def test_a_profile_id_that_is_gone_is_looked_up_anew(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2)], list_id)
    answer = publish(target, "remove", [removal(1, "01POLD"), removal(2)], list_id)
    assert answer.outcome == "acknowledged"
    assert account.on_list("loyal") == set()
    assert dict(answer.remote_ids) == {place: account.profile(f"canary-{place + 1}").id for place in (0, 1)}


def test_removals_from_a_list_that_is_gone_are_hopeless(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1)], list_id)
    answer = publish(target, "remove", [removal(1, account.profile("canary-1").id)], "Gone00")
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "404", True)


def test_long_customer_ids_are_asked_for_in_addresses_that_servers_take(account, loyal):
    target, list_id = loyal
    rows = [person(f"{number}-" + "é" * 60) for number in range(40)]
    publish(target, "upsert", rows, list_id)
    answer = publish(target, "remove", [Row(row.customer_id) for row in rows], list_id)
    assert (answer.outcome, account.on_list("loyal")) == ("acknowledged", set())
    assert len(asked(account, "/api/profiles")) == 3


def test_removals_sent_twice_do_no_harm(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1)], list_id)
    batch = batch_of("remove", [removal(1)], list_id)
    body = body_of(target, batch, [removal(1)])
    account.faults = [Fault(closes=True, is_taken_in=True, on="list_members")]
    assert sent(target, batch, body).outcome == "acknowledged"
    assert sent(target, batch, body).outcome == "acknowledged"
    assert account.on_list("loyal") == set()


def test_a_removal_whose_people_cannot_be_looked_up_has_done_nothing(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1)], list_id)
    account.faults = [Fault(401, on="profiles")]
    answer = publish(target, "remove", [removal(1)], list_id)
    assert (answer.outcome, answer.is_hopeless) == ("failed", True)
    account.faults = [Fault(200, {"Content-Type": "text/html"}, b"<html>", on="profiles")]
    assert publish(target, "remove", [removal(1)], list_id).code == "not_json"
    assert account.on_list("loyal") == {"canary-1"}


@pytest.mark.parametrize("where", ["accounts", "profiles"])
def test_as_long_as_only_questions_were_asked_nothing_was_done(account, where):
    """However often they were asked."""
    account.faults = [Fault(503, on=where)] * 50
    answer = publish(destination(account), "remove", [removal(1)], account.add_list("loyal"))
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "503", True)


def test_a_person_that_was_not_asked_for_is_not_taken_off(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2)], list_id)
    other = {"id": account.profile("canary-2").id, "attributes": {"external_id": "canary-2"}}
    account.faults = [Fault(200, {}, json.dumps({"data": [other]}).encode(), on="profiles")]
    assert publish(target, "remove", [removal(1)], list_id).outcome == "acknowledged"
    assert "canary-2" in account.on_list("loyal")
