"""A stand-in for Google's Data Manager API v1 and its token endpoint: on loopback, strict, with a memory.

It knows people by identifier. A request is taken in at once and its status is told later: PROCESSING for so many
questions, in whichever run they are asked, then how it went. What the reference does not know (a key, a hash that is
none, a consent that is missing, more than 10,000 members) is refused as Google does, with field violations, and noted
in `problems`. Source of the shapes: https://developers.google.com/data-manager/api/reference/rest.
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from google.auth import jwt

from regulars.publish.fakes.listening import Fault, Request, Response, by_path, listening

SCOPE = "https://www.googleapis.com/auth/datamanager"
MOST_MEMBERS = 10_000
MOST_IDENTIFIERS = 10
WINDOW_SECONDS = 60.0
ADDRESS = {"givenName", "familyName", "regionCode", "postalCode"}
_HASH = re.compile("[0-9a-f]{64}")
_REGION = re.compile("[A-Z]{2}")
_CODES = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}


def error(status: str, reason: str = "", violations: list[tuple[str, str]] | None = None) -> bytes:
    """A google.rpc.Status as JSON, to be used as the body of a fault too; violations are paths and reasons."""
    details: list[dict[str, Any]] = []
    if reason:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "datamanager.googleapis.com",
            }
        )
    if violations:
        found = [{"field": path, "description": "words of Google", "reason": word} for path, word in violations]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": found})
    details.append({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "t-request"})
    said = {"code": _CODES[status], "message": "words of Google", "status": status, "details": details}
    return json.dumps({"error": said}).encode()


@dataclass
class Outcome:
    """How a request will have gone."""

    status: str = "SUCCESS"
    left_out: int = 0
    """Of PARTIAL_SUCCESS: the first members, which are not taken."""
    reason: str = "PROCESSING_ERROR_REASON_INVALID_FORMAT"
    record_count: int | None = None
    """What Google counts, if it is not what was sent."""


@dataclass
class Job:
    """A request that was taken in."""

    verb: str
    member_count: int
    outcome: Outcome
    polls_left: int
    destination: dict[str, Any] = field(default_factory=dict)
    work: Callable[[], None] | None = field(default=None, repr=False)
    """What is still to be done, where the fake `is_late`."""


@dataclass
class GoogleFake:
    """The account, its lists, its requests, and who may ask."""

    account: str = "1234567890"
    login_account: str = ""
    lists: dict[str, dict[str, bool]] = field(default_factory=dict, repr=False)
    """Identifiers (`emailAddress:f190…`) in each list."""
    jobs: dict[str, Job] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and members of what was asked of the API; not of tokens."""
    bodies: list[bytes] = field(default_factory=list, repr=False)
    problems: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """Of the next requests; those after them succeed."""
    processing_polls: int = 0
    """How often a status is PROCESSING before it is another."""
    polls: dict[str, int] = field(default_factory=dict)
    """The same, of `ingest` or `remove` alone."""
    is_late: bool = False
    """A request is carried out when it is said to be done, not when it is taken in: two may overtake each other."""
    requests_per_minute: int = 0
    """0: no limit."""
    clock: Callable[[], float] = time.monotonic
    service_account: str = ""
    """The e-mail address that assertions must come from."""
    refresh_token: str = ""
    expires_in: int = 3599
    tokens: list[str] = field(default_factory=list, repr=False)
    """All that were given out; the last one counts."""
    is_revoked: bool = False
    """No token is given out any more."""
    url: str = ""
    _times: deque[float] = field(default_factory=deque, repr=False)

    @property
    def token_url(self) -> str:
        """Where tokens are given out."""
        return f"{self.url}/token"

    def end_tokens(self) -> None:
        """No token that was given out is good any more."""
        self.tokens.append("nobody has this one")

    def take_in(self, request: Request) -> Response:
        """One request, as Google would treat it."""
        if request.path == "/token":
            return self._give_token(request)
        if not self.tokens or request.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return Response(401, error("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"))
        if self._is_over_the_limit():
            wait = int(self._times[0] + WINDOW_SECONDS - self.clock()) + 1
            return Response(429, error("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"), {"Retry-After": str(wait)})
        match (request.method, request.path):
            case ("POST", "/v1/audienceMembers:ingest"):
                return self._members("ingest", request)
            case ("POST", "/v1/audienceMembers:remove"):
                return self._members("remove", request)
            case ("GET", "/v1/requestStatus:retrieve"):
                return self._status(request)
        self.problems.append(f"there is no {request.method} {request.path}")
        return Response(404, b"<html>Not Found</html>")

    def _is_over_the_limit(self) -> bool:
        if not self.requests_per_minute:
            return False
        now = self.clock()
        while self._times and self._times[0] <= now - WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) >= self.requests_per_minute:
            return True
        self._times.append(now)
        return False

    def _give_token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        problem = self._grant_problem(form)
        if problem:
            self.problems.append(problem)
        if problem or self.is_revoked:
            return Response(400, {"error": "invalid_grant", "error_description": "words of Google"})
        self.tokens.append(f"a token, number {len(self.tokens)}")
        return Response(200, {"access_token": self.tokens[-1], "expires_in": self.expires_in, "token_type": "Bearer"})

    def _grant_problem(self, form: dict[str, str]) -> str:
        if form.get("grant_type") == "refresh_token":
            is_whole = form.keys() == {"grant_type", "client_id", "client_secret", "refresh_token"}
            return "" if is_whole and form["refresh_token"] == self.refresh_token else "another refresh token"
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return "a grant that there is not"
        claims = jwt.decode(form.get("assertion", ""), verify=False)  # type: ignore[no-untyped-call]
        meant = {"iss": self.service_account, "scope": SCOPE, "aud": self.token_url}
        if any(claims.get(name) != value for name, value in meant.items()):
            return "an assertion of somebody else, or for something else"
        return "" if 0 < claims["exp"] - claims["iat"] <= 3600 else "an assertion that lasts too long"

    def _members(self, verb: str, request: Request) -> Response:
        try:
            body = json.loads(request.body)
        except ValueError:
            return self._refuse("a body that is no JSON", "")
        members = body.get("audienceMembers") if isinstance(body, dict) else None
        if not isinstance(members, list):
            return self._refuse("no members", "audience_members", "REQUIRED_FIELD_MISSING")
        self.bodies.append(request.body)
        self.requests.append((request.method, request.path, len(members)))
        known = {"destinations", "audienceMembers", "encoding", "validateOnly"}
        if verb == "ingest":
            known.add("termsOfService")
        if not body.keys() <= known:
            return self._refuse("keys that there are not", "")
        if body.get("encoding") != "HEX":
            return self._refuse("no encoding", "encoding", "REQUIRED_FIELD_MISSING")
        if verb == "ingest" and body.get("termsOfService") != {"customerMatchTermsOfServiceStatus": "ACCEPTED"}:
            return self._refuse("terms that are not accepted", "terms_of_service", "TERMS_AND_CONDITIONS_NOT_SIGNED")
        refused = self._destination_problem(body.get("destinations"))
        if refused is not None:
            return refused
        if not members:
            return self._refuse("no members", "audience_members", "REQUIRED_FIELD_MISSING")
        if len(members) > MOST_MEMBERS:
            return self._refuse("too many members", "audience_members", "TOO_MANY_AUDIENCE_MEMBERS")
        identifiers = []
        violations: list[tuple[str, str]] = []
        for place, member in enumerate(members):
            found, path, reason = _identifiers(member, is_removal=verb == "remove")
            identifiers.append(found)
            if reason:
                violations.append((f"audience_members.audience_members[{place}].{path}", reason))
        if violations:
            self.problems.append(f"members that are none: {violations[0]}")
            return Response(400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT", violations))
        if body.get("validateOnly") is True:
            return Response(200, {})
        return self._taken_in(verb, body["destinations"][0], identifiers)

    def _refuse(self, problem: str, path: str, reason: str = "INVALID_ARGUMENT") -> Response:
        self.problems.append(problem)
        violations = [(path, reason)] if path else []
        return Response(400, error("INVALID_ARGUMENT", reason, violations))

    def _destination_problem(self, said: Any) -> Response | None:  # noqa: ANN401  (what JSON holds)
        meant: dict[str, Any] = {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": self.account}}
        if self.login_account:
            meant["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": self.login_account}
        if not isinstance(said, list) or len(said) != 1 or not isinstance(said[0], dict):
            return self._refuse("not one destination", "destinations", "REQUIRED_FIELD_MISSING")
        list_id = said[0].get("productDestinationId")
        if said[0].keys() != meant.keys() | {"productDestinationId"} or not isinstance(list_id, str):
            return self._refuse("a destination of other keys", "destinations[0]", "INVALID_DESTINATION")
        if any(said[0][name] != value for name, value in meant.items()):
            return Response(403, error("PERMISSION_DENIED", "PERMISSION_DENIED"))
        if list_id not in self.lists:
            violations = [("destinations.destinations[0].product_destination_id", "INVALID_USER_LIST_ID")]
            return Response(400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT", violations))
        return None

    def _taken_in(self, verb: str, destination: dict[str, Any], identifiers: list[list[str]]) -> Response:
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome()
        request_id = f"request-{len(self.jobs)}"
        polls = self.polls.get(verb, self.processing_polls)
        job = Job(verb, len(identifiers), outcome, polls, destination)
        self.jobs[request_id] = job
        people = self.lists[destination["productDestinationId"]]

        def work() -> None:
            for found in identifiers[outcome.left_out :]:
                for one in found:
                    if verb == "ingest":
                        people[one] = True
                    else:
                        people.pop(one, None)

        if outcome.status in ("SUCCESS", "PARTIAL_SUCCESS"):
            if self.is_late:
                job.work = work
            else:
                work()
        return Response(200, {"requestId": request_id})

    def _status(self, request: Request) -> Response:
        self.requests.append((request.method, request.path, 0))
        if request.query.keys() != {"requestId"} or request.body:
            return self._refuse("a question of another shape", "request_id")
        job = self.jobs.get(request.query["requestId"])
        if job is None:
            return Response(404, error("NOT_FOUND", "NOT_FOUND"))
        is_ready = job.polls_left <= 0
        job.polls_left -= 1
        if is_ready and job.work is not None:
            job.work()
            job.work = None
        said: dict[str, Any] = {
            "destination": job.destination,
            "requestStatus": job.outcome.status if is_ready else "PROCESSING",
        }
        if is_ready and job.outcome.status != "SUCCESS":
            count = job.outcome.left_out or job.member_count
            said["errorInfo"] = {"errorCounts": [{"recordCount": str(count), "reason": job.outcome.reason}]}
        if is_ready:
            counted = job.member_count if job.outcome.record_count is None else job.outcome.record_count
            stats = {"recordCount": str(counted), "userIdentifierCount": str(counted)}
            if job.verb == "ingest":
                said["audienceMembersIngestionStatus"] = {"userDataIngestionStatus": stats}
            else:
                said["audienceMembersRemovalStatus"] = {"userDataRemovalStatus": stats}
        return Response(200, {"requestStatusPerDestination": [said]})


def _identifiers(member: Any, *, is_removal: bool) -> tuple[list[str], str, str]:  # noqa: ANN401  (what JSON holds)
    """The identifiers of a member; or the path and the reason of what is wrong with it."""
    wrong: list[str] = []
    if not isinstance(member, dict) or not member.keys() <= {"userData", "consent"}:
        return wrong, "", "INVALID_AUDIENCE_MEMBER"
    granted = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    if not is_removal and member.get("consent") != granted:
        return wrong, "consent", "REQUIRED_FIELD_MISSING"
    if is_removal and "consent" in member:
        return wrong, "consent", "INVALID_ARGUMENT"
    data = member.get("userData")
    if (
        not isinstance(data, dict)
        or data.keys() != {"userIdentifiers"}
        or not isinstance(data["userIdentifiers"], list)
    ):
        return wrong, "user_data", "REQUIRED_FIELD_MISSING"
    if not 0 < len(data["userIdentifiers"]) <= MOST_IDENTIFIERS:
        return wrong, "user_data.user_identifiers", "TOO_MANY_USER_IDENTIFIERS"
    found = []
    for number, one in enumerate(data["userIdentifiers"]):
        path = f"user_data.user_identifiers[{number}]"
        if not isinstance(one, dict) or len(one) != 1:
            return wrong, path, "INVALID_ARGUMENT"
        ((name, value),) = one.items()
        if name == "address":
            if not isinstance(value, dict) or value.keys() != ADDRESS:
                return wrong, f"{path}.address", "REQUIRED_FIELD_MISSING"
            if not all(_HASH.fullmatch(value[part]) for part in ("givenName", "familyName")):
                return wrong, f"{path}.address.given_name", "INVALID_SHA256_FORMAT"
            if not _REGION.fullmatch(value["regionCode"]):
                return wrong, f"{path}.address.region_code", "INVALID_COUNTRY_CODE"
            if not value["postalCode"].strip():
                return wrong, f"{path}.address.postal_code", "INVALID_POSTAL_CODE"
            value = "/".join(value[part] for part in sorted(ADDRESS))
        elif name not in ("emailAddress", "phoneNumber"):
            return wrong, path, "INVALID_ARGUMENT"
        elif not isinstance(value, str) or not _HASH.fullmatch(value):
            return (
                wrong,
                f"{path}.{'email_address' if name == 'emailAddress' else 'phone_number'}",
                "INVALID_SHA256_FORMAT",
            )
        found.append(f"{name}:{value}")
    return found, "", ""


@contextmanager
def google_fake(**more: Any) -> Iterator[GoogleFake]:  # noqa: ANN401  (fields of GoogleFake)
    """Google on a free port of 127.0.0.1 until the block ends."""
    state = GoogleFake(**more)
    with listening(state.take_in, by_path(state)) as url:
        state.url = url
        yield state
