"""Klaviyo: profiles that are imported, the jobs that do so, rows that are refused, properties that are cleared."""

import dataclasses
import json

import pytest

from regulars.publish.destinations import Rejected, Row, Unsendable
from regulars.publish.fakes.listening import Fault

from .customers import PHONE, asked, batch_of, body_of, clean, done, person, publish, sent

# What is sent


def test_a_profile_stands_in_the_request_as_klaviyo_wants_it(account, loyal):
    target, list_id = loyal
    row = person(
        1,
        contacts={
            "email": " Canary.1@Example.com ", "phone": "(555) 987-6543", "first_name": " Valéry ", "last_name": "정",
            "country": "us", "postal_code": " 94105 ",
        },
        properties={"tier": "gold", "orders": 3, "gone": None, "tags": ["a"]},
    )  # fmt: skip
    encoded = target.encode("upsert", row)
    assert encoded.sent_as == ""
    assert json.loads(encoded.body) == {
        "type": "profile",
        "attributes": {
            "external_id": "canary-1",
            "email": "canary.1@example.com",
            "phone_number": "+15559876543",
            "first_name": "Valéry",
            "last_name": "정",
            "location": {"country": "US", "zip": "94105"},
            "properties": {"tier": "gold", "orders": 3, "tags": ["a"]},
        },
    }
    assert publish(target, "upsert", [row], list_id).outcome == "acknowledged"
    has = account.profile("canary-1").attributes
    assert (has["phone_number"], has["properties"]) == ("+15559876543", {"tier": "gold", "orders": 3, "tags": ["a"]})


def test_the_same_rows_give_the_same_bytes_whatever_the_order_of_properties(account, loyal):
    target, _ = loyal
    one = person(1, properties={"a": 1, "b": 2}, cleared=("x", "y"))
    other = person(1, properties={"b": 2, "a": 1}, cleared=("y", "x"))
    assert target.encode("upsert", one).body == target.encode("upsert", other).body
    batch = batch_of("upsert", [one])
    assert body_of(target, batch, [one]) == body_of(target, dataclasses.replace(batch, key="0" * 32), [other])


@pytest.mark.parametrize(
    ("row", "code", "pointer"),
    [
        (person(1, contacts={"email": "canary at example", "country": "US"}), "no_identifier", "email"),
        (person(1, contacts={}), "no_identifier", "email"),
        (person(1, properties={"tier": float("nan")}), "not_json", "properties"),
        (person(1, properties={"tier": {1}}), "not_json", "properties"),
        (person(1, properties={"tier": "canary \ud800"}), "not_unicode", ""),
        (person(1, properties={"tier": "x" * 100_000}), "profile_too_large", "properties"),
        (person('"1'), "customer_id_not_searchable", "customer_id"),
        (person("\\1"), "customer_id_not_searchable", "customer_id"),
        (Row(" ", {"email": "canary@example.com"}), "customer_id_not_searchable", "customer_id"),
    ],
)
def test_a_row_that_no_request_may_hold_is_said_to_be_so(account, loyal, row, code, pointer):
    assert clean(loyal[0].encode("upsert", row)) == Unsendable(code, pointer)


def test_a_phone_number_alone_is_enough_and_a_wrong_one_is_left_out(account, loyal):
    target, list_id = loyal
    by_phone = Row("canary-1", {"phone": PHONE, "email": None, "country": "US"})
    by_email = Row("canary-2", {"phone": "12", "email": "canary@example.com", "country": "US"})
    assert publish(target, "upsert", [by_phone, by_email], list_id).rejected == ()
    assert account.profile("canary-1").attributes["phone_number"] == "+15559876543"
    assert "phone_number" not in account.profile("canary-2").attributes


