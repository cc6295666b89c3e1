"""Google's customer match against a stand-in with statuses that come later, and tokens that end."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from regulars.publish.destinations import Batch, Person, Rejected, Row, Unsendable
from regulars.publish.destinations.google import GoogleDestination, refresh_after
from regulars.publish.errors import DestinationError
from regulars.publish.fakes.google import Outcome, error, google_fake
from regulars.publish.fakes.listening import Fault
from regulars.publish.settings import Google

from .ads import CANARY, KEY, MARY, Time, batch_of, is_silent

LIST = "9876543210"
REFRESH = {
    "type": "authorized_user",
    "client_id": "an id",
    "client_secret": "a client's secret",
    "refresh_token": "a token to refresh with",
}
ADDRESS = {
    "email": "mary@example.com",
    "first_name": "Valéry",
    "last_name": "정",
    "country": "us",
    "postal_code": " 94105-1234 ",
}


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def google():
    with google_fake(refresh_token=REFRESH["refresh_token"], lists={LIST: {}}) as state:
        yield state


@pytest.fixture
def time():
    return Time()


def destination(google, time=None, *, credentials=None, deadline_seconds=60, **more) -> GoogleDestination:
    own = {name: more.pop(name) for name in ("sends", "has_addresses") if name in more}
    settings = Google(
        type="google",
        **{
            "operating_account": "123-456-7890",
            "credentials": {"env": "CREDENTIALS"},
            "url": google.url,
            "token_url": google.token_url,
        }
        | more,
    )
    secret = json.dumps(REFRESH if credentials is None else credentials)
    return GoogleDestination(settings, secret, (time or Time()).client(deadline_seconds), **own)


def row(customer_id="c1", email="mary@example.com", **more) -> Row:
    return Row(customer_id, {"email": email, "country": "US", **more})


def sent(google, number=-1):
    return json.loads(google.bodies[number])


def delivered(ours, operation, rows, *, key=KEY):
    """Sent, asked about, acknowledged; the encoded rows."""
    batch, body, encoded = batch_of(ours, operation, LIST, rows, key=key)
    answer = ours.send(batch, body)
    assert answer.outcome == "accepted", answer
    assert ours.poll(batch, answer.remote_id, body).outcome == "acknowledged"
    return encoded


# What a member looks like


def test_the_golden_vectors_arrive(google):
    ours = destination(google, has_addresses=True)
    people = [
        row("c1", " Mary@Example.com ", phone="+1 (555) 987-6543"),
        Row("c2", {**ADDRESS, "email": "John_Smi.th+news@gmail.com"}),
    ]
    delivered(ours, "upsert", people)
    first, second = sent(google)["audienceMembers"]
    assert first["userData"]["userIdentifiers"] == [{"emailAddress": MARY}, {"phoneNumber": sha256("+15559876543")}]
    email, address = second["userData"]["userIdentifiers"]
    assert email["emailAddress"].startswith("62a14e44")
    assert address["address"]["givenName"].startswith("08e1996b")
    assert address["address"]["familyName"].startswith("8fa8cd9c")
    assert address["address"]["regionCode"] == "US"
    assert address["address"]["postalCode"] == "94105-1234"
    assert google.problems == []


def test_a_request_says_consent_terms_encoding_and_where_to(google):
    google.login_account = "9998887777"
    delivered(destination(google, login_account="999-888-7777"), "upsert", [row()])
    said = sent(google)
    assert said["encoding"] == "HEX"
    assert said["termsOfService"] == {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    assert said["audienceMembers"][0]["consent"] == {
        "adUserData": "CONSENT_GRANTED",
        "adPersonalization": "CONSENT_GRANTED",
    }
    assert said["destinations"] == [
        {
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
            "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "9998887777"},
            "productDestinationId": LIST,
        }
    ]
    assert google.problems == []


def test_nothing_readable_is_in_a_body_or_what_is_remembered(google):
    ours = destination(google)
    (encoded,) = delivered(ours, "upsert", [Row("c1", CANARY)])
    assert is_silent(encoded.body, encoded.sent_as, encoded, *google.bodies)
    assert set(json.loads(encoded.sent_as)) == {"email", "phone"}


@pytest.mark.parametrize("missing", ["first_name", "last_name", "country", "postal_code"])
def test_an_address_is_whole_or_not_there(google, missing):
    ours = destination(google, has_addresses=True)
    encoded = ours.encode("upsert", Row("c1", {**ADDRESS, missing: None}))
    assert b'address"' not in encoded.body
    assert set(json.loads(encoded.sent_as)) == {"email"}
    sends = frozenset(ADDRESS) - {missing}
    assert (
        b'address"'
        not in destination(google, has_addresses=True, sends=sends).encode("upsert", Row("c1", ADDRESS)).body
    )
    assert b'"address"' in ours.encode("upsert", Row("c1", ADDRESS)).body


def test_only_what_a_sync_asks_for_leaves(google):
    ours = destination(google, sends=frozenset({"phone"}))
    assert set(json.loads(ours.encode("upsert", Row("c1", CANARY)).sent_as)) == {"phone"}
    assert ours.encode("upsert", row()) == Unsendable("no_identifier")


@pytest.mark.parametrize(
    "contacts", [{}, {"email": None}, {"email": "nobody", "country": "US"}, {**ADDRESS, "email": None}]
)
def test_who_cannot_be_matched_is_not_sent(google, contacts):
    assert destination(google).encode("upsert", Row("c1", contacts)) == Unsendable("no_identifier")


def test_properties_do_not_go_to_google(google):
    body = destination(google).encode("upsert", Row("c1", {"email": "mary@example.com"}, {"rfm_tier": "gold"})).body
    assert b"gold" not in body
    assert b"c1" not in body


def test_the_same_rows_give_the_same_bytes(google):
    one, other = destination(google), destination(google)
    assert batch_of(one, "upsert", LIST, [row()])[1] == batch_of(other, "upsert", LIST, [row()])[1]


# Removals


@pytest.mark.parametrize("has_addresses", [False, True])
def test_who_leaves_is_removed_by_what_was_sent(google, has_addresses):
    ours = destination(google, has_addresses=has_addresses)
    encoded = delivered(
        ours, "upsert", [Row("c1", {**ADDRESS, "email": "x@example.com", "phone": "+15559876543"}), row()]
    )
    assert len(google.lists[LIST]) == (4 if has_addresses else 3)
    delivered(ours, "remove", [Row("c1", sent_as=encoded[0].sent_as)], key="e" * 32)
    assert set(google.lists[LIST]) == {f"emailAddress:{MARY}"}
    assert google.requests[-2] == ("POST", "/v1/audienceMembers:remove", 1)
    assert google.problems == []


@pytest.mark.parametrize(
    "sent_as", ["", "{}", "[]", "null", '{"email":"canary.bird@example.com"}', '{"first_name":"x","postal_code":"y"}']
)
def test_a_removal_without_identifiers_is_none(google, sent_as):
    assert destination(google).encode("remove", Row("c1", sent_as=sent_as)) == Unsendable("not_known_how_sent")


# Statuses


def test_what_google_works_on_is_asked_about_in_a_later_run(google):
    google.processing_polls = 2
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.remote_id) == ("accepted", "request-0")
    assert ours.poll(batch, "request-0", body).outcome == "accepted"
    later = destination(google)
    assert later.poll(batch, "request-0", body).outcome == "accepted"
    done = later.poll(batch, "request-0", body)
    assert (done.outcome, done.remote_id, done.requests) == ("acknowledged", "request-0", 1)
    assert google.problems == []


def test_a_part_of_an_addition_is_acknowledged_with_the_counts(google):
    google.outcomes.append(Outcome("PARTIAL_SUCCESS", left_out=1))
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row(), row("c2", "p@example.com")])
    answer = ours.poll(batch, ours.send(batch, body).remote_id, body)
    assert (answer.outcome, answer.code, answer.rejected) == ("acknowledged", "partial_success", ())
    assert "INVALID_FORMAT 1" in answer.message


def test_a_part_of_a_removal_is_removed_again(google):
    ours = destination(google)
    encoded = delivered(ours, "upsert", [row(), row("c2", "p@example.com")])
    google.outcomes.append(Outcome("PARTIAL_SUCCESS", left_out=1))
    leaving = [Row("c1", sent_as=encoded[0].sent_as), Row("c2", sent_as=encoded[1].sent_as)]
    batch, body, _ = batch_of(ours, "remove", LIST, leaving)
    answer = ours.poll(batch, ours.send(batch, body).remote_id, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "partial_success", False)
    assert ours.poll(batch, ours.send(batch, body).remote_id, body).outcome == "acknowledged"
    assert google.lists[LIST] == {}


@pytest.mark.parametrize("status", ["FAILED", "FAILURE"])
@pytest.mark.parametrize(
    ("reason", "code", "is_hopeless"),
    [
        ("PROCESSING_ERROR_REASON_INVALID_FORMAT", "invalid_format", False),
        ("PROCESSING_ERROR_REASON_INTERNAL_ERROR", "internal_error", False),
        ("PROCESSING_ERROR_REASON_NO_CONSENT", "no_consent", True),
        ("words of Google", "unknown", False),
    ],
)
def test_a_request_that_failed_did_nothing(google, status, reason, code, is_hopeless):
    google.outcomes.append(Outcome(status, reason=reason))
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.poll(batch, ours.send(batch, body).remote_id, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", code, is_hopeless)
    assert "words of Google" not in answer.message
    assert google.lists[LIST] == {}


def test_a_success_of_another_number_is_none(google):
    google.outcomes.append(Outcome(record_count=1))
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row(), row("c2", "p@example.com")])
    answer = ours.poll(batch, ours.send(batch, body).remote_id, body)
    assert (answer.outcome, answer.code) == ("unknown", "other_count")


def test_a_request_that_google_forgot_is_sent_again(google):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.poll(batch, "request-404", body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "request_gone", False)


@pytest.mark.parametrize(
    ("faults", "code", "is_hopeless"),
    [
        ([Fault(closes=True, on="requestStatus")] * 30, "no_answer", True),
        ([Fault(503, on="requestStatus")] * 30, "503", True),
        ([Fault(403, body=error("PERMISSION_DENIED"), on="requestStatus")], "permission", True),
        ([Fault(200, body=b"<html>", on="requestStatus")], "not_google", False),
        ([Fault(200, body=b'{"requestStatusPerDestination": []}', on="requestStatus")], "not_google", False),
        ([Fault(401, body=error("UNAUTHENTICATED"), on="requestStatus")] * 2, "token", True),
    ],
)
def test_a_question_that_is_not_answered_changes_nothing(google, faults, code, is_hopeless):
    ours = destination(google, deadline_seconds=3)
    batch, body, _ = batch_of(ours, "upsert", LIST, [Row("c1", CANARY)])
    accepted = ours.send(batch, body)
    google.faults.extend(faults)
    answer = ours.poll(batch, accepted.remote_id, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("accepted", code, is_hopeless)
    assert answer.remote_id == accepted.remote_id
    assert is_silent(answer)
    google.faults.clear()
    assert ours.poll(batch, accepted.remote_id, body).outcome == "acknowledged"


@pytest.mark.parametrize("status", ["REQUEST_STATUS_UNKNOWN", "SOMETHING_NEW", "PROCESSING"])
def test_a_status_that_says_nothing_is_waited_for(google, status):
    google.outcomes.append(Outcome(status))
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    assert ours.poll(batch, ours.send(batch, body).remote_id, body).outcome == "accepted"


# Refusals


@pytest.mark.parametrize("path", ["audience_members.audience_members[1]", "audienceMembers[1]"])
def test_members_that_google_refuses_are_named_and_the_rest_was_not_done(google, path):
    ours = destination(google)
    violations = [
        (f"{path}.user_data.user_identifiers[0].email_address", "INVALID_SHA256_FORMAT"),
        (f"{path}.consent", "REQUIRED_FIELD_MISSING"),
        (path.replace("[1]", "[0]"), "words of Google"),
        (path.replace("[1]", "[7]"), "INVALID_FORMAT"),
    ]
    google.faults.append(Fault(400, body=error("INVALID_ARGUMENT", "INVALID_ARGUMENT", violations), on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [Row("c0", CANARY), Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "invalid_members", False)
    assert answer.rejected == (
        Rejected(0, "invalid_argument", ""),
        Rejected(1, "invalid_sha256_format", "user_data.user_identifiers[0].email_address"),
    )
    assert "words of Google" not in repr(answer)
    assert is_silent(answer)
    assert google.lists[LIST] == {}


def test_the_stand_in_refuses_members_in_the_same_way(google):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row(), row("c2", "p@example.com")])
    answer = ours.send(batch, body.replace(MARY.encode(), b"mary@example.com"))
    assert answer.rejected == (Rejected(0, "invalid_sha256_format", "user_data.user_identifiers[0].email_address"),)
    assert google.lists[LIST] == {}


@pytest.mark.parametrize(
    ("status", "said", "code", "is_hopeless", "word"),
    [
        (403, error("PERMISSION_DENIED", "PERMISSION_DENIED"), "permission", True, "login_account"),
        (404, error("NOT_FOUND", "NOT_FOUND"), "no_such_object", True, "object"),
        (400, error("INVALID_ARGUMENT", "TERMS_AND_CONDITIONS_NOT_SIGNED"), "terms", True, "terms"),
        (400, error("INVALID_ARGUMENT", "INVALID_USER_LIST_ID"), "no_such_object", True, "object"),
        (400, error("INVALID_ARGUMENT", "INVALID_DESTINATION"), "no_such_object", True, "object"),
        (400, error("INVALID_ARGUMENT", "", [("destinations[0]", "X")]), "no_such_object", True, "object"),
        (400, error("INVALID_ARGUMENT", "INVALID_FORMAT"), "invalid_argument", False, "INVALID_FORMAT"),
    ],
)
def test_a_refusal_says_what_to_do(google, status, said, code, is_hopeless, word):
    ours = destination(google)
    google.faults.append(Fault(status, body=said, on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless, answer.requests) == ("failed", code, is_hopeless, 1)
    assert word in answer.message
    assert "words of Google" not in answer.message
    assert is_silent(answer)


def test_a_list_that_is_not_there(google):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", "404", [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "no_such_object", True)


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_page_of_a_proxy_leaves_the_outcome_open(google, status):
    ours = destination(google)
    google.faults.append(Fault(status, body=b"<html>canary.bird@example.com</html>", on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)
    assert "proxy" in answer.message
    assert is_silent(answer)


@pytest.mark.parametrize("fault", [Fault(413), Fault(400, body=error("INVALID_ARGUMENT", "TOO_MANY_AUDIENCE_MEMBERS"))])
def test_a_request_that_is_too_large_may_be_halved(google, fault):
    ours = destination(google)
    fault.on = "ingest"
    google.faults.append(fault)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_too_large, answer.is_hopeless) == ("failed", True, False)


def test_a_full_request_fits_and_one_more_does_not(google):
    ours = destination(google)
    rows = [ours.encode("upsert", row(f"c{number}", f"p{number}@example.com")).body for number in range(10_001)]
    batch = Batch("upsert", "list", LIST, KEY, 10_000)
    body = ours.body(batch, rows[:10_000])
    assert len(body) < ours.capabilities.bytes_per_batch
    assert ours.send(batch, body).outcome == "accepted"
    assert len(google.lists[LIST]) == 10_000
    batch = Batch("upsert", "list", LIST, KEY, 10_001)
    assert ours.send(batch, ours.body(batch, rows)).is_too_large


# Limits, and answers that do not come


@pytest.mark.parametrize("after", ["7", format_datetime(datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC), usegmt=True)])
def test_429_waits_as_long_as_it_is_told(google, time, after):
    ours = destination(google, time)
    ours.client.now = lambda: datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    google.faults.append(Fault(429, {"Retry-After": after}, error("RESOURCE_EXHAUSTED"), on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    assert ours.send(batch, body).outcome == "accepted"
    assert time.pauses == [7]


def test_a_minute_has_so_many_requests(google, time):
    google.requests_per_minute = 3
    google.clock = lambda: time.seconds
    ours = destination(google, time, deadline_seconds=120)
    for number in range(7):
        batch, body, _ = batch_of(
            ours, "upsert", LIST, [row(f"c{number}", f"p{number}@example.com")], key=f"{number:032x}"
        )
        assert ours.send(batch, body).outcome == "accepted"
    assert len(google.lists[LIST]) == 7
    assert 120 <= time.seconds <= 125


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, body=error("INTERNAL")),
        Fault(502, body=b"<html>"),
        Fault(503, body=error("UNAVAILABLE")),
        Fault(closes=True),
        Fault(is_taken_in=True, closes=True),
        Fault(is_taken_in=True, is_truncated=True),
    ],
)
def test_what_passes_is_tried_again(google, fault):
    ours = destination(google)
    fault.on = "ingest"
    google.faults.append(fault)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("accepted", 2)
    assert ours.poll(batch, answer.remote_id, body).outcome == "acknowledged"
    assert set(google.lists[LIST]) == {f"emailAddress:{MARY}"}


@pytest.mark.parametrize("fault", [Fault(503), Fault(closes=True)])
def test_what_lasts_leaves_the_outcome_open(google, time, fault):
    ours = destination(google, time, deadline_seconds=4)
    fault.on = "ingest"
    google.faults.extend([fault] * 30)
    batch, body, _ = batch_of(ours, "upsert", LIST, [Row("c1", CANARY)])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)
    assert time.seconds <= 4
    assert is_silent(answer)


def test_a_refusal_after_a_lost_answer_is_not_certain(google):
    ours = destination(google)
    lost = Fault(is_taken_in=True, closes=True, on="ingest")
    google.faults.extend([lost, Fault(400, body=error("INVALID_ARGUMENT"), on="ingest")])
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    assert ours.send(batch, body).outcome == "unknown"
    assert google.lists[LIST]


def test_a_refusal_after_a_new_token_and_a_lost_answer_is_not_certain(google):
    ours = destination(google)
    delivered(ours, "upsert", [row()])
    google.end_tokens()
    google.faults.append(Fault(503, on="ingest"))
    google.faults.append(Fault(401, body=error("UNAUTHENTICATED"), on="ingest"))
    google.faults.append(Fault(400, body=error("INVALID_ARGUMENT"), on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("unknown", 3)


# Tokens


def test_one_token_serves_many_requests(google):
    ours = destination(google)
    assert ours.open_object(LIST) == LIST
    for number in range(3):
        delivered(ours, "upsert", [row()], key=f"{number:032x}")
    assert len(google.tokens) == 1


def test_a_token_is_renewed_before_it_ends(google, time):
    ours = destination(google, time)
    ours.open_object(LIST)
    time.seconds += 3599 - 301
    ours.open_object(LIST)
    assert len(google.tokens) == 1
    time.seconds += 2
    ours.open_object(LIST)
    assert len(google.tokens) == 2


def test_a_token_that_is_refused_in_mid_run_is_renewed_once(google):
    ours = destination(google)
    delivered(ours, "upsert", [row()])
    google.end_tokens()
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.requests) == ("accepted", 2)
    google.faults.extend([Fault(401, body=error("UNAUTHENTICATED"), on="ingest")] * 3)
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless, answer.requests) == ("failed", "token", True, 2)
    assert len(google.faults) == 1


@pytest.mark.parametrize("is_lost", [False, True])
def test_credentials_that_are_withdrawn_in_mid_run(google, is_lost):
    ours = destination(google)
    delivered(ours, "upsert", [row()])
    google.is_revoked = True
    google.end_tokens()
    if is_lost:
        google.faults.append(Fault(503, on="ingest"))
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown" if is_lost else "failed", "token", True)


def test_no_token_no_request(google):
    google.is_revoked = True
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.send(batch, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "token", True)
    assert ours.poll(batch, "request-0", body).outcome == "accepted"
    assert google.requests == []
    with pytest.raises(DestinationError, match="invalid_grant"):
        ours.open_object(LIST)


@pytest.mark.parametrize("fault", [Fault(503), Fault(200, body=b"<html>"), Fault(closes=True)])
def test_where_no_tokens_are_to_be_had_the_sentence_says_so(google, fault):
    google.faults.extend([fault] * 30)
    with pytest.raises(DestinationError, match="no access token"):
        destination(google, deadline_seconds=3).open_object(LIST)


@pytest.fixture(scope="module")
def service_account():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": "regulars@project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key.decode(),
        "token_uri": "https://nowhere.invalid/token",
    }


def test_a_service_account_signs_for_its_token(google, service_account):
    google.service_account = service_account["client_email"]
    ours = destination(google, credentials=service_account)
    delivered(ours, "upsert", [row()])
    assert google.problems == []
    assert "PRIVATE" not in repr(ours) + repr(ours.login)


@pytest.mark.parametrize(
    "credentials",
    [
        "gold",
        [],
        {},
        {"type": "external_account"},
        {"type": "service_account", "client_email": "x@example.com", "private_key": "canary"},
        {**REFRESH, "type": "authorized_user", "refresh_token": None, "client_id": 3} | {"type": "other"},
        {"type": "authorized_user", "client_id": "canary"},
    ],
)
def test_what_is_no_credentials_is_not_repeated(google, credentials):
    with pytest.raises(DestinationError, match="credentials is no JSON") as caught:
        destination(google, credentials=credentials).open_object(LIST)
    assert is_silent(caught.value)
    assert caught.value.__cause__ is None
    assert google.requests == []


def test_no_secret_is_in_a_repr(google):
    ours = destination(google)
    ours.open_object(LIST)
    said = repr(ours) + repr(ours.login)
    assert "secret" not in said
    assert "refresh with" not in said
    assert google.tokens[-1] not in said


# Which list


@pytest.mark.parametrize("name", ["loyal", "", "12a", "٣٤"])
def test_a_list_has_a_number(google, name):
    with pytest.raises(DestinationError, match="must be the number"):
        destination(google).open_object(name)
    assert google.tokens == []


# Dry runs


def test_a_batch_can_be_looked_at_and_nothing_is_done(google):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    assert ours.validate(batch, body) is None
    assert google.lists[LIST] == {}
    assert google.jobs == {}
    said = sent(google)
    assert said.pop("validateOnly") is True
    assert said == json.loads(body)


def test_a_look_finds_what_is_wrong(google):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    answer = ours.validate(batch, body.replace(MARY.encode(), b"mary"))
    assert answer.outcome == "failed"
    assert [one.place for one in answer.rejected] == [0]
    google.faults.append(Fault(200, body=b"<html>", on="ingest"))
    assert ours.validate(batch, body).code == "not_google"


# Erasure


def test_somebody_is_erased_by_all_that_is_known(google):
    ours = destination(google)
    old = delivered(ours, "upsert", [Row("c1", {"email": "old@example.com"}), Row("c1", CANARY), row("c2")])[0]
    answer = ours.erase(LIST, [Person("c1", CANARY, old.sent_as), Person("nobody")])
    assert (answer.outcome, answer.requests) == ("accepted", 1)
    batch = Batch("remove", "list", LIST, KEY, 1)
    assert ours.poll(batch, answer.remote_id, b"").outcome == "acknowledged"
    assert set(google.lists[LIST]) == {f"emailAddress:{MARY}"}
    assert is_silent(answer, google.bodies[-1])
    assert google.problems == []


def test_who_has_no_identifier_cannot_be_in_a_list(google):
    answer = destination(google).erase(LIST, [Person("c1"), Person("c2", {"email": "nobody"})])
    assert (answer.outcome, answer.requests) == ("acknowledged", 0)
    assert google.requests == []


def test_many_are_erased_in_several_requests_which_are_polled_as_one(google):
    ours = destination(google)
    people = [Person(f"c{number}", {"email": f"p{number}@example.com"}) for number in range(10_001)]
    google.outcomes.extend([Outcome(), Outcome("PROCESSING")])
    answer = ours.erase(LIST, people)
    assert (answer.outcome, answer.remote_id, answer.requests) == ("accepted", "request-0,request-1", 2)
    batch = Batch("remove", "list", LIST, KEY, 10_001)
    polled = ours.poll(batch, answer.remote_id, b"")
    assert (polled.outcome, polled.remote_id, polled.requests) == ("accepted", "request-0,request-1", 2)
    google.jobs["request-1"].outcome.status = "SUCCESS"
    assert ours.poll(batch, answer.remote_id, b"").outcome == "acknowledged"
    google.jobs["request-0"].outcome.status = "FAILED"
    assert ours.poll(batch, answer.remote_id, b"").outcome == "failed"


def test_an_erasure_that_was_refused_is_not_done(google):
    ours = destination(google)
    google.faults.append(Fault(403, body=error("PERMISSION_DENIED"), on="remove"))
    answer = ours.erase(LIST, [Person("c1", CANARY)])
    assert (answer.outcome, answer.code) == ("failed", "permission")
    people = [Person(f"c{number}", {"email": f"p{number}@example.com"}) for number in range(10_001)]
    google.faults.extend([Fault(is_taken_in=True, body=b'{"requestId": "request-0"}', on="remove")])
    google.faults.append(Fault(403, body=error("PERMISSION_DENIED"), on="remove"))
    assert ours.erase(LIST, people).outcome == "unknown"


# What it says of itself, and the stand-in


@pytest.mark.parametrize(
    ("days", "refresh"), [(540, timedelta(days=510)), (30, timedelta(days=27)), (1, timedelta(hours=21.6))]
)
def test_people_are_sent_again_before_they_are_forgotten(google, days, refresh):
    ours = destination(google, membership_duration_days=days)
    can = ours.capabilities
    assert refresh_after(ours.settings) == refresh
    assert (can.rows_per_batch, can.is_keyed_by_identifiers, can.is_verified) == (10_000, True, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(more=1),
        lambda said: said.pop("encoding"),
        lambda said: said.pop("termsOfService"),
        lambda said: said.pop("destinations"),
        lambda said: said["destinations"][0].update(reference="x"),
        lambda said: said["destinations"][0]["operatingAccount"].update(accountId="1"),
        lambda said: said["audienceMembers"].clear(),
        lambda said: said["audienceMembers"][0].pop("consent"),
        lambda said: said["audienceMembers"][0]["consent"].pop("adPersonalization"),
        lambda said: said["audienceMembers"][0].update(more=1),
        lambda said: said["audienceMembers"][0]["userData"].update(more=1),
        lambda said: said["audienceMembers"][0]["userData"]["userIdentifiers"].clear(),
        lambda said: said["audienceMembers"][0]["userData"]["userIdentifiers"].extend([{"emailAddress": MARY}] * 10),
        lambda said: said["audienceMembers"][0]["userData"]["userIdentifiers"][0].update(phoneNumber=MARY),
        lambda said: said["audienceMembers"][0]["userData"]["userIdentifiers"][0].update(emailAddress=MARY.upper()),
    ],
)
def test_the_stand_in_takes_nothing_of_another_shape(google, change):
    ours = destination(google)
    batch, body, _ = batch_of(ours, "upsert", LIST, [row()])
    said = json.loads(body)
    change(said)
    answer = ours.send(batch, json.dumps(said).encode())
    assert answer.outcome == "failed"
    assert google.lists[LIST] == {}


def test_a_removal_has_no_consent_and_no_terms(google):
    ours = destination(google)
    (encoded,) = delivered(ours, "upsert", [row()])
    delivered(ours, "remove", [Row("c1", sent_as=encoded.sent_as)])
    assert not re.search(b"consent|terms", google.bodies[-1])
    assert google.lists[LIST] == {}
