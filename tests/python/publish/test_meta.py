"""Meta's custom audiences against a stand-in that knows people by identifier and takes nothing that Meta does not."""

import hashlib
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from regulars.publish.destinations import Batch, Encoded, Person, Row, Unsendable
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.errors import DestinationError
from regulars.publish.fakes.listening import Fault
from regulars.publish.fakes.meta import Audience, error, meta_fake
from regulars.publish.settings import Meta

from .ads import CANARY, KEY, MARY, MARYS_PHONE, Time, batch_of, is_silent


@pytest.fixture
def meta():
    with meta_fake() as state:
        yield state


@pytest.fixture
def time():
    return Time()


def destination(meta, time=None, *, deadline_seconds=60, **more) -> MetaDestination:
    own = {name: more.pop(name) for name in ("app_secret", "sends", "is_value_based") if name in more}
    token = more.pop("access_token", meta.token)
    settings = Meta(
        type="meta",
        **{"ad_account": f"act_{meta.ad_account}", "access_token": {"env": "TOKEN"}, "url": meta.url} | more,
    )
    return MetaDestination(settings, token, (time or Time()).client(deadline_seconds), **own)


def row(customer_id="c1", email="mary@example.com", **more) -> Row:
    properties = {"_value": more.pop("value")} if "value" in more else {}
    return Row(customer_id, {"email": email, "country": "US", **more}, properties)


def hashes(meta, audience_id, kind="EMAIL"):
    return {one.partition(":")[2] for one in meta.audiences[audience_id].members if one.startswith(kind)}


def sent(meta, number=-1):
    return json.loads(meta.bodies[number])


# What a row looks like


def test_the_golden_vectors_arrive(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    people = [
        row("c1", " Mary@Example.com ", phone="+1 (555) 987-6543", first_name="Valéry", last_name="정"),
        row("c2", "john_smith@gmail.com", postal_code="94105-1234"),
    ]
    batch, body, _ = batch_of(ours, "upsert", audience, people)
    assert ours.send(batch, body).outcome == "acknowledged"
    payload = sent(meta)["payload"]
    assert payload["schema"] == ["EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP"]
    first, second = payload["data"]
    assert first[:3] == ["c1", MARY, MARYS_PHONE]
    assert [one[:8] for one in first[3:5]] == ["08e1996b", "8fa8cd9c"]
    assert first[6] == ""
    assert second[1].startswith("62a14e44")
    assert second[6] == hashlib.sha256(b"94105").hexdigest()
    assert hashes(meta, audience) == {MARY, second[1]}
    assert hashes(meta, audience, "PHONE") == {MARYS_PHONE}
    assert meta.problems == []


def test_nothing_readable_is_in_a_body_or_what_is_remembered(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, (encoded,) = batch_of(ours, "upsert", audience, [Row("c1", CANARY)])
    ours.send(batch, body)
    assert is_silent(body, encoded.sent_as, encoded, *meta.bodies)
    assert set(json.loads(encoded.sent_as)) == set(CANARY)
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in json.loads(encoded.sent_as).values())


def test_only_what_a_sync_asks_for_leaves(meta):
    ours = destination(meta, sends=frozenset({"email"}))
    encoded = ours.encode("upsert", Row("c1", CANARY))
    assert set(json.loads(encoded.sent_as)) == {"email"}
    assert json.loads(encoded.body)[2:] == [""] * 5


@pytest.mark.parametrize(
    "contacts",
    [
        {"email": None, "country": "US"},
        {"email": "nobody", "country": "US"},
        {"first_name": "Mary", "last_name": "Smith", "country": "US"},
        {},
    ],
)
def test_who_cannot_be_matched_is_not_sent(meta, contacts):
    assert destination(meta).encode("upsert", Row("c1", contacts)) == Unsendable("no_identifier")


def test_a_whole_name_with_a_place_is_an_identifier(meta):
    contacts = {"first_name": "Mary", "last_name": "Smith", "country": "US", "postal_code": "94105"}
    assert isinstance(destination(meta).encode("upsert", Row("c1", contacts)), Encoded)


def test_an_id_goes_as_it_is_and_other_properties_do_not(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    one = Row('c"1\\é ', {"email": "mary@example.com"}, {"rfm_tier": "gold"})
    batch, body, _ = batch_of(ours, "upsert", audience, [one])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert sent(meta)["payload"]["data"][0][0] == 'c"1\\é '
    assert b"gold" not in body
    assert b"rfm_tier" not in body


# Values and limited data use


@pytest.mark.parametrize(
    ("value", "number"), [("44.50", 44.5), (0, 0), ("0.0000", 0), ("-0", 0), (12, 12), ("1E+2", 100), (0.9, 0.9)]
)
def test_a_value_is_a_plain_number(meta, value, number):
    ours, audience = destination(meta), meta.add_audience("seed")
    batch, body, _ = batch_of(ours, "upsert", audience, [row(value=value)])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert sent(meta)["payload"]["schema"][:2] == ["LOOKALIKE_VALUE", "EXTERN_ID"]
    assert re.search(rb'"data":\[\[[0-9.]+,"c1"', body)
    assert meta.audiences[audience].values == {"c1": number}
    assert hashes(meta, audience) == {MARY}
    assert meta.problems == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "no_value"),
        ("", "no_value"),
        (True, "no_value"),
        ("-0.01", "negative_value"),
        (-1, "negative_value"),
        ("NaN", "value_is_no_number"),
        ("Infinity", "value_is_no_number"),
        ("gold", "value_is_no_number"),
    ],
)
def test_who_has_no_value_is_not_in_a_seed(meta, value, code):
    assert destination(meta).encode("upsert", row(value=value)) == Unsendable(code, "_value")


