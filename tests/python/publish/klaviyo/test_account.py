"""The account of the tests: what it is asked keeps to Klaviyo's schemas, and it refuses what Klaviyo refuses."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from regulars.publish.fakes.klaviyo import Profile
from regulars.publish.fakes.listening import Request

from .customers import KEY, Clock, destination, person, publish


def test_every_request_is_held_to_the_official_schemas(account, schemas):
    if schemas is None:
        pytest.skip("needs klaviyo_openapi in ../shared/data beside the project, which a clone does not have")
    headers = {"content-type": "application/vnd.api+json", "revision": "2026-07-15", "authorization": "x"}
    path = "/api/profile-bulk-import-jobs"
    right = b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[]}}}}'
    assert schemas.check("POST", path, {}, headers, right) == ""
    assert "profiles" in schemas.check("POST", path, {}, headers, right.replace(b'"profiles"', b'"people"'))
    assert schemas.check("POST", "/api/profile-subscription-bulk-create-jobs", {}, headers, b"{}")
    assert schemas.check("GET", path + "/1/import-errors", {"page[size]": "100"}, headers, b"") == ""
    assert "page[size]" in schemas.check("GET", path + "/1/import-errors", {"page[size]": "101"}, headers, b"")
    assert len(schemas.apis) == 12


def test_every_request_says_the_revision_of_the_settings(account):
    seen = set()
    account.check = lambda method, path, query, headers, body: seen.add(headers["revision"]) or ""
    publish(destination(account, revision="2026-10-15"), "upsert", [person(1)], account.add_list("loyal"))
    assert seen == {"2026-10-15"}


def ask(account, method, target, data=None, **headers):
    given = {
        "authorization": f"Klaviyo-API-Key {KEY}", "revision": "2026-07-15", "accept": "application/vnd.api+json",
        "content-type": "application/vnd.api+json",
    }  # fmt: skip
    body = b"" if data is None else json.dumps({"data": data}, separators=(",", ":")).encode()
    parts = urlsplit(target)
    request = Request(method, parts.path, dict(parse_qsl(parts.query)), given | headers, body)
    status = type(account).take_in(account, request).status
    account.problems.clear()
    return status


def import_of(*rows, **more):
    profiles = {"data": [{"type": "profile", "attributes": row} for row in rows]}
    return {"type": "profile-bulk-import-job", "attributes": {"profiles": profiles}} | more


JOBS = "/api/profile-bulk-import-jobs"
ONE = {"external_id": "1"}


@pytest.mark.parametrize(
    ("status", "method", "target", "data"),
    [
        (202, "POST", JOBS, import_of(ONE)),
        (202, "POST", JOBS, import_of(*[ONE] * 10_000)),
        (400, "POST", JOBS, import_of(*[ONE] * 10_001)),
        (400, "POST", JOBS, import_of()),
        (400, "POST", JOBS, import_of({"externalId": "1"})),
        (400, "POST", JOBS, import_of(ONE, extra=1)),
        (400, "POST", JOBS, import_of({"properties": {"x": "x" * 100_000}}, ONE)),
        (413, "POST", JOBS, import_of(*[{"properties": {"x": "x" * 50_000}}] * 101)),
        (404, "GET", JOBS + "/none", None),
        (400, "GET", JOBS + "/none?include=lists", None),
        (204, "DELETE", "/api/lists/Y6nRLr/relationships/profiles", [{"type": "profile", "id": "P"}] * 1000),
        (400, "DELETE", "/api/lists/Y6nRLr/relationships/profiles", [{"type": "profile", "id": "P"}] * 1001),
        (404, "DELETE", "/api/lists/Y6nRLr/relationships/profiles", [{"type": "profile", "id": "Q"}]),
        (404, "POST", "/api/profile-subscription-bulk-create-jobs", {}),
        (404, "PATCH", "/api/profiles/P", {}),
        (400, "GET", "/api/profiles?filter=any(external_id,[" + ",".join(['"1"'] * 101) + "])", None),
        (400, "GET", "/api/profiles?filter=any(external_id,[])", None),
        (400, "GET", '/api/profiles?filter=any(external_id,["1"])&page[size]=101', None),
        (200, "GET", '/api/profiles?filter=any(external_id,["1"])&page[size]=100', None),
    ],
)
def test_the_account_refuses_what_klaviyo_refuses(account, status, method, target, data):
    account.add_list("whatever", "Y6nRLr")
    account.profiles["P"] = Profile("P", {})
    account.check = lambda *_: ""
    assert ask(account, method, target, data) == status


def test_the_account_wants_key_revision_and_media_type(account):
    account.check = lambda *_: ""
    assert ask(account, "GET", "/api/accounts") == 200
    assert ask(account, "GET", "/api/accounts", authorization="Klaviyo-API-Key other") == 401
    assert ask(account, "GET", "/api/accounts", revision="") == 400
    assert ask(account, "GET", "/api/accounts", accept="application/json") == 400


@pytest.mark.parametrize(
    ("method", "target", "apart", "most"),
    [
        ("GET", "/api/accounts", 0.0, 1),
        ("GET", "/api/accounts", 1.0, 15),
        ("POST", "/api/lists", 0.0, 10),
        ("POST", "/api/lists", 1.0, 150),
    ],
    ids=["a second", "a minute", "a second for lists", "a day for lists"],
)
def test_the_account_counts_in_windows(account, method, target, apart, most):
    clock = Clock()
    clock.now = 86_400.0 * 3
    account.has_limits, account.clock, account.check = True, clock, lambda *_: ""
    data = {"type": "list", "attributes": {"name": "x"}} if method == "POST" else None
    for _ in range(most):
        assert ask(account, method, target, data) in {200, 201}
        clock.now += apart
    assert ask(account, method, target, data) == 429
    clock.now += 1 if not apart else 60 if method == "GET" else 86_400
    assert ask(account, method, target, data) in {200, 201}
