"""The one HTTP client: how long it waits for whom, what it asks once only, and what it says of what happened."""

from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from regulars.publish.destinations import Row
from regulars.publish.destinations.google import GoogleDestination
from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.fakes.klaviyo import klaviyo
from regulars.publish.fakes.meta import error, meta_fake
from regulars.publish.fakes.webhook import Fault, receiver
from regulars.publish.http import Client
from regulars.publish.settings import Google, Klaviyo, Meta

from .ads import Time, batch_of
from .world import Said

MARY = Row("c1", {"email": "mary@example.com"})
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Answers:
    """In place of the pool of connections: what is said to each request; the last of them again and again."""

    def __init__(self, *said):
        self.said, self.timeouts = list(said), []

    def request(self, method, url, *, timeout, **more):
        self.timeouts.append(timeout.total)
        one = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(one, Exception):
            raise one
        return Said(*one)


@pytest.fixture
def loses_one(monkeypatch):
    """From now on the first POST to an address, of whichever client, is taken in and its answer is another."""

    def loses(address, *said):
        left = [address]
        real = urllib3.PoolManager.request

        def request(self, method, url, **more):
            answer = real(self, method, url, **more)
            if left and method == "POST" and url.partition("?")[0].endswith(left[0]):
                left.clear()
                answer.read()
                answer.release_conn()
                return Said(*said)
            return answer

        monkeypatch.setattr(urllib3.PoolManager, "request", request)

    return loses


def client(time, *said, deadline=60.0, timeout=5.0):
    found = Client(
        timeout, deadline, sleep=time.sleep, clock=lambda: time.seconds, chance=lambda: 0.5,
        now=lambda: NOON + timedelta(seconds=time.seconds),
    )  # fmt: skip
    if said:
        found._pool = Answers(*said)
    return found


def asked(found, **more):
    return found.request("POST", "https://example.com", {}, b"", **more)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "86400"}), (429, {"Retry-After": "86400"})],
)
def test_a_bucket_that_is_empty_for_a_day_is_not_waited_for(status, headers):
    time = Time()
    ours = client(time, (status, headers, b""))
    first = asked(ours, bucket="b")
    assert (first.status, first.attempts) == (status, 1)
    second = asked(ours, bucket="b")
    assert (second.status, second.attempts, time.pauses) == (0, 0, [])
    assert second.what_happened == "it asks to wait until 2026-03-02 12:00 UTC"
    if status == 429:
        assert first.what_happened == "asked too often (429), it asks to wait until 2026-03-02 12:00 UTC"


def test_a_bucket_that_is_empty_for_a_minute_is_waited_for():
    time = Time()
    ours = client(time, (200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "60"}, b""), deadline=5)
    asked(ours, bucket="b")
    assert asked(ours, bucket="b").status == 200
    assert sum(time.pauses) == 60


def test_nothing_was_sent_where_the_wait_is_too_long():
    """So nothing was done for certain, and the sentence says until when."""
    time = Time()
    full = {"RateLimit-Remaining": "0", "RateLimit-Reset": "86400"}
    klaviyo_settings = Klaviyo(type="klaviyo", account_id="AbC123", api_key={"env": "X"}, url="http://127.0.0.1:9")
    google_settings = Google(
        type="google", operating_account="1234567890", credentials={"env": "X"}, url="http://127.0.0.1:9"
    )
    ours = client(time, (200, full, b'{"data":[{"id":"AbC123"}]}'))
    ours._note_limit("klaviyo/AbC123/import", full, is_refused=False)
    there = KlaviyoDestination(klaviyo_settings, "key", ours)
    batch, body, _ = batch_of(there, "upsert", "L00001", [MARY])
    answer = there.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("failed", True)
    assert "Klaviyo: it asks to wait until 2026-03-02 12:00 UTC" in answer.message
    ours = client(time, (200, full, b'{"access_token":"t"}'))
    ours._note_limit("google", full, is_refused=False)
    credentials = '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}'
    there = GoogleDestination(google_settings, credentials, ours)
    batch, body, _ = batch_of(there, "upsert", "1", [MARY])
    answer = there.send(batch, body)
    assert (answer.outcome, answer.is_hopeless) == ("failed", True)
    assert "Google: it asks to wait until 2026-03-02 12:00 UTC" in answer.message