def test_rows_with_and_without_a_value_do_not_mix(meta):
    ours = destination(meta)
    with pytest.raises(ValueError, match="one request"):
        batch_of(ours, "upsert", "1", [row("c1", value=1), row("c2")])


def test_limited_data_use_is_a_column_of_additions_only(meta):
    ours, audience = destination(meta, limited_data_use=True), meta.add_audience("loyal")
    batch, body, (encoded,) = batch_of(ours, "upsert", audience, [row(value=3)])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert sent(meta)["payload"]["schema"][-1] == "DATA_PROCESSING_OPTIONS"
    assert meta.audiences[audience].limited == {"c1"}
    batch, body, _ = batch_of(ours, "remove", audience, [Row("c1", sent_as=encoded.sent_as)], key="f" * 32)
    assert ours.send(batch, body).outcome == "acknowledged"
    assert meta.audiences[audience].members == {}
    assert meta.problems == []


def test_without_it_nobody_is_marked(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    ours.send(batch, body)
    assert b"LDU" not in body
    assert b"LOOKALIKE" not in body


# Removals


def test_who_leaves_is_removed_by_what_was_sent(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, encoded = batch_of(ours, "upsert", audience, [Row("c1", CANARY), row("c2", phone="+15559876543")])
    ours.send(batch, body)
    leaving = Row("c1", sent_as=encoded[0].sent_as)
    batch, body, again = batch_of(ours, "remove", audience, [leaving], key="e" * 32)
    assert ours.send(batch, body).outcome == "acknowledged"
    assert again[0].sent_as == encoded[0].sent_as
    assert sent(meta)["payload"]["schema"] == ["EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP"]
    assert meta.requests[-1] == ("DELETE", f"/{audience}/users", 1)
    assert hashes(meta, audience) == {MARY}
    assert hashes(meta, audience, "PHONE") == {MARYS_PHONE}
    assert is_silent(body)


@pytest.mark.parametrize("sent_as", ["", "{}", "[]", "null", '{"email":"canary.bird@example.com"}', '{"email":1}'])
def test_a_removal_without_hashes_is_none(meta, sent_as):
    assert destination(meta).encode("remove", Row("c1", sent_as=sent_as)) == Unsendable("not_known_how_sent")


# Sessions


def test_a_batch_is_a_session_of_its_own(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    for number, key in ((1, "a" * 32), (2, "b" * 32)):
        batch, body, _ = batch_of(
            ours,
            "upsert",
            audience,
            [row(f"c{number}"), row(f"d{number}")],
            key=key,
            number=number,
            is_last=number == 2,
        )
        assert ours.send(batch, body).outcome == "acknowledged"
    sessions = [json.loads(body)["session"] for body in meta.bodies]
    assert sessions[0]["session_id"] != sessions[1]["session_id"]
    assert all(0 < one["session_id"] < 2**63 for one in sessions)
    assert [(one["batch_seq"], one["last_batch_flag"], one["estimated_num_total"]) for one in sessions] == [
        (1, True, 2)
    ] * 2
    assert meta.problems == []


def test_the_same_rows_give_the_same_bytes(meta):
    one, other = destination(meta), destination(meta)
    assert batch_of(one, "upsert", "1", [row()])[1] == batch_of(other, "upsert", "1", [row()])[1]
    assert batch_of(one, "upsert", "1", [row()])[1] != batch_of(one, "upsert", "1", [row()], key="a" * 32)[1]


def test_a_batch_whose_answer_was_lost_is_sent_again_and_changes_nothing(meta, time):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.append(Fault(is_taken_in=True, closes=True))
    batch, body, _ = batch_of(ours, "upsert", audience, [row(), row("c2", "john_smith@gmail.com")])
    answer = ours.send(batch, body)
    assert answer.outcome == "acknowledged"
    assert answer.requests == 3
    assert len(hashes(meta, audience)) == 2
    ids = [json.loads(one)["session"]["session_id"] for one in meta.bodies]
    assert ids[0] == ids[1] != ids[2]
    assert all(json.loads(one)["payload"] == json.loads(body)["payload"] for one in meta.bodies)


@pytest.mark.parametrize("subcode", [1870158, 1870147, 1870159, 1870148])
def test_a_session_that_is_over_is_followed_by_another(meta, subcode):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.session_errors.append(subcode)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("acknowledged", 2)
    assert hashes(meta, audience) == {MARY}


def test_a_session_that_expired_before_it_was_sent_again(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    ours.send(batch, body)
    meta.expire_sessions()
    answers = [ours.send(batch, body) for _ in range(8)]
    assert [one.outcome for one in answers] == ["acknowledged"] * 7 + ["unknown"]
    assert [one.requests for one in answers] == [2, 3, 4, 5, 6, 7, 8, 8]
    assert hashes(meta, audience) == {MARY}


def test_sessions_that_never_open_leave_the_batch_to_the_next_run(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.session_errors.extend([1870158] * 8)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless, answer.requests) == ("failed", "session", True, 8)
    meta.session_errors.extend([1870148] * 8)
    assert ours.send(batch, body).outcome == "unknown"


def test_no_session_is_opened_while_the_audience_is_replaced(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.session_errors.append(1870145)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless, answer.requests) == ("failed", "session", True, 1)


# What Meta answers


def test_rows_that_meta_calls_invalid_are_said_and_not_made_up(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.invalid_entries = 3
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.rejected) == ("acknowledged", "invalid_entries", ())
    assert "3 of 1" in answer.message
    assert "never to be shown" not in repr(answer)


def test_fewer_rows_than_sent_are_not_acknowledged(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.lost_rows = 1
    batch, body, _ = batch_of(ours, "upsert", audience, [row(), row("c2", "john_smith@gmail.com")])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "fewer_received", False)
    assert ours.send(batch, body).outcome == "acknowledged"
    assert len(hashes(meta, audience)) == 2


@pytest.mark.parametrize(
    "said",
    [
        b"<html>Sign in to the wifi</html>",
        b"[]",
        b"{}",
        b'{"audience_id":"1","num_received":1}',
        b'{"audience_id":"AUDIENCE"}',
        b"",
    ],
)
def test_an_answer_of_somebody_else_is_no_yes(meta, said):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.faults.append(Fault(200, body=said.replace(b"AUDIENCE", audience.encode())))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)
    assert "proxy" in answer.message


@pytest.mark.parametrize(
    ("status", "said", "code", "is_hopeless", "word"),
    [
        (401, error(190, 463), "token", True, "access_token"),
        (400, error(190), "token", True, "ads_management"),
        (400, error(102), "token", True, "expired"),
        (401, b"", "token", True, "access_token"),
        (403, error(200), "permission", True, "role"),
        (403, error(10), "permission", True, "role"),
        (403, error(294), "permission", True, "role"),
        (403, error(200, 1870090), "terms", True, "/tos/"),
        (400, error(2655), "terms", True, "/tos/"),
        (400, error(100, 33), "no_such_object", True, "ad_account"),
        (404, error(803), "no_such_object", True, "ad_account"),
        (400, error(100, 1713230), "blocked", True, "Audience Manager"),
        (400, error(368), "blocked", True, "Audience Manager"),
        (400, error(100), "meta_100", False, "100"),
        (400, error(2654, 77), "meta_2654", False, "2654/77"),
    ],
)
def test_a_refusal_says_what_to_do(meta, status, said, code, is_hopeless, word):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.faults.append(Fault(status, body=said))
    batch, body, _ = batch_of(ours, "upsert", audience, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless, answer.requests) == ("failed", code, is_hopeless, 1)
    assert word in answer.message
    assert "words of Meta" not in answer.message
    assert is_silent(answer)


def test_an_error_under_200_is_a_refusal(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    said = {"audience_id": audience, "num_received": 1, **json.loads(error(200))}
    meta.faults.append(Fault(200, body=json.dumps(said).encode()))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code) == ("failed", "permission")


def test_an_answer_that_drips_is_read_to_its_end(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.faults.append(Fault(is_taken_in=True, is_dripped=True))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("acknowledged", 1)


def test_a_page_of_a_proxy_leaves_the_outcome_open(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.faults.append(Fault(403, body=b"<html>canary.bird@example.com</html>"))
    batch, body, _ = batch_of(ours, "upsert", audience, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "not_json", True)
    assert is_silent(answer)


def test_a_request_that_is_too_large_may_be_halved(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    meta.faults.append(Fault(413))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_too_large, answer.is_hopeless) == ("failed", True, False)


# Limits, and answers that do not come


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80_000, 80_003, 80_014])
@pytest.mark.parametrize("status", [400, 403])
def test_too_many_calls_are_made_again_later(meta, time, code, status):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.extend([Fault(status, body=error(code))] * 2)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("acknowledged", 3)
    assert time.pauses == [0.25, 0.5]
    assert len(meta.bodies) == 1


def test_meta_says_for_how_long(meta, time):
    ours, audience = destination(meta, time, deadline_seconds=200), meta.add_audience("loyal")
    usage = json.dumps({"1": [{"type": "custom_audience", "estimated_time_to_regain_access": 2}]})
    meta.faults.append(Fault(400, {"X-Business-Use-Case-Usage": usage}, error(80_003)))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert time.pauses == [120]


def test_a_limit_that_lasts_stops_the_run_and_nothing_was_done(meta, time):
    ours, audience = destination(meta, time, deadline_seconds=30), meta.add_audience("loyal")
    meta.faults.extend([Fault(400, body=error(17))] * 50)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "rate_limit", True)
    assert 15 < time.seconds < 30
    assert meta.bodies == []


def test_an_hour_is_not_waited_for(meta, time):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    usage = json.dumps({"1": [{"estimated_time_to_regain_access": 60}]})
    meta.faults.append(Fault(400, {"X-Business-Use-Case-Usage": usage}, error(80_003)))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).code == "rate_limit"
    assert time.pauses == []


@pytest.mark.parametrize(
    "usage",
    [
        "",
        "{",
        "[]",
        '{"1": 3}',
        '{"1": [{}]}',
        '{"1": [3]}',
        "{}",
        '{"1": [{"estimated_time_to_regain_access": NaN}]}',
        '{"1": [{"estimated_time_to_regain_access": -1}]}',
    ],
)
def test_a_header_that_says_nothing_is_no_wait(meta, time, usage):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.append(Fault(400, {"X-Business-Use-Case-Usage": usage}, error(17)))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert time.pauses == [0.25]


@pytest.mark.parametrize("after", ["7", format_datetime(datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC), usegmt=True)])
def test_429_waits_as_long_as_it_is_told(meta, time, after):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    ours.client.now = lambda: datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    meta.faults.append(Fault(429, {"Retry-After": after}))
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert time.pauses == [7]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, body=error(1)),
        Fault(502, body=b"<html>"),
        Fault(503, body=error(2)),
        Fault(closes=True),
        Fault(400, body=error(2, is_transient=True)),
        Fault(400, body=error(1)),
        Fault(is_taken_in=True, is_truncated=True),
    ],
)
def test_what_passes_is_tried_again(meta, time, fault):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.append(fault)
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    answer = ours.send(batch, body)
    assert answer.outcome == "acknowledged"
    assert answer.requests >= 2
    assert hashes(meta, audience) == {MARY}