def test_limits_are_klaviyos_and_a_full_batch_stays_below_them(account, loyal):
    target, _ = loyal
    can = target.capabilities
    assert (can.rows_per_batch, can.removals_per_batch, can.clears_by_null) == (10_000, 1000, False)
    assert not can.is_keyed_by_identifiers
    largest = b"x" * (can.bytes_per_batch // 10_000)
    assert len(target.body(batch_of("upsert", []), [largest] * 10_000)) < 5_000_000
    # The largest profile that is sent is one that Klaviyo takes.
    room = 100_000 - len(target.encode("upsert", person(1, properties={"tier": ""})).body)
    row = person(1, properties={"tier": "x" * room})
    assert len(target.encode("upsert", row).body) == 100_000
    assert publish(target, "upsert", [row, person(2)], loyal[1]).outcome == "acknowledged"


def test_a_thousand_people_are_one_import_and_one_question(account, loyal):
    target, list_id = loyal
    account.check = lambda *_: ""
    rows = [person(number) for number in range(1000)]
    answer = publish(target, "upsert", rows, list_id)
    assert (answer.outcome, answer.rejected, answer.remote_ids) == ("acknowledged", (), ())
    assert account.on_list("loyal") == {row.customer_id for row in rows}
    assert [(method, rows) for method, _, rows in account.requests] == [("POST", 1000), ("GET", 0)]


# Jobs


def test_a_job_is_asked_once_a_poll_and_stays_accepted_until_it_is_complete(account, loyal):
    target, list_id = loyal
    account.polls_until_done = 2
    batch = batch_of("upsert", [person(1)], list_id)
    body = body_of(target, batch, [person(1)])
    answer = sent(target, batch, body)
    assert (answer.outcome, answer.remote_id, answer.requests) == ("accepted", next(iter(account.jobs)), 1)
    said = [target.poll(batch, answer.remote_id, body) for _ in range(3)]
    assert [(one.outcome, one.code, one.requests) for one in said] == [
        ("accepted", "queued", 1), ("accepted", "processing", 1), ("acknowledged", "", 1)
    ]  # fmt: skip
    assert said[0].remote_id == said[1].remote_id == answer.remote_id


@pytest.mark.parametrize("names_rows_by", ["payload", "pointer"])
def test_rows_that_a_job_refuses_are_rejected_and_the_others_acknowledged(account, loyal, names_rows_by):
    target, list_id = loyal
    account.names_rows_by = names_rows_by
    account.refuse = lambda attributes: "email" if int(attributes["external_id"][7:]) % 3 == 0 else ""
    rows = [person(number) for number in range(400)]
    answer = publish(target, "upsert", rows, list_id)
    assert answer.outcome == "acknowledged"
    assert answer.rejected == tuple(Rejected(place, "invalid", "email") for place in range(0, 400, 3))
    assert len(account.on_list("loyal")) == 400 - 134
    # 134 errors are two pages, and the second is asked of the address of the settings, not of the link.
    assert len(asked(account, "import-errors")) == 2


def test_an_address_that_another_customer_has_is_an_error_of_its_row(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1)], list_id)
    answer = publish(target, "upsert", [person(2), person(3, contacts=person(1).contacts)], list_id)
    assert answer.rejected == (Rejected(1, "duplicate_profile", "email"),)


def test_errors_that_name_nobody_leave_the_batch_unknown_unless_it_is_of_one(account, loyal):
    target, list_id = loyal
    account.names_rows_by = "nothing"
    account.refuse = lambda attributes: "tier" if attributes["external_id"] == "canary-1" else ""
    answer = publish(target, "upsert", [person(1), person(2)], list_id)
    assert (answer.outcome, answer.code, answer.rejected) == ("unknown", "error_without_row", ())
    assert publish(target, "upsert", [person(1)], list_id).rejected == (Rejected(0, "invalid"),)


def test_errors_that_are_counted_but_not_listed_leave_the_batch_unknown(account, loyal):
    target, list_id = loyal
    account.refuse = lambda attributes: "email" if attributes["external_id"] != "canary-3" else ""
    account.faults = [Fault(200, {}, b'{"data": []}', on="errors")]
    answer = publish(target, "upsert", [person(1), person(2), person(3)], list_id)
    assert (answer.outcome, answer.code) == ("unknown", "errors_missing")


