"""Random lives of an audience, with lost answers and refusals: in the end the platform has whom the shop has."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.publish.destinations import Row
from regulars.publish.destinations.google import GoogleDestination
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.fakes.google import GoogleFake, Outcome, google_fake
from regulars.publish.fakes.google import error as google_error
from regulars.publish.fakes.listening import Fault
from regulars.publish.fakes.meta import error as meta_error
from regulars.publish.fakes.meta import meta_fake
from regulars.publish.settings import Google, Meta

from .ads import Time, batch_of

PEOPLE = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 2), max_size=5)
"""Who is in the audience, and which of her three addresses is hers now."""
FAULTS = st.sampled_from(["", "lost", "503", "limit", "truncated", "expired", "removed in part"])


def fault(kind, path):
    match kind:
        case "lost":
            return [Fault(is_taken_in=True, closes=True, on=path)]
        case "503":
            return [Fault(503, on=path)]
        case "limit":
            return [Fault(429, {"Retry-After": "1"}, google_error("RESOURCE_EXHAUSTED"), on=path)]
        case "truncated":
            return [Fault(is_taken_in=True, is_truncated=True, on=path)]
    return []


BOTH = []
"""The platforms and their destinations; no fixture, which hypothesis would print."""


@pytest.fixture(scope="module", autouse=True)
def _platforms():
    secret = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    with meta_fake() as meta, google_fake(refresh_token="r", lists={"1": {}}) as google:
        client = Time().client()
        BOTH[:] = (
            (
                meta,
                MetaDestination(
                    Meta(type="meta", ad_account=meta.ad_account, access_token={"env": "T"}, url=meta.url),
                    meta.token,
                    client,
                ),
            ),
            (
                google,
                GoogleDestination(
                    Google(
                        type="google",
                        operating_account=google.account,
                        credentials={"env": "C"},
                        url=google.url,
                        token_url=google.token_url,
                    ),
                    json.dumps(secret),
                    client,
                ),
            ),
        )
        yield


def done(platform, ours, operation, object_id, rows, key, kind):
    """One batch until it is acknowledged, with the same bytes each time, as a ledger would do it."""
    batch, body, encoded = batch_of(ours, operation, object_id, rows, key=key)
    platform.faults.extend(fault(kind, "users" if "meta" in type(ours).__module__ else "audienceMembers"))
    if kind == "limit" and isinstance(ours, MetaDestination):
        platform.faults[-1] = Fault(400, body=meta_error(17), on="users")
    if kind == "expired" and isinstance(ours, MetaDestination):
        platform.session_errors.append(1870158)
    if kind == "removed in part" and operation == "remove" and isinstance(platform, GoogleFake):
        platform.outcomes.append(Outcome("PARTIAL_SUCCESS", left_out=1))
    for _ in range(5):
        answer = ours.send(batch, body)
        if answer.outcome == "accepted":
            answer = ours.poll(batch, answer.remote_id, body)
        if answer.outcome == "acknowledged":
            return [one.sent_as for one in encoded]
    raise AssertionError(answer)


@settings(max_examples=25, deadline=None)
@given(lives=st.lists(st.tuples(PEOPLE, FAULTS), min_size=1, max_size=4))
def test_in_the_end_the_platform_has_whom_the_shop_has(lives):
    for platform, ours in BOTH:
        object_id = "1"
        if isinstance(ours, MetaDestination):
            object_id = platform.add_audience("loyal")
        else:
            platform.lists["1"] = {}
        state: dict[str, str] = {}
        number = len(platform.requests)
        for people, kind in lives:
            rows = [Row(one, {"email": f"{one}.{address}@example.com"}) for one, address in people.items()]
            wanted = {row.customer_id: ours.encode("upsert", row).sent_as for row in rows}
            gone = [Row(one, sent_as=sent_as) for one, sent_as in state.items() if wanted.get(one) != sent_as]
            number += 1
            if gone:
                done(platform, ours, "remove", object_id, gone, f"{number:030x}aa", kind)
                state = {one: sent_as for one, sent_as in state.items() if wanted.get(one) == sent_as}
            new = [row for row in rows if row.customer_id not in state]
            if new:
                sent = done(platform, ours, "upsert", object_id, new, f"{number:030x}bb", kind)
                state |= {row.customer_id: sent_as for row, sent_as in zip(new, sent, strict=True)}
        there = platform.audiences[object_id].members if isinstance(ours, MetaDestination) else platform.lists["1"]
        assert {one.partition(":")[2] for one in there} == {json.loads(one)["email"] for one in state.values()}
        assert set(state) == set(lives[-1][0])
        assert platform.problems == []
        assert platform.faults == []