@pytest.mark.parametrize("fault", [Fault(503, body=error(2)), Fault(closes=True), Fault(400, body=error(2))])
def test_what_lasts_leaves_the_outcome_open(meta, time, fault):
    ours, audience = destination(meta, time, deadline_seconds=4), meta.add_audience("loyal")
    meta.faults.extend([fault] * 30)
    batch, body, _ = batch_of(ours, "upsert", audience, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)
    assert time.seconds <= 8
    assert is_silent(answer)


def test_a_refusal_after_a_lost_answer_is_not_certain(meta, time):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.extend([Fault(is_taken_in=True, closes=True), Fault(400, body=error(100))])
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "unknown"
    assert hashes(meta, audience) == {MARY}


def test_a_refusal_after_something_temporary_is_not_certain(meta, time):
    ours, audience = destination(meta, time), meta.add_audience("loyal")
    meta.faults.extend([Fault(400, is_taken_in=True, body=error(2)), Fault(400, body=error(100))])
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "unknown"


# Who asks


def test_the_token_is_in_no_address_and_no_repr(meta):
    ours, audience = destination(meta, app_secret="a secret of the app"), meta.add_audience("loyal")
    meta.app_secret = "a secret of the app"
    assert ours.open_object(audience) == audience
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    assert ours.send(batch, body).outcome == "acknowledged"
    assert meta.problems == []
    assert "secret of" not in repr(ours)
    assert meta.token not in repr(ours) + body.decode()