RETRY_SOON = (503, {"Retry-After": "1"}, b"")


def test_a_list_whose_making_was_answered_by_a_503_is_made_once(loses_one):
    with klaviyo("AbC123", "key") as account:
        settings = Klaviyo(type="klaviyo", account_id="AbC123", api_key={"env": "X"}, url=account.url)
        loses_one("/api/lists", *RETRY_SOON)
        assert KlaviyoDestination(settings, "key", client(Time())).open_object("loyal") in account.lists
        assert list(account.lists.values()) == ["loyal"]


@pytest.mark.parametrize("said", [RETRY_SOON, (400, {}, error(2))], ids=["503", "transient"])
def test_an_audience_whose_making_was_answered_by_an_error_of_the_server_is_made_once(loses_one, said):
    with meta_fake() as meta:
        settings = Meta(
            type="meta", ad_account=meta.ad_account, access_token={"env": "X"}, url=meta.url, create_audiences=True
        )
        loses_one("/customaudiences", *said)
        assert MetaDestination(settings, meta.token, client(Time())).open_object("loyal") in meta.audiences
        assert [one.name for one in meta.audiences.values()] == ["loyal"]


def test_a_connection_that_is_closed_is_not_called_a_slow_one():
    time = Time()
    with receiver("secret") as hook:
        hook.faults = [Fault(closes=True)] * 40
        reply = client(time, deadline=3).request("POST", hook.url, {}, b"")
        assert reply.what_happened == "the connection was closed before an answer, tried 4 times"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (urllib3.exceptions.ProtocolError("gone"), "the connection was closed before an answer"),
        ((502, {}, b""), "server error 502"),
    ],
)
def test_a_last_attempt_that_only_the_deadline_cut_short_hides_nothing(said, words):
    time = Time()
    slow = urllib3.exceptions.ReadTimeoutError(None, "", "")
    ours = client(time, said, said, slow, deadline=1.5)
    ours.chance = lambda: 1.0
    reply = asked(ours)
    assert reply.what_happened == f"{words}, tried {reply.attempts} times"
    assert ours._pool.timeouts[-1] < 5


def test_what_happened_is_said_in_words():
    time = Time()
    assert asked(client(time, (502, {}, b""), deadline=5)).what_happened == "server error 502, tried 5 times"
    assert asked(client(time, (502, {}, b"")), is_once=True).what_happened == "server error 502"
    slow = urllib3.exceptions.ReadTimeoutError(None, "", "")
    assert asked(client(time, slow), is_once=True).what_happened == "no answer in time"


@pytest.mark.parametrize("said", ["0", "Sun, 01 Mar 2026 11:00:00 GMT"], ids=["none", "past"])
def test_who_may_ask_again_at_once_does_not_do_so_without_end(said):
    time = Time()
    reply = asked(client(time, (429, {"Retry-After": said}, b""), deadline=60), bucket="b")
    assert reply.attempts < 10
    assert time.pauses[:3] == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("said", ["²", "٣", "Mon, 02 Mar 99999999999 06:00:00 GMT", "soon", "Mon, 99 Xyz", "-1"])
@pytest.mark.parametrize("name", ["Retry-After", "RateLimit-Reset"])
def test_how_long_to_wait_is_not_told_where_nobody_can_read_it(name, said):
    time = Time()
    reply = asked(client(time, (429, {"RateLimit-Remaining": "0", name: said}, b""), deadline=2), bucket="b")
    assert (reply.what_happened, time.pauses) == ("asked too often (429, tried 4 times)", [0.25, 0.5, 1.0])


@pytest.mark.parametrize("secret", ["fake\nx", "✓", "half \udc80"])
def test_a_header_that_cannot_be_sent_is_told_without_what_is_in_it(secret):
    with receiver("secret") as hook:
        ours = client(Time())
        reply = ours.request("POST", hook.url, {"Authorization": f"Bearer {secret}"}, b"")
        assert (reply.status, reply.attempts) == (0, 0)
        assert reply.what_happened == "a header has a letter that none may have; check the secret"
        assert ours.request("POST", hook.url, {}, b"").status == 401, "the connection is still of use"