@pytest.mark.parametrize(
    ("failed", "completed", "questions"), [(0, 2, 0), (0, None, 0), (0, 1, 1), (None, 2, 1), (None, None, 1), (1, 2, 1)]
)
def test_errors_are_asked_for_unless_the_counts_say_that_there_are_none(account, loyal, failed, completed, questions):
    target, list_id = loyal
    counts = {"status": "complete", "total_count": 2, "completed_count": completed, "failed_count": failed}
    account.faults = [Fault(200, {}, json.dumps({"data": {"id": "1", "attributes": counts}}).encode(), on="job")]
    publish(target, "upsert", [person(1), person(2)], list_id)
    assert len(asked(account, "import-errors")) == questions


def test_codes_and_pointers_of_klaviyo_are_words_or_left_out(account, loyal):
    target, list_id = loyal
    account.refuse = lambda attributes: "properties/tier"
    answer = publish(target, "upsert", [person(1)], list_id)
    assert answer.rejected == (Rejected(0, "invalid", "properties/tier"),)
    errors = {
        "data": [
            {"attributes": {"code": "Canary@example.com", "source": {"pointer": "/data/attributes/properties/canary"}}}
        ]
    }
    account.faults = [Fault(200, {}, json.dumps(errors).encode(), on="errors")]
    assert publish(target, "upsert", [person(1)], list_id).rejected == (Rejected(0, "rejected", "properties"),)


def test_a_cancelled_job_is_unknown_and_its_bytes_may_go_again(account, loyal):
    target, list_id = loyal
    account.cancelled_jobs = 1
    rows = [person(number) for number in range(4)]
    batch = batch_of("upsert", rows, list_id)
    body = body_of(target, batch, rows)
    answer = done(target, batch, body)
    # Half of them are on the list: to call it failed would forget to take them off again.
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "job_cancelled", True)
    assert len(account.on_list("loyal")) == 2
    assert done(target, batch, body).outcome == "acknowledged"
    assert len(account.on_list("loyal")) == len(account.profiles) == 4


def test_a_job_that_is_gone_is_sent_again_and_one_that_cannot_be_asked_for_is_not(account, loyal):
    target, list_id = loyal
    batch = batch_of("upsert", [person(1)], list_id)
    body = body_of(target, batch, [person(1)])
    assert clean(target.poll(batch, "01JGONE", body)).outcome == "unknown"
    remote_id = sent(target, batch, body).remote_id
    for fault in (Fault(401), Fault(200, {}, b"<html>canary</html>"), Fault(200, {}, b'{"data": {"attri')):
        account.faults = [fault]
        answer = clean(target.poll(batch, remote_id, body))
        assert (answer.outcome, answer.remote_id, answer.is_hopeless) == ("accepted", remote_id, True)
        assert answer.message
    assert target.poll(batch, remote_id, body).outcome == "acknowledged"


def test_a_status_that_nobody_knows_is_waited_for(account, loyal):
    target, list_id = loyal
    said = {"data": {"id": "1", "attributes": {"status": "canary"}}}
    account.faults = [Fault(200, {}, json.dumps(said).encode(), on="job")]
    batch = batch_of("upsert", [person(1)], list_id)
    answer = clean(target.poll(batch, "01J", body_of(target, batch, [person(1)])))
    assert (answer.outcome, answer.code, answer.remote_id) == ("accepted", "strange_status", "01J")


def test_errors_that_cannot_be_fetched_leave_the_job_accepted(account, loyal):
    target, list_id = loyal
    account.refuse = lambda attributes: "email" if attributes["external_id"] == "canary-1" else ""
    rows = [person(1), person(2)]
    batch = batch_of("upsert", rows, list_id)
    body = body_of(target, batch, rows)
    remote_id = sent(target, batch, body).remote_id
    account.faults = [Fault(403, on="errors")]
    answer = clean(target.poll(batch, remote_id, body))
    assert (answer.outcome, answer.code) == ("accepted", "403")
    assert "scopes" in answer.message
    assert target.poll(batch, remote_id, body).rejected == (Rejected(0, "invalid", "email"),)