def test_an_app_that_asks_for_signatures_gets_one(meta):
    meta.app_secret = "a secret of the app"
    audience = meta.add_audience("loyal")
    with pytest.raises(DestinationError):
        destination(meta).open_object(audience)
    with pytest.raises(DestinationError):
        destination(meta, app_secret="another").open_object(audience)
    assert destination(meta, app_secret="a secret of the app").open_object(audience) == audience


def test_a_token_that_is_withdrawn_in_mid_run(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    ours.send(batch, body)
    meta.token = "another"
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "token", True)


# Which audience


def test_an_audience_by_id(meta):
    audience = meta.add_audience("loyal")
    assert destination(meta).open_object(audience) == audience
    assert meta.requests == [("GET", f"/{audience}", 0)]


def test_an_audience_by_name_is_looked_for_on_every_page(meta):
    meta.page_size = 2
    ids = [meta.add_audience(f"audience {number}") for number in range(5)]
    assert destination(meta).open_object("audience 4") == ids[4]
    assert [one[0] for one in meta.requests] == ["GET"] * 3
    assert meta.problems == []


@pytest.mark.parametrize(
    ("audiences", "name", "words"),
    [
        ([], "loyal", "create_audiences"),
        ([{}, {}], "loyal", "2 audiences called 'loyal'"),
        ([{"subtype": "WEBSITE"}], "loyal", "not CUSTOM"),
        ([], "404", "knows no such audience"),
    ],
)
def test_an_audience_that_is_not_to_be_had(meta, audiences, name, words):
    for one in audiences:
        meta.add_audience("loyal", **one)
    with pytest.raises(DestinationError, match=re.escape(words)):
        destination(meta).open_object(name)


