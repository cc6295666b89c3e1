"""Klaviyo: whatever a request meets on its way, sending the same bytes again ends in what was meant."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.publish.fakes.klaviyo import klaviyo
from regulars.publish.fakes.listening import Fault

from .customers import KEY, Clock, batch_of, body_of, destination, done, person, publish, removal, sent


def test_an_answer_that_is_lost_after_the_import_began_makes_a_second_job_and_no_harm(account, loyal):
    target, list_id = loyal
    rows = [person(1), person(2)]
    batch = batch_of("upsert", rows, list_id)
    body = body_of(target, batch, rows)
    account.faults = [Fault(closes=True, is_taken_in=True, on="import")]
    answer = sent(target, batch, body)
    assert (answer.outcome, answer.requests, len(account.jobs)) == ("accepted", 2, 2)
    for job_id in account.jobs:
        assert target.poll(batch, job_id, body).outcome == "acknowledged"
    assert len(account.profiles) == len(account.on_list("loyal")) == 2


@pytest.mark.parametrize(
    "fault", [Fault(500), Fault(502), Fault(503), Fault(closes=True), Fault(is_truncated=True, on="import")]
)
def test_what_passes_is_tried_again_with_the_same_bytes(account, loyal, fault):
    account.faults = [fault]
    assert publish(loyal[0], "upsert", [person(1)], loyal[1]).outcome == "acknowledged"
    assert account.on_list("loyal") == {"canary-1"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_does_not_pass_is_unknown_and_a_rerun_heals(account, loyal, status):
    target, list_id = loyal
    account.faults = [Fault(status, is_taken_in=True, on="import")] * 50
    batch = batch_of("upsert", [person(1)], list_id)
    body = body_of(target, batch, [person(1)])
    answer = sent(target, batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", str(status), True)
    assert answer.requests > 3
    assert ("asked too often" in answer.message) == (status == 429)
    account.faults = []
    assert done(target, batch, body).outcome == "acknowledged"
    assert len(account.profiles) == 1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"Retry-After": "7"}, 7.0), ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.25), ({}, 0.25)],
)
def test_429_waits_as_long_as_it_is_told(account, headers, pause):
    clock = Clock()
    target = destination(account, clock=clock)
    list_id = account.add_list("loyal")
    account.faults = [Fault(429, headers, on="import")]
    assert publish(target, "upsert", [person(1)], list_id).outcome == "acknowledged"
    assert clock.pauses == [pause]


@pytest.mark.parametrize(
    ("fault", "outcome", "code", "is_hopeless", "words"),
    [
        (Fault(401), "failed", "401", True, "api_key"),
        (Fault(403), "failed", "403", True, "scopes"),
        (Fault(410), "failed", "410", True, "revision"),
        (Fault(302, {"Location": "https://login.example"}), "failed", "302", True, "proxy"),
        (Fault(200, {"Content-Type": "text/html"}, b"<html>canary</html>"), "unknown", "not_json", True, "proxy"),
        (Fault(202, {}, b'{"data": {"id": "01'), "unknown", "not_json", True, "not what Klaviyo says"),
        (Fault(202, {}, b'{"data": {"id": "canary mail"}}'), "unknown", "not_json", True, "not what Klaviyo says"),
        (Fault(202, {}, b"\xff\xfe"), "unknown", "not_json", True, "not what Klaviyo says"),
        (Fault(413), "failed", "413", False, "as large"),
        (Fault(400, {}, b"canary"), "failed", "rejected", False, "refused"),
    ],
)
def test_what_an_answer_means(account, loyal, fault, outcome, code, is_hopeless, words):
    target, list_id = loyal
    account.faults = [dataclasses.replace(fault, on="import")]
    batch = batch_of("upsert", [person(1)], list_id)
    body = body_of(target, batch, [person(1)])
    answer = sent(target, batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == (outcome, code, is_hopeless)
    assert words in answer.message
    assert answer.is_too_large == (fault.status == 413)
    assert done(target, batch, body).outcome == "acknowledged"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_after_a_lost_answer_a_refusal_does_not_say_that_nothing_was_done(account, loyal, status):
    target, list_id = loyal
    account.faults = [Fault(closes=True, is_taken_in=True, on="import"), Fault(status, on="import")]
    answer = publish(target, "upsert", [person(1)], list_id)
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)


def test_nobody_there_is_unknown(account, loyal):
    target, list_id = loyal
    account.faults = [Fault(closes=True, on="import")] * 50
    answer = publish(target, "upsert", [person(1)], list_id)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "no_answer", True)


def test_an_answer_that_never_comes_is_not_waited_for(account, loyal):
    target, list_id = loyal
    target.client.timeout_seconds = 0.05
    account.faults = [Fault(hangs=True, is_taken_in=True, on="import")]
    assert publish(target, "upsert", [person(1)], list_id).outcome == "acknowledged"
    assert len(account.jobs) == 2


def test_limits_of_each_endpoint_are_kept(account):
    """200 imports and their polls at 10 a second and 150 a minute: nothing is lost, and the minute is waited for."""
    clock = Clock()
    account.has_limits, account.clock = True, clock
    target = destination(account, clock=clock, deadline_seconds=120)
    list_id = target.open_object("loyal")
    account.check = lambda *_: ""
    for number in range(200):
        assert publish(target, "upsert", [person(number)], list_id).outcome == "acknowledged"
    assert len(account.on_list("loyal")) == 200
    assert 1080 < clock.now < 1100
    assert 30 < max(clock.pauses) <= 61


# Any order of things, with any faults


FAULTS = [
    Fault(closes=True, is_taken_in=True), Fault(closes=True), Fault(503, is_taken_in=True), Fault(401), Fault(429),
    Fault(200, {}, b"<html>"), Fault(200, {}, b"<html>", is_taken_in=True), Fault(is_truncated=True), Fault(413),
]  # fmt: skip
STEP = st.tuples(
    st.sampled_from(["upsert", "upsert", "clear", "remove"]),
    st.sets(st.integers(0, 5), min_size=1, max_size=4),
    st.integers(0, 9),
    st.lists(st.sampled_from(FAULTS), max_size=4),
    st.booleans(),
)


@settings(max_examples=40)
@given(steps=st.lists(STEP, max_size=6))
def test_whatever_goes_wrong_replaying_the_same_bytes_ends_in_what_was_meant(steps):
    with klaviyo("AbC123", KEY) as account:
        target = destination(account)
        list_id = target.open_object("loyal")
        on_list, properties = set(), {}
        for operation, numbers, value, faults, is_cancelled in steps:
            rows = [
                removal(number)
                if operation == "remove"
                else person(number, properties={"v": value})
                if operation == "upsert"
                else person(number, properties={"w": value}, cleared=("v",))
                for number in sorted(numbers)
            ]
            batch = batch_of("remove" if operation == "remove" else "upsert", rows, list_id)
            body = body_of(target, batch, rows)
            account.faults, account.cancelled_jobs = list(faults), int(is_cancelled)
            for _ in range(20):
                answer = done(target, batch, body)
                if answer.outcome == "acknowledged":
                    break
            assert (answer.outcome, answer.rejected) == ("acknowledged", ())
            for row in rows:
                if operation == "remove":
                    on_list.discard(row.customer_id)
                    continue
                on_list.add(row.customer_id)
                has = properties.setdefault(row.customer_id, {})
                has.update(row.properties)
                if operation == "clear":
                    has.pop("v", None)
        account.faults = []
        assert account.on_list("loyal") == on_list
        assert {
            str(one.attributes["external_id"]): one.attributes["properties"] for one in account.profiles.values()
        } == properties
        assert account.problems == []