# Rows that are refused when the import is asked for


def test_an_import_that_is_refused_for_some_rows_goes_without_them(account, loyal):
    target, list_id = loyal
    account.is_strict = True
    account.refuse = lambda attributes: "email" if attributes["external_id"] in {"canary-1", "canary-3"} else ""
    rows = [person(number) for number in range(5)]
    batch = batch_of("upsert", rows, list_id)
    body = body_of(target, batch, rows)
    answer = sent(target, batch, body)
    assert (answer.outcome, answer.requests) == ("accepted", 2)
    # A row that only the job refuses has its true place, and not the one among those that were sent at last.
    account.is_strict = False
    account.names_rows_by = "pointer"
    account.refuse = lambda attributes: "properties" if attributes["external_id"] == "canary-4" else ""
    answer = clean(target.poll(batch, answer.remote_id, body))
    assert answer.outcome == "acknowledged"
    assert answer.rejected == (
        Rejected(1, "invalid", "email"), Rejected(3, "invalid", "email"), Rejected(4, "invalid", "properties")
    )  # fmt: skip
    assert account.on_list("loyal") == {"canary-0", "canary-2"}


def test_an_import_of_nobody_but_refused_rows_ends_acknowledged_with_all_of_them_rejected(account, loyal):
    target, list_id = loyal
    account.is_strict = True
    account.refuse = lambda attributes: "phone_number"
    answer = publish(target, "upsert", [person(1), person(2)], list_id)
    assert (answer.outcome, answer.rejected) == (
        "acknowledged", (Rejected(0, "invalid", "phone_number"), Rejected(1, "invalid", "phone_number"))
    )  # fmt: skip
    assert account.jobs == {}


def test_an_import_that_is_refused_again_and_again_is_halved(account, loyal):
    target, list_id = loyal
    wrong = {"errors": [{"code": "invalid", "source": {"pointer": "/data/attributes/profiles/data/0/attributes/x"}}]}
    account.faults = [Fault(400, {}, json.dumps(wrong).encode(), on="import")] * 5
    answer = publish(target, "upsert", [person(number) for number in range(9)], list_id)
    assert (answer.outcome, answer.is_too_large, answer.requests) == ("failed", True, 5)


@pytest.mark.parametrize(
    ("pointer", "is_hopeless"),
    [("/data/relationships/lists/data/0/id", True), ("/data", False), ("/data/attributes/profiles/data/7/id", False)],
)
def test_a_refusal_that_names_no_row_of_ours_fails_the_batch(account, loyal, pointer, is_hopeless):
    target, list_id = loyal
    wrong = {"errors": [{"code": "invalid", "detail": "canary", "source": {"pointer": pointer}}]}
    account.faults = [Fault(400, {}, json.dumps(wrong).encode(), on="import")]
    answer = publish(target, "upsert", [person(1)], list_id)
    assert (answer.outcome, answer.is_hopeless, answer.is_too_large) == ("failed", is_hopeless, False)


def test_a_list_that_is_gone_is_hopeless(account, loyal):
    answer = publish(loyal[0], "upsert", [person(1)], "Gone00")
    assert (answer.outcome, answer.is_hopeless) == ("failed", True)
    assert "no such list" in answer.message


def test_rows_that_are_refused_one_after_another_keep_their_places(account, loyal):
    target, list_id = loyal
    wrong = {
        "errors": [{"code": "invalid", "source": {"pointer": "/data/attributes/profiles/data/1/attributes/email"}}]
    }
    account.faults = [Fault(400, {}, json.dumps(wrong).encode(), on="import")] * 2
    answer = publish(target, "upsert", [person(number) for number in range(4)], list_id)
    assert answer.rejected == (Rejected(1, "invalid", "email"), Rejected(2, "invalid", "email"))
    assert account.on_list("loyal") == {"canary-0", "canary-3"}