@pytest.mark.parametrize(
    ("more", "words"), [({"account_id": "999"}, "is not of the ad account"), ({"subtype": "LOOKALIKE"}, "not CUSTOM")]
)
def test_an_id_of_somewhere_else_is_refused(meta, more, words):
    audience = meta.add_audience("loyal", **more)
    with pytest.raises(DestinationError, match=words):
        destination(meta).open_object(audience)


def test_two_of_one_name_on_two_pages_are_two(meta):
    meta.page_size = 1
    meta.add_audience("loyal")
    meta.add_audience("loyal")
    with pytest.raises(DestinationError, match="2 audiences"):
        destination(meta, create_audiences=True).open_object("loyal")


@pytest.mark.parametrize("is_value_based", [False, True])
def test_an_audience_is_made_where_that_is_wanted(meta, is_value_based):
    made = destination(meta, create_audiences=True, is_value_based=is_value_based).open_object("loyal")
    assert meta.audiences == {
        made: Audience("loyal", meta.ad_account, is_value_based=is_value_based, members={}, values={})
    }
    assert destination(meta, create_audiences=True).open_object("loyal") == made
    assert meta.problems == []


def test_an_audience_whose_making_was_not_answered_is_made_once(meta):
    ours = destination(meta, create_audiences=True)
    listed = Fault(body=b'{"data": []}', on="customaudiences")
    meta.faults.extend([listed, Fault(is_taken_in=True, closes=True, on="customaudiences")])
    made = ours.open_object("loyal")
    assert {one: audience.name for one, audience in meta.audiences.items()} == {made: "loyal"}


