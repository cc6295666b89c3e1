"""A Klaviyo account: profiles, lists, import jobs, deletions; its limits, its shapes, and failures when told to.

What Klaviyo does not document is chosen so that it is hard on a client: a cancelled job has done half, an error names
its row or only its payload, an e-mail address that another profile has is an error of its row.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from regulars.publish.fakes.listening import Fault, Request, Response, listening, next_fault
from regulars.publish.fakes.openapi import Schemas

# https://developers.klaviyo.com/en/reference, each endpoint's own page, revision 2026-07-15: a second, a minute.
LIMITS = {
    "import": (10, 150),
    "job": (10, 150),
    "errors": (10, 150),
    "list_members": (10, 150),
    "new_list": (10, 150),
    "lists": (75, 750),
    "list": (75, 750),
    "profiles": (75, 700),
    "profile": (75, 750),
    "deletion": (3, 60),
    "accounts": (1, 15),
}
MOST_LISTS_A_DAY = 150
MOST_PROFILES = 10_000
MOST_REQUEST_BYTES = 5_000_000
MOST_PROFILE_BYTES = 100_000
MOST_REMOVALS = 1_000
MOST_FILTERED = 100
LISTS_PER_PAGE = 10
WITHOUT_SCHEMA = frozenset({"/api/accounts", "/api/profiles"})
"""Endpoints that are asked and whose documents are not among those that come with the tests."""

_ROUTES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (method, re.compile(pattern), group)
    for method, pattern, group in (
        ("GET", "/api/accounts", "accounts"),
        ("GET", "/api/lists", "lists"),
        ("POST", "/api/lists", "new_list"),
        ("GET", "/api/lists/([^/]+)", "list"),
        ("DELETE", "/api/lists/([^/]+)/relationships/profiles", "list_members"),
        ("POST", "/api/profile-bulk-import-jobs", "import"),
        ("GET", "/api/profile-bulk-import-jobs/([^/]+)", "job"),
        ("GET", "/api/profile-bulk-import-jobs/([^/]+)/import-errors", "errors"),
        ("POST", "/api/profile-import", "profile"),
        ("GET", "/api/profiles", "profiles"),
        ("POST", "/api/data-privacy-deletion-jobs", "deletion"),
    )
)
_QUERY_KEYS = {
    "accounts": {"fields[account]"},
    "lists": {"fields[list]", "filter", "page[cursor]", "sort"},
    "list": {"fields[list]"},
    "job": {"fields[profile-bulk-import-job]"},
    "errors": {"fields[import-error]", "page[cursor]", "page[size]"},
    "profiles": {"fields[profile]", "filter", "page[cursor]", "page[size]"},
}
_CONTACTS = frozenset({"email", "phone_number", "external_id", "first_name", "last_name"})
_ATTRIBUTES = _CONTACTS | {"location", "properties"}
_LOCATION = frozenset({"country", "zip", "city", "region", "address1", "address2"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_TYPE = b'"type":"profile"'
_JSON_API = "application/vnd.api+json"


@dataclass
class Profile:
    """A person, as Klaviyo has her."""

    id: str
    attributes: dict[str, Any]
    consent: str = "NEVER_SUBSCRIBED"


@dataclass
class Job:
    """A bulk import."""

    id: str
    rows: list[dict[str, Any]]
    list_ids: list[str]
    polls_left: int
    is_cancelled: bool = False
    status: str = "queued"
    completed_count: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


class _RefusedError(Exception):
    """An answer other than the one hoped for."""

    def __init__(self, status: int, code: str, detail: str, pointers: list[str] | None = None) -> None:
        super().__init__(code)
        self.status, self.detail = status, detail
        self.errors = [
            {"id": "e", "code": code, "title": "Invalid input.", "detail": detail, "source": {"pointer": pointer}}
            for pointer in pointers or ["/data"]
        ]


@dataclass
class Account:
    """All that Klaviyo has, every request it was sent, and how it is to behave."""

    account_id: str
    api_key: str
    profiles: dict[str, Profile] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    """Names by id."""
    members: dict[str, set[str]] = field(default_factory=dict)
    """Profile ids by list id."""
    jobs: dict[str, Job] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    """Profile ids that a deletion job removed."""
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and rows of every request that reached us, faults too."""
    problems: list[str] = field(default_factory=list)
    """What a client that knows Klaviyo would not have sent."""
    faults: list[Fault] = field(default_factory=list)
    check: Callable[[str, str, dict[str, str], dict[str, str], bytes], str] = lambda *_: ""
    """Given method, path, query, headers and body: what is wrong with it, or nothing."""
    refuse: Callable[[dict[str, Any]], str] = lambda _: ""
    """Given a profile's attributes: the attribute that an import calls invalid, or nothing."""
    polls_until_done: int = 0
    """How often a job is asked for before it is complete: queued at first, then processing."""
    cancelled_jobs: int = 0
    """So many of the next jobs are cancelled after half of their rows."""
    is_strict: bool = False
    """Wrong rows are refused when the import is asked for, all of it, and not when it runs."""
    names_rows_by: str = "payload"
    """How an import error says whose it is: `payload`, `pointer`, or `nothing`."""
    has_limits: bool = False
    clock: Callable[[], float] = time.monotonic
    url: str = ""
    _by: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"external_id": {}, "email": {}, "phone_number": {}}, repr=False
    )
    _asked_at: dict[str, list[float]] = field(default_factory=dict, repr=False)
    _next: int = 0

    def profile(self, external_id: str) -> Profile | None:
        """The person of that customer id."""
        profile_id = self._by["external_id"].get(external_id)
        return self.profiles[profile_id] if profile_id else None

    def on_list(self, name: str) -> set[str]:
        """Customer ids of those who are on the list of that name."""
        ids = [list_id for list_id, called in self.lists.items() if called == name]
        found = {profile_id for list_id in ids for profile_id in self.members[list_id]}
        return {str(self.profiles[profile_id].attributes.get("external_id")) for profile_id in found}

    def add_list(self, name: str, list_id: str = "") -> str:
        """A list as a person makes it; its id."""
        list_id = list_id or f"L{self._number():05d}"
        self.lists[list_id] = name
        self.members[list_id] = set()
        return list_id

    def add_profile(self, attributes: dict[str, Any]) -> Profile:
        """A person as a form of the shop's adds her."""
        profile = Profile(f"01P{self._number():010d}", {})
        self.profiles[profile.id] = profile
        self._set(profile, attributes, clears=False)
        return profile

    def arrive(self, request: Request) -> Fault | None:
        """Note the request; what it meets on its way."""
        self.requests.append((request.method, request.path, _row_count(request)))
        endpoint, _ = _route(request)
        return next_fault(self.faults, lambda on: on in {"", endpoint})

    def take_in(self, request: Request) -> Response:
        """One request, as Klaviyo would treat it."""
        group, found = _route(request)
        try:
            more = self._limited(group)
        except _RefusedError as refused:
            return _sent(429, {"errors": refused.errors}, {"Retry-After": refused.detail})
        try:
            status, said = self._taken_in(request, group, found)
        except _RefusedError as refused:
            status, said = refused.status, {"errors": refused.errors}
        return _sent(status, said, more)

    def _taken_in(self, request: Request, group: str, found: str) -> tuple[int, dict[str, Any] | None]:
        method, path, query = request.method, request.path, request.query
        headers, body = request.headers, request.body
        if headers.get("authorization") != f"Klaviyo-API-Key {self.api_key}":
            raise _RefusedError(401, "not_authenticated", "Missing or invalid private key.")
        if not group:
            self.problems.append(f"{method} {path}: not an endpoint that may be asked")
            raise _RefusedError(404, "not_found", "There is no such endpoint.")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", headers.get("revision", "")):
            raise self._wrong("no revision")
        if headers.get("accept") != _JSON_API or (body and headers.get("content-type") != _JSON_API):
            raise self._wrong("another media type")
        if len(body) > MOST_REQUEST_BYTES:
            raise _RefusedError(413, "payload_too_large", "The payload is too large.")
        if set(query) - _QUERY_KEYS.get(group, set()):
            raise self._wrong(f"{group}: unknown parameters {sorted(set(query) - _QUERY_KEYS.get(group, set()))}")
        problem = self.check(method, path, query, headers, body)
        if problem:
            raise self._wrong(f"{method} {path}: {problem}")
        document: Any = None
        if body:
            try:
                document = json.loads(body)
            except ValueError as error:
                raise self._wrong("a body that is no JSON") from error
            if not isinstance(document, dict) or set(document) != {"data"}:
                raise self._wrong("a body with more or less than data")
            document = document["data"]
        match group:
            case "import":
                return self._import(document, body)
            case "job":
                return self._job(found)
            case "errors":
                return self._errors(found, query)
            case "profile":
                return self._profile(document, body)
            case "profiles":
                return self._profiles(query)
            case "list_members":
                return self._remove(found, document)
            case "lists":
                return self._lists(query)
            case "list":
                return self._list(found)
            case "new_list":
                return self._new_list(document)
            case "deletion":
                return self._delete(document)
        account = {"type": "account", "id": self.account_id, "attributes": {"public_api_key": self.account_id}}
        return 200, {"data": [account], "links": {"self": self.url}}

    def _import(self, document: Any, body: bytes) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
        self._keys(document, {"type", "attributes", "relationships"}, "profile-bulk-import-job")
        self._keys(document["attributes"], {"profiles"})
        self._keys(document["attributes"]["profiles"], {"data"})
        rows = document["attributes"]["profiles"]["data"]
        if not 1 <= len(rows) <= MOST_PROFILES:
            raise self._wrong(f"an import of {len(rows)} profiles")
        list_ids = [one["id"] for one in document.get("relationships", {}).get("lists", {}).get("data", [])]
        if any(list_id not in self.lists for list_id in list_ids):
            raise _RefusedError(404, "not_found", "A list does not exist.", ["/data/relationships/lists/data/0/id"])
        for row in rows:
            if not row.keys() <= {"type", "attributes"} or not row["attributes"].keys() <= _ATTRIBUTES:
                raise self._wrong("a profile with unknown keys")
            if "location" in row["attributes"] and not row["attributes"]["location"].keys() <= _LOCATION:
                raise self._wrong("a location with unknown keys")
        # A profile that is too large makes a long piece; only then is each looked at.
        if max(map(len, body.split(_TYPE))) > MOST_PROFILE_BYTES // 2:
            for row in rows:
                if len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) > MOST_PROFILE_BYTES:
                    raise self._wrong("a profile above 100 KB")
        if self.is_strict:
            wrong = [(place, self._problem_of(row["attributes"])) for place, row in enumerate(rows)]
            pointers = [f"/data/attributes/profiles/data/{place}/attributes/{name}" for place, name in wrong if name]
            if pointers:
                raise _RefusedError(400, "invalid", f"{rows[0]} is wrong", pointers)
        job = Job(f"01J{self._number():010d}", rows, list_ids, self.polls_until_done)
        if self.cancelled_jobs:
            self.cancelled_jobs -= 1
            job.is_cancelled = True
        self.jobs[job.id] = job
        return 202, {"data": self._job_resource(job)}

    def _job(self, job_id: str) -> tuple[int, dict[str, Any]]:
        job = self.jobs.get(job_id)
        if job is None:
            raise _RefusedError(404, "not_found", "There is no such job.")
        if job.status in {"queued", "processing"}:
            if job.polls_left:
                job.status = "queued" if job.polls_left == self.polls_until_done else "processing"
                job.polls_left -= 1
            else:
                self._run(job)
        return 200, {"data": self._job_resource(job)}

    def _run(self, job: Job) -> None:
        """All rows of a job; half of them if it is cancelled."""
        rows = job.rows[: len(job.rows) // 2] if job.is_cancelled else job.rows
        listed = [self.members[list_id] for list_id in job.list_ids]
        for place, row in enumerate(rows):
            attributes = row["attributes"]
            name = self._problem_of(attributes)
            code = "invalid"
            if not name:
                profile, name = self._matched(attributes)
                code = "duplicate_profile"
            if name:
                job.errors.append(self._error(len(job.errors), code, place, name, attributes))
                continue
            if profile is None:
                profile = Profile(f"01P{self._number():010d}", {})
                self.profiles[profile.id] = profile
            self._set(profile, attributes, clears=False)
            for members in listed:
                members.add(profile.id)
        job.completed_count = len(rows) - len(job.errors)
        job.status = "cancelled" if job.is_cancelled else "complete"

    def _errors(self, job_id: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        job = self.jobs.get(job_id)
        if job is None:
            raise _RefusedError(404, "not_found", "There is no such job.")
        size = int(query.get("page[size]", "20"))
        if not 1 <= size <= 100:
            raise self._wrong("a page of more than 100 errors")
        path = f"/api/profile-bulk-import-jobs/{job_id}/import-errors"
        return 200, self._page(path, query, job.errors, size)

    def _profile(self, document: Any, body: bytes) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
        self._keys(document, {"type", "id", "attributes", "meta"}, "profile")
        if not document["attributes"].keys() <= _ATTRIBUTES or len(body) > MOST_PROFILE_BYTES:
            raise self._wrong("a profile with unknown keys or above 100 KB")
        meta = document.get("meta") or {}
        self._keys(meta, {"patch_properties"})
        patch = meta.get("patch_properties") or {}
        self._keys(patch, {"unset"})
        name = self._problem_of(document["attributes"])
        if name:
            raise _RefusedError(400, "invalid", f"{document} is wrong", [f"/data/attributes/{name}"])
        profile, name = self._matched(document["attributes"])
        if name:
            raise _RefusedError(409, "duplicate_profile", "Another profile has it.", [f"/data/attributes/{name}"])
        status = 200 if profile else 201
        if profile is None:
            profile = Profile(f"01P{self._number():010d}", {})
            self.profiles[profile.id] = profile
        self._set(profile, document["attributes"], clears=True)
        unset = patch.get("unset") or []
        for key in [unset] if isinstance(unset, str) else unset:
            profile.attributes.get("properties", {}).pop(key, None)
        return status, {"data": self._profile_resource(profile)}

    def _profiles(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        # How a quotation mark would be escaped is not documented: none may stand there.
        match = re.fullmatch(r'any\(external_id,\[((?:"[^"\\]*",?)+)\]\)', query.get("filter", ""))
        values = [value.strip('"') for value in match[1].rstrip(",").split('","')] if match else []
        size = int(query.get("page[size]", "20"))
        if not 1 <= len(values) <= MOST_FILTERED or not 1 <= size <= 100:
            raise self._wrong("a filter that Klaviyo does not read")
        known = self._by["external_id"]
        found = [self._profile_resource(self.profiles[known[value]]) for value in values if value in known]
        wanted = query.get("fields[profile]", "external_id").split(",")
        for one in found:
            one["attributes"] = {name: value for name, value in one["attributes"].items() if name in wanted}
        return 200, self._page("/api/profiles", query, found, size)

    def _remove(self, list_id: str, document: Any) -> tuple[int, None]:  # noqa: ANN401
        if list_id not in self.lists:
            raise _RefusedError(404, "not_found", "There is no such list.")
        if not isinstance(document, list) or not 1 <= len(document) <= MOST_REMOVALS:
            raise self._wrong("a removal of none or more than 1,000 profiles")
        for one in document:
            self._keys(one, {"type", "id"}, "profile")
        if any(one["id"] not in self.profiles for one in document):
            raise _RefusedError(404, "not_found", "A profile does not exist.")
        self.members[list_id] -= {one["id"] for one in document}
        return 204, None

    def _lists(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        match = re.fullmatch(r'equals\(name,"([^"\\]*)"\)', query.get("filter", ""))
        if not match:
            raise self._wrong("a filter that Klaviyo does not read")
        # Whether case counts is not documented: here it does not, and the client has to look.
        found = [
            _list_resource(list_id, name) for list_id, name in self.lists.items() if name.lower() == match[1].lower()
        ]
        return 200, self._page("/api/lists", query, found, LISTS_PER_PAGE)

    def _list(self, list_id: str) -> tuple[int, dict[str, Any]]:
        if list_id not in self.lists:
            raise _RefusedError(404, "not_found", "There is no such list.")
        return 200, {"data": _list_resource(list_id, self.lists[list_id])}

    def _new_list(self, document: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
        self._keys(document, {"type", "attributes"}, "list")
        self._keys(document["attributes"], {"name"})
        list_id = self.add_list(document["attributes"]["name"])
        return 201, {"data": _list_resource(list_id, self.lists[list_id])}

    def _delete(self, document: Any) -> tuple[int, None]:  # noqa: ANN401
        self._keys(document, {"type", "attributes"}, "data-privacy-deletion-job")
        self._keys(document["attributes"], {"profile"})
        profile = document["attributes"]["profile"]["data"]
        self._keys(profile, {"type", "id", "attributes"}, "profile")
        given = {name: value for name, value in {"id": profile.get("id"), **profile["attributes"]}.items() if value}
        if len(given) != 1 or not given.keys() <= {"id", "email", "phone_number"}:
            raise self._wrong("a deletion by more or less than one identifier")
        [(name, value)] = given.items()
        profile_id = value if name == "id" else self._by[name].get(value)
        if profile_id not in self.profiles:
            raise _RefusedError(404, "not_found", "There is no such profile.")
        attributes = self.profiles.pop(profile_id).attributes
        for kind, known in self._by.items():
            known.pop(attributes.get(kind, ""), None)
        for members in self.members.values():
            members.discard(profile_id)
        self.deleted.append(profile_id)
        return 202, None

    def _problem_of(self, attributes: dict[str, Any]) -> str:
        """The attribute that is wrong, or nothing."""
        email, phone = attributes.get("email"), attributes.get("phone_number")
        if email is not None and not _EMAIL.fullmatch(email):
            return "email"
        if phone is not None and not _PHONE.fullmatch(phone):
            return "phone_number"
        return self.refuse(attributes)

    def _matched(self, attributes: dict[str, Any]) -> tuple[Profile | None, str]:
        """Whose profile it is, if anybody's; or the attribute that another person has."""
        external_id = attributes.get("external_id")
        profile_id = self._by["external_id"].get(external_id or "")
        for name in ("email", "phone_number"):
            owner = self._by[name].get(attributes.get(name) or "")
            if owner is None or owner == profile_id:
                continue
            theirs = self.profiles[owner].attributes.get("external_id")
            if profile_id is not None or theirs not in {None, external_id}:
                return None, name
            profile_id = owner
        return (self.profiles[profile_id] if profile_id else None), ""

    def _set(self, profile: Profile, attributes: dict[str, Any], *, clears: bool) -> None:
        """Take over what is given; a null clears only where it does."""
        has = profile.attributes
        for name, value in attributes.items():
            if value is None and not clears:
                continue
            if name in ("properties", "location"):
                inner = has.setdefault(name, {})
                inner.update({key: one for key, one in (value or {}).items() if one is not None or clears})
                continue
            known = self._by.get(name)
            if known is not None:
                known.pop(has.get(name, ""), None)
                if value is not None:
                    known[value] = profile.id
            has[name] = value

    def _error(self, number: int, code: str, place: int, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {
            "code": code,
            "title": "Invalid input.",
            "detail": f"{attributes.get(name)} is not valid.",
            "source": {"pointer": f"/data/attributes/{name}"},
        }
        if self.names_rows_by == "payload":
            said["original_payload"] = attributes
        elif self.names_rows_by == "pointer":
            said["source"] = {"pointer": f"/data/attributes/profiles/data/{place}/attributes/{name}"}
        return {"type": "import-error", "id": f"{number}", "attributes": said}

    def _job_resource(self, job: Job) -> dict[str, Any]:
        return {
            "type": "profile-bulk-import-job",
            "id": job.id,
            "attributes": {
                "status": job.status,
                "created_at": "2026-11-08T00:00:00+00:00",
                "total_count": len(job.rows),
                "completed_count": job.completed_count,
                "failed_count": len(job.errors),
            },
            "links": {"self": f"{self.url}/api/profile-bulk-import-jobs/{job.id}"},
        }

    def _profile_resource(self, profile: Profile) -> dict[str, Any]:
        return {
            "type": "profile",
            "id": profile.id,
            "attributes": {"external_id": profile.attributes.get("external_id")},
            "links": {"self": f"{self.url}/api/profiles/{profile.id}"},
        }

    def _page(self, path: str, query: dict[str, str], found: list[dict[str, Any]], size: int) -> dict[str, Any]:
        start = int(query.get("page[cursor]", "0"))
        links = {"self": f"{self.url}{path}"}
        if start + size < len(found):
            following = query | {"page[cursor]": str(start + size)}
            # Klaviyo's links name its own host, whatever it was asked as.
            links["next"] = f"https://a.klaviyo.com{path}?{urlencode(following)}"
        return {"data": found[start : start + size], "links": links}

    def _keys(self, given: Any, allowed: set[str], kind: str = "") -> None:  # noqa: ANN401
        if not isinstance(given, dict) or not given.keys() <= allowed or (kind and given.get("type") != kind):
            raise self._wrong(f"unknown keys, or not {kind or sorted(allowed)}")

    def _wrong(self, problem: str) -> _RefusedError:
        """A refusal that the client could have known."""
        self.problems.append(problem)
        return _RefusedError(400, "invalid", problem)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _limited(self, group: str) -> dict[str, str]:
        """What the answer says of the limits of its endpoint; fixed windows of a second, a minute and a day."""
        if not self.has_limits or not group:
            return {}
        now = self.clock()
        windows = list(zip((1, 60), LIMITS[group], strict=True))
        if group == "new_list":
            windows.append((86_400, MOST_LISTS_A_DAY))
        asked = self._asked_at.setdefault(group, [])
        for seconds, most in windows:
            start = now // seconds * seconds
            if sum(at >= start for at in asked) >= most:
                raise _RefusedError(429, "throttled", str(int(start + seconds - now) + 1))
        asked.append(now)
        start = now // 60 * 60
        used = sum(at >= start for at in asked)
        burst, steady = LIMITS[group]
        return {
            "RateLimit-Limit": f"{burst}, {burst};w=1, {steady};w=60",
            "RateLimit-Remaining": str(steady - used),
            "RateLimit-Reset": str(int(start + 60 - now) + 1),
        }


def _list_resource(list_id: str, name: str) -> dict[str, Any]:
    return {
        "type": "list",
        "id": list_id,
        "attributes": {"name": name},
        "links": {"self": f"https://a.klaviyo.com/api/lists/{list_id}"},
    }


def _route(request: Request) -> tuple[str, str]:
    """The endpoint that is asked, and the id in its path; nothing if there is none."""
    for method, pattern, group in _ROUTES:
        match = pattern.fullmatch(request.path) if method == request.method else None
        if match:
            return group, unquote(match[1]) if match.groups() else ""
    return "", ""


def _sent(status: int, said: dict[str, Any] | None, more: dict[str, str]) -> Response:
    if said is None:
        return Response(status, b"", more)
    return Response(status, said, {"Content-Type": _JSON_API, **more})


def _row_count(request: Request) -> int:
    """Profiles of a request, without reading all of it."""
    return request.body.count(_TYPE) if request.method in {"POST", "DELETE"} else 0


@contextmanager
def klaviyo(account_id: str, api_key: str, schemas: Path | None = None) -> Iterator[Account]:
    """An account that listens on a free port of 127.0.0.1 until the block ends.

    `schemas` is a folder of Klaviyo's OpenAPI documents, to which every request is held; without it, what is not
    checked by hand above passes.
    """
    state = Account(account_id, api_key)
    if schemas is not None:
        state.check = Schemas(schemas, WITHOUT_SCHEMA).check
    # Looked up for each request: a test may put another `take_in` before the account's own.
    with listening(lambda request: state.take_in(request), state.arrive) as url:
        state.url = url
        yield state