def test_a_refusal_of_rows_and_of_something_else_is_not_tried_without_the_rows(account, loyal):
    target, list_id = loyal
    pointers = ["/data/attributes/profiles/data/0/attributes/email", "/data/relationships/lists/data/0/id"]
    wrong = {"errors": [{"code": "invalid", "source": {"pointer": pointer}} for pointer in pointers]}
    account.faults = [Fault(400, {}, json.dumps(wrong).encode(), on="import")]
    answer = publish(target, "upsert", [person(1), person(2)], list_id)
    assert (answer.outcome, answer.is_hopeless, answer.requests) == ("failed", True, 1)


# Clearing


def test_properties_are_cleared_after_the_import_and_only_those(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2), person(3)], list_id)
    account.requests.clear()
    account.refuse = lambda attributes: "properties" if attributes["external_id"] == "canary-3" else ""
    rows = [
        person(1, properties={"revenue": "9", "tier": None}, cleared=("tier",)),
        person(2),
        person(3, properties={"revenue": "9"}, cleared=("tier",)),
    ]
    answer = publish(target, "upsert", rows, list_id)
    assert answer.outcome == "acknowledged"
    assert answer.rejected == (Rejected(2, "invalid", "properties"),)
    assert answer.remote_ids == ((0, account.profile("canary-1").id),)
    assert account.profile("canary-1").attributes["properties"] == {"revenue": "9"}
    assert account.profile("canary-2").attributes["properties"] == {"tier": "canary gold", "revenue": "12.50"}
    # Who was refused is left as she was.
    assert account.profile("canary-3").attributes["properties"] == {"tier": "canary gold", "revenue": "12.50"}
    assert [path for _, path in asked(account)][-1] == "/api/profile-import"
    assert len(asked(account, "/api/profile-import")) == 1


def test_what_is_cleared_is_kept_behind_the_request_and_never_sent_with_it(account, loyal):
    target, list_id = loyal
    rows = [person(1), person(2, cleared=("tier", "b"))]
    body = body_of(target, batch_of("upsert", rows, list_id), rows)
    request, clearings = body.split(b"\n")
    assert json.loads(clearings) == [[1, "canary-2", ["b", "tier"]]]
    assert [set(one) for one in json.loads(request)["data"]["attributes"]["profiles"]["data"]] == [
        {"type", "attributes"}, {"type", "attributes"}
    ]  # fmt: skip


def test_clearing_that_breaks_off_is_done_again_by_the_next_poll(account, loyal):
    target, list_id = loyal
    rows = [person(1, properties={}, cleared=("tier",)), person(2, properties={}, cleared=("tier",))]
    publish(target, "upsert", [person(1), person(2)], list_id)
    batch = batch_of("upsert", rows, list_id)
    body = body_of(target, batch, rows)
    remote_id = sent(target, batch, body).remote_id
    account.faults = [Fault(503, on="profile", is_taken_in=True)] * 20
    answer = clean(target.poll(batch, remote_id, body))
    assert (answer.outcome, answer.remote_id, answer.is_hopeless) == ("accepted", remote_id, True)
    account.faults = []
    assert target.poll(batch, remote_id, body).outcome == "acknowledged"
    assert [account.profile(f"canary-{n}").attributes["properties"] for n in (1, 2)] == [{"revenue": "12.50"}] * 2


def test_a_property_that_klaviyo_will_not_clear_rejects_its_row(account, loyal):
    target, list_id = loyal
    wrong = {"errors": [{"code": "invalid", "detail": "canary"}]}
    account.faults = [Fault(400, {}, json.dumps(wrong).encode(), on="profile")]
    answer = publish(target, "upsert", [person(1, cleared=("old",)), person(2, cleared=("old",))], list_id)
    assert (answer.outcome, answer.rejected) == ("acknowledged", (Rejected(0, "invalid", "properties"),))
    assert [place for place, _ in answer.remote_ids] == [1]