def test_an_audience_that_could_not_be_made(meta):
    ours = destination(meta, create_audiences=True)
    listed = Fault(body=b'{"data": []}', on="customaudiences")
    meta.faults.extend([listed, Fault(400, body=error(200, 1870090), on="customaudiences")])
    with pytest.raises(DestinationError, match=r"could not be made: .*Terms"):
        ours.open_object("loyal")
    assert meta.audiences == {}


@pytest.mark.parametrize("fault", [Fault(400, body=error(190)), Fault(200, body=b"<html>"), Fault(403, body=error(10))])
def test_a_run_does_not_start_where_nobody_lets_it_in(meta, fault):
    audience = meta.add_audience("loyal")
    meta.faults.append(fault)
    with pytest.raises(DestinationError):
        destination(meta).open_object(audience)


# Erasure


def test_somebody_is_erased_from_every_audience_by_all_that_is_known(meta):
    ours = destination(meta)
    ids = [meta.add_audience("loyal"), meta.add_audience("lost")]
    other = meta.add_audience("of others", account_id="999")
    old = Row("c1", {"email": "old@example.com"})
    for number, (audience, who) in enumerate([(ids[0], Row("c1", CANARY)), (ids[1], old), (ids[1], row("c2"))]):
        batch, body, encoded = batch_of(ours, "upsert", audience, [who], key=f"{number:032x}")
        ours.send(batch, body)
        if who is old:
            known = encoded[0].sent_as
    meta.audiences[other].members["EMAIL:somebody"] = "c1"
    answer = ours.erase("loyal", [Person("c1", CANARY, known)])
    assert (answer.outcome, answer.requests) == ("acknowledged", 1)
    assert hashes(meta, ids[0]) == hashes(meta, ids[0], "PHONE") == set()
    assert hashes(meta, ids[1]) == {MARY}
    assert meta.audiences[other].members
    assert meta.requests[-1] == ("DELETE", f"/act_{meta.ad_account}/usersofanyaudience", 2)
    assert is_silent(answer, meta.bodies[-1])
    assert meta.problems == []


def test_somebody_who_is_not_there_is_erased_too_and_by_her_id(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    batch, body, _ = batch_of(ours, "upsert", audience, [row()])
    ours.send(batch, body)
    assert ours.erase("loyal", [Person("c1"), Person("nobody")]).outcome == "acknowledged"
    assert meta.audiences[audience].members == {}


def test_an_erasure_knows_the_contacts_that_no_sync_sends(meta):
    ours = destination(meta, sends=frozenset({"email"}))
    ours.erase("loyal", [Person("c1", CANARY)])
    assert all(sent(meta)["payload"]["data"][0])


def test_many_are_erased_in_several_requests_and_none_is_nothing(meta):
    answer = destination(meta).erase("loyal", [Person(f"c{number}") for number in range(10_001)])
    assert (answer.outcome, answer.requests) == ("acknowledged", 2)
    assert [one[2] for one in meta.requests] == [10_000, 1]
    assert destination(meta).erase("loyal", []).requests == 0


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        ([Fault(400, body=error(190))], "failed"),
        ([Fault(200, body=b"<html>")], "unknown"),
        ([Fault(200, body=b'{"success": false}')], "unknown"),
        ([Fault(200, body=b"{}")], "unknown"),
        ([Fault(is_taken_in=True, closes=True), Fault(400, body=error(190))], "unknown"),
    ],
)
def test_an_erasure_that_was_refused_is_not_done(meta, faults, outcome):
    meta.faults.extend(faults)
    answer = destination(meta).erase("loyal", [Person("c1", CANARY)])
    assert answer.outcome == outcome
    assert is_silent(answer)


def test_of_an_erasure_in_several_requests_some_may_be_done(meta):
    listed = [Person(f"c{number}") for number in range(10_001)]
    meta.faults.extend([Fault(is_taken_in=True, body=b'{"success": true}'), Fault(400, body=error(190))])
    answer = destination(meta).erase("loyal", listed)
    assert (answer.outcome, answer.code, answer.requests) == ("unknown", "token", 2)


# What it says of itself, and the limits


def test_it_says_what_it_can(meta):
    can = destination(meta).capabilities
    assert (can.rows_per_batch, can.concurrency, can.is_keyed_by_identifiers, can.is_verified) == (
        10_000,
        1,
        True,
        False,
    )


def test_a_full_request_fits_and_one_more_does_not(meta):
    ours, audience = destination(meta), meta.add_audience("loyal")
    rows = [ours.encode("upsert", row(f"c{number}", f"p{number}@example.com")).body for number in range(10_001)]
    batch = Batch("upsert", "loyal", audience, KEY, 10_000)
    body = ours.body(batch, rows[:10_000])
    assert len(body) < ours.capabilities.bytes_per_batch
    assert ours.send(batch, body).outcome == "acknowledged"
    assert len(meta.audiences[audience].members) == 10_000
    batch = Batch("upsert", "loyal", audience, "a" * 32, 10_001)
    assert ours.send(batch, ours.body(batch, rows)).outcome == "failed"
    assert meta.problems == ["no rows, or too many"]


def test_there_is_nothing_to_poll(meta):
    answer = destination(meta).poll(Batch("upsert", "loyal", "1", KEY, 1), "", b"")
    assert (answer.outcome, answer.requests) == ("unknown", 0)


# The stand-in itself


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(more=1),
        lambda body: body.pop("session"),
        lambda body: body["payload"].update(is_raw=True),
        lambda body: body["payload"]["schema"].append("GENDER"),
        lambda body: body["payload"]["data"][0].append(""),
        lambda body: body["payload"]["data"][0].__setitem__(1, "mary@example.com"),
        lambda body: body["payload"]["data"][0].__setitem__(1, MARY.upper()),
        lambda body: body["payload"]["data"][0].__setitem__(1, None),
        lambda body: body["payload"]["data"].clear(),
        lambda body: body["session"].update(session_id=0),
        lambda body: body["session"].update(session_id=2**63),
        lambda body: body["session"].update(last_batch_flag=1),
        lambda body: body["session"].pop("batch_seq"),
        lambda body: body["session"].update(batch_seq=2),
    ],
)
def test_the_stand_in_takes_nothing_of_another_shape(meta, change):
    ours, audience = destination(meta), meta.add_audience("loyal")
    _, body, _ = batch_of(ours, "upsert", audience, [row()])
    said = json.loads(body)
    change(said)
    text = json.dumps(said, separators=(",", ":")).encode()
    ours._ask("POST", f"{audience}/users", body=text)
    assert len(meta.problems) == 1
    assert meta.audiences[audience].members == {}
