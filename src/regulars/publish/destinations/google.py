"""Customer match of a Google Ads account, by the Data Manager API v1: people by hashed identifiers, 10,000 a request.

- Both consents, user data and personalization, are needed for each member, and an absent one means not sent. The
  purpose `ads` of a sync asks for both before a row gets here, in the plan and again at sending; so what does get here
  says CONSENT_GRANTED, member by member.
- Google answers a request with an id and the request's status is asked for later, up to a day later. It has counts and
  no people: SUCCESS acknowledges all of it.
- PARTIAL_SUCCESS does not say whom Google left out. Additions are acknowledged then, with a code and the counts: the
  list of who may be there, by which people are removed, must not miss one of them; nobody is claimed to be matched.
  Removals are not: somebody may be in the list still, so the same bytes are sent again.
- An address goes to Google with country and postal code in the clear, and removing somebody by it takes the same.
  What is remembered of a row must not be readable, so addresses are left out unless `has_addresses` allows it.

Sources
-------
Requests: https://developers.google.com/data-manager/api/reference/rest/v1/audienceMembers/ingest and …/remove
Statuses: https://developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve and
    https://developers.google.com/data-manager/api/devguides/diagnostics
Errors: https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
Limits: https://developers.google.com/data-manager/api/limits (10,000 members, 10 identifiers, 300 requests a minute)
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any
from urllib.parse import urlencode

from regulars.publish import identifiers
from regulars.publish.destinations import (
    Answer,
    Batch,
    Capabilities,
    Encoded,
    Operation,
    Person,
    Rejected,
    Row,
    Unsendable,
)
from regulars.publish.destinations.codes import readable, readable_number
from regulars.publish.errors import DestinationError
from regulars.publish.http import Client, Reply
from regulars.publish.settings import Google

SCOPE = "https://www.googleapis.com/auth/datamanager"
ROWS_PER_REQUEST = 10_000
BYTES_PER_REQUEST = 10_000_000
"""Google publishes none. A member has some 400 bytes, so that members run out first."""
BUCKET = "google"
LONGEST_MARGIN = timedelta(days=30)
"""People are sent again that long before Google forgets them, or a tenth of the time if that is less."""
FRESH_SECONDS = 300.0
"""A token that ends sooner than this is not used any more; a request has its deadline, two minutes as a rule."""
ASSERTION_SECONDS = 3600
"""The longest that Google takes: https://developers.google.com/identity/protocols/oauth2/service-account."""
CONSENT = '"consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"}'
HOPELESS_REASONS = frozenset(
    {
        "PROCESSING_ERROR_REASON_NO_CONSENT",
        "PROCESSING_ERROR_REASON_DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
    }
)
"""Of a request that failed: what concerns the account and not its members."""
_MEMBER = re.compile(r"audience_?[mM]embers\[(\d+)\]\.?([A-Za-z0-9_.\[\]]*)")
_WORD = re.compile("[A-Z][A-Z0-9_]{0,79}")
_HASH = re.compile("[0-9a-f]{64}")


@lru_cache(maxsize=65_536)
def _hashed_first_name(value: str) -> str:
    return _hashed(identifiers.google_first_name(value))


@lru_cache(maxsize=65_536)
def _hashed_last_name(value: str) -> str:
    return _hashed(identifiers.google_last_name(value))


@lru_cache(maxsize=4_096)
def _region(value: str) -> str:
    return identifiers.country_code(value) or ""


@lru_cache(maxsize=65_536)
def _postal_code(value: str) -> str:
    return identifiers.google_postal_code(value) or ""


def _hashed(form: str | None) -> str:
    return "" if form is None else identifiers.sha256_hex(form)


def hashed_contacts(contacts: Mapping[str, str | None], *, has_addresses: bool = False) -> dict[str, str]:
    """The contacts in Google's normal form: `email` and `phone`, hashed; those that cannot be are not in.

    With ``has_addresses`` also `first_name`, `last_name` (hashed), `country` and `postal_code` (in the clear), if all
    four are there: Google takes them together or not at all.
    """
    country, found = contacts.get("country"), {}
    if (value := contacts.get("email")) and (code := _hashed(identifiers.google_email(value))):
        found["email"] = code
    if (value := contacts.get("phone")) and (code := _hashed(identifiers.phone(value, country))):
        found["phone"] = code
    if has_addresses:
        address = {
            "first_name": _hashed_first_name(contacts.get("first_name") or ""),
            "last_name": _hashed_last_name(contacts.get("last_name") or ""),
            "country": _region(country or ""),
            "postal_code": _postal_code(contacts.get("postal_code") or ""),
        }
        if all(address.values()):
            found |= address
    return found


def user_identifiers(found: Mapping[str, str]) -> list[str]:
    """`userIdentifiers` of somebody, each as JSON; 3 at most, of the 10 that Google takes."""
    said = []
    if "email" in found:
        said.append(f'{{"emailAddress":"{found["email"]}"}}')
    if "phone" in found:
        said.append(f'{{"phoneNumber":"{found["phone"]}"}}')
    if "postal_code" in found:
        said.append(
            f'{{"address":{{"givenName":"{found["first_name"]}","familyName":"{found["last_name"]}",'
            f'"regionCode":"{found["country"]}","postalCode":{encode_basestring_ascii(found["postal_code"])}}}}}'
        )
    return said


def _known(sent_as: str) -> dict[str, str] | None:
    """The identifiers of somebody as she was sent; None if there are none. What should be a hash and is none stays."""
    try:
        said = json.loads(sent_as)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    found = {name: said[name] for name in ("email", "phone") if _HASH.fullmatch(str(said.get(name, "")))}
    names = [str(said.get(name, "")) for name in ("first_name", "last_name")]
    if all(_HASH.fullmatch(name) for name in names) and said.get("country") and said.get("postal_code"):
        found |= {name: str(said[name]) for name in ("first_name", "last_name", "country", "postal_code")}
    return found or None


@dataclass
class Login:
    """Access tokens of a service account or an authorized user: one at a time, until it has almost ended.

    The clock of the client counts, so that tests need not wait.
    """

    credentials: str = field(repr=False)
    """JSON, as Google gives it out."""
    token_url: str
    client: Client = field(repr=False)
    _token: str = field(default="", init=False, repr=False)
    _ends_at: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def token(self, refused: str = "") -> str:
        """A token that is fresh, and is not the one that was refused.

        Raises
        ------
        DestinationError: the credentials are none, or Google does not take them.
        """
        with self._lock:
            if not self._token or self._token == refused or self.client.clock() + FRESH_SECONDS > self._ends_at:
                self._token, seconds = self._asked_for()
                self._ends_at = self.client.clock() + seconds
            return self._token

    def _asked_for(self) -> tuple[str, float]:
        form = urlencode(self._grant())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = self.client.request("POST", self.token_url, headers, form.encode())
        said = _object(reply)
        if reply.status == 200 and isinstance(said.get("access_token"), str):
            return said["access_token"], float(said.get("expires_in", ASSERTION_SECONDS))
        if reply.status in (400, 401, 403) and said:
            word = said.get("error")
            word = word if isinstance(word, str) and re.fullmatch("[a-z_]{1,40}", word) else "refused"
            raise DestinationError(
                f"Google does not accept the credentials ({word}); check that the key or the refresh token is not"
                " withdrawn and that the Data Manager API is switched on in its project"
            )
        what = reply.problem if reply.status == 0 else f"status {reply.status}"
        raise DestinationError(f"no access token from {self.token_url}: {what}; run again later")

    def _grant(self) -> dict[str, str]:
        """The form of a grant: a signed assertion, or the refresh token.

        Raises
        ------
        DestinationError: the secret is no JSON of a service account or an authorized user.
        """
        try:
            said = json.loads(self.credentials)
            if said["type"] == "authorized_user":
                return {
                    "grant_type": "refresh_token",
                    "client_id": said["client_id"],
                    "client_secret": said["client_secret"],
                    "refresh_token": said["refresh_token"],
                }
            if said["type"] == "service_account":
                # Here, because it takes a tenth of a second that nobody else needs to wait for.
                from google.auth import jwt
                from google.auth.crypt import RSASigner

                now = int(self.client.now().timestamp())
                claims = {
                    "iss": said["client_email"],
                    "scope": SCOPE,
                    "aud": self.token_url,
                    "iat": now,
                    "exp": now + ASSERTION_SECONDS,
                }
                # google-auth has no types for these two.
                signer = RSASigner.from_service_account_info(said)  # type: ignore[no-untyped-call]
                assertion = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
                return {
                    "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    "assertion": assertion.decode(),
                }
        except (ValueError, KeyError, TypeError):
            pass  # The words of the error could hold a part of the secret.
        raise DestinationError(
            "credentials is no JSON of a service account or of an authorized user, as Google gives it out (a key of"
            " IAM, or application_default_credentials.json of gcloud)"
        )


def _object(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply; empty if it is none."""
    try:
        said = json.loads(reply.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _violations(error: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and reason of each violation in an error. Its description is left: it may repeat what was sent."""
    for detail in error.get("details") or ():
        for one in detail.get("fieldViolations") or () if isinstance(detail, dict) else ():
            if isinstance(one, dict):
                yield str(one.get("field", "")), _word(one.get("reason"), "INVALID_ARGUMENT")


def _word(said: object, otherwise: str) -> str:
    return said if isinstance(said, str) and _WORD.fullmatch(said) and readable(said) == said else otherwise


def _reasons(error: Mapping[str, Any]) -> list[str]:
    details = [one for one in error.get("details") or () if isinstance(one, dict)]
    return [_word(one["reason"], "") for one in details if "reason" in one]


def _rejected(error: Mapping[str, Any], row_count: int) -> tuple[Rejected, ...]:
    """Members that violate something, each once, in their order."""
    found: dict[int, Rejected] = {}
    for path, reason in _violations(error):
        place = _MEMBER.search(path)
        if place and int(place[1]) < row_count:
            found.setdefault(
                int(place[1]), Rejected(int(place[1]), reason.lower(), readable(place[2]) if place[2] else "")
            )
    return tuple(found[place] for place in sorted(found))


def refusal(reply: Reply, row_count: int, requests: int) -> Answer:
    """What a refusal means; of Google's words only those in capitals are used."""
    outcome: Any = "failed" if reply.attempts == 1 else "unknown"
    error = _object(reply).get("error")
    error = error if isinstance(error, dict) else {}
    reasons = _reasons(error)
    named = f"{_word(error.get('status'), str(reply.status))}" + (f", {reasons[0]}" if reasons and reasons[0] else "")

    def answer(word: str, message: str, *, is_hopeless: bool = True, rejected: tuple[Rejected, ...] = ()) -> Answer:
        return Answer(
            outcome, code=word, message=message, is_hopeless=is_hopeless, rejected=rejected, requests=requests
        )

    if reply.status == 0:
        outcome = "unknown" if reply.attempts else "failed"
        return answer("no_answer", f"Google: {reply.what_happened}; run again later")
    if reply.status == 413 or (reply.status == 400 and "TOO_MANY_AUDIENCE_MEMBERS" in reasons):
        return Answer("failed", code="413", is_too_large=True, requests=requests, message="too large for Google")
    if reply.status == 429:
        return answer("rate_limit", f"Google: {reply.what_happened} ({named}); run again later")
    if reply.status >= 500:
        outcome = "unknown"
        return answer(str(reply.status), f"Google: {reply.what_happened} ({named}); run again later")
    if not error:
        outcome = "unknown"
        return answer("not_json", f"the answer ({reply.status}) is not what Google says; is there a proxy before it?")
    if reply.status == 401:
        return answer("token", f"Google does not accept the access token ({named}); check credentials")
    if "TERMS_AND_CONDITIONS_NOT_SIGNED" in reasons:
        return answer(
            "terms", f"the account has not accepted the terms of customer match ({named}); do so in Google Ads"
        )
    if reply.status == 403:
        return answer(
            "permission",
            f"Google does not permit it ({named}): the credentials need write access to the operating account, by"
            " login_account if that is a manager, and the Data Manager API has to be on in their project",
        )
    if reply.status == 404:
        return answer("no_such_object", f"Google knows no such list or account ({named}); check object")
    rejected = _rejected(error, row_count)
    if rejected:
        return answer(
            "invalid_members",
            f"Google refuses {len(rejected)} of {row_count} members ({named}), and the request with them; the others"
            " can be sent without them",
            is_hopeless=False,
            rejected=rejected,
        )
    paths = [path for path, _ in _violations(error)]
    is_of_list = any("destination" in path for path in paths) or any("USER_LIST" in one for one in reasons)
    if is_of_list or "INVALID_DESTINATION" in reasons:
        return answer(
            "no_such_object",
            f"Google does not take members for this list ({named}); object must be the number of a customer match list"
            " for contact data of the operating account",
        )
    return answer(
        _word(error.get("status"), str(reply.status)).lower(),
        f"Google refused the request for what is in it ({named}); see"
        " https://developers.google.com/data-manager/api/reference/rest/v1/ErrorReason",
        is_hopeless=False,
    )


def refresh_after(settings: Google) -> timedelta:
    """When a member is to be sent again, which is before Google forgets her."""
    duration = timedelta(days=settings.membership_duration_days)
    return duration - min(LONGEST_MARGIN, duration / 10)


@dataclass
class GoogleDestination:
    """One Google Ads account.

    `sends` are the contacts that may leave the shop: a row always has the country, by which phone numbers are read.
    `has_addresses` adds names, country and postal code where `sends` has all four; see the module's words.
    """

    settings: Google
    credentials: str = field(repr=False)
    client: Client = field(repr=False)
    sends: frozenset[str] = frozenset({"email", "phone", "first_name", "last_name", "country", "postal_code"})
    has_addresses: bool = False
    login: Login = field(init=False, repr=False)
    capabilities: Capabilities = field(init=False)

    def __post_init__(self) -> None:
        self.login = Login(self.credentials, self.settings.token_url, self.client)
        self.capabilities = Capabilities(
            rows_per_batch=ROWS_PER_REQUEST,
            bytes_per_batch=BYTES_PER_REQUEST,
            is_keyed_by_identifiers=True,
        )

    def open_object(self, object_name: str, known_id: str = "") -> str:  # noqa: ARG002
        """The list of that number. Whether it is there, the first request says; whether the credentials work, this.

        Raises
        ------
        DestinationError: it is no number, or there is no access token to be had.
        """
        if not (object_name.isascii() and object_name.isdigit()):
            raise DestinationError(
                f"'{object_name}' is no number: object must be the number of a customer match list of the Google Ads"
                f" account {self.settings.account}, which is in its address in the audience manager; lists are not"
                " looked up by name and not made here"
            )
        self.login.token()
        return object_name

    def encode(self, operation: Operation, row: Row) -> Encoded | Unsendable:
        """A member: its identifiers and, where it is added, both consents."""
        if operation == "remove":
            known = _known(row.sent_as)
            if known is None:
                return Unsendable("not_known_how_sent")
            said = ",".join(user_identifiers(known))
            return Encoded(f'{{"userData":{{"userIdentifiers":[{said}]}}}}'.encode(), row.sent_as)
        found = self._hashed(row.contacts)
        if not found:
            return Unsendable("no_identifier")
        body = f'{{"userData":{{"userIdentifiers":[{",".join(user_identifiers(found))}]}},{CONSENT}}}'
        # By hand, not by json.dumps, which takes as long as all the rest of a row.
        sent_as = ",".join([f'"{name}":{encode_basestring_ascii(value)}' for name, value in found.items()])
        return Encoded(body.encode(), f"{{{sent_as}}}")

    def _hashed(self, contacts: Mapping[str, str | None]) -> dict[str, str]:
        has_addresses = self.has_addresses and {"first_name", "last_name", "country", "postal_code"} <= self.sends
        found = hashed_contacts(contacts, has_addresses=has_addresses)
        for name in ("email", "phone"):
            if name not in self.sends:
                found.pop(name, None)
        return found

    def body(self, batch: Batch, rows: Sequence[bytes]) -> bytes:
        """Destination, members and, where they are added, the terms of customer match that the account accepted."""
        terms = b',"termsOfService":{"customerMatchTermsOfServiceStatus":"ACCEPTED"}'
        return b'{"destinations":[%s],"encoding":"HEX"%s,"audienceMembers":[%s]}' % (
            self._destination(batch.object_id),
            terms if batch.operation == "upsert" else b"",
            b",".join(rows),
        )

    def _destination(self, list_id: str) -> bytes:
        said: dict[str, Any] = {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": self.settings.account}}
        if self.settings.login_account:
            account_id = self.settings.login_account.replace("-", "")
            said["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": account_id}
        said["productDestinationId"] = list_id
        return json.dumps(said, separators=(",", ":")).encode()

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Post it; what comes back is an id to ask with."""
        return self._posted("ingest" if batch.operation == "upsert" else "remove", body, batch.row_count)

    def validate(self, batch: Batch, body: bytes) -> Answer | None:
        """Have Google look at a batch and do nothing (`validateOnly`): None if it found nothing wrong."""
        verb = "ingest" if batch.operation == "upsert" else "remove"
        answer = self._posted(verb, b'{"validateOnly":true,' + body[1:], batch.row_count, is_validated=True)
        return None if answer.outcome == "accepted" else answer

    def _posted(self, verb: str, body: bytes, row_count: int, *, is_validated: bool = False) -> Answer:
        try:
            reply, requests = self._ask("POST", f"audienceMembers:{verb}", body)
        except DestinationError as error:
            return Answer("failed", code="token", message=str(error), is_hopeless=True)
        if reply.status != 200:
            return refusal(reply, row_count, requests)
        is_empty = b"".join(reply.body.split()) == b"{}"
        request_id = _object(reply).get("requestId", "valid" if is_validated and is_empty else "")
        if not isinstance(request_id, str) or not request_id:
            return Answer(
                "unknown",
                code="not_google",
                message="the answer has no requestId; is there a proxy before Google?",
                is_hopeless=True,
                requests=requests,
            )
        return Answer("accepted", remote_id=request_id, requests=requests)

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:  # noqa: ARG002  (as the interface has it)
        """How a request went, or several (ids with commas between, as `erase` gives them): the worst of them counts."""
        worst: Answer | None = None
        requests = 0
        ids = remote_id.split(",")
        for one in ids:
            answer = self._polled(batch, one, is_alone=len(ids) == 1)
            requests += answer.requests
            if worst is None or _RANK[answer.outcome] > _RANK[worst.outcome]:
                worst = answer
        assert worst is not None
        return replace(worst, remote_id=remote_id, requests=requests)

    def _polled(self, batch: Batch, request_id: str, *, is_alone: bool) -> Answer:
        """How one request went. Where nobody answers, it is under way as before: the next run asks again."""
        try:
            reply, requests = self._ask("GET", f"requestStatus:retrieve?{urlencode({'requestId': request_id})}")
        except DestinationError as error:
            return Answer("accepted", code="token", message=str(error), is_hopeless=True)
        if reply.status == 404:
            return Answer(
                "unknown",
                code="request_gone",
                message="Google does not know the request any more; it is sent again",
                requests=requests,
            )
        if reply.status != 200:
            return replace(refusal(reply, batch.row_count, requests), outcome="accepted", rejected=(), is_hopeless=True)
        statuses = _object(reply).get("requestStatusPerDestination")
        if not isinstance(statuses, list) or not statuses or not isinstance(statuses[0], dict):
            return Answer("accepted", code="not_google", message="the answer has no status", requests=requests)
        return _status(batch, statuses[0], requests, is_alone=is_alone)

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:
        """Remove people from the list by all identifiers that are known of them; `poll` says how it went.

        Google has no request that takes somebody from all lists: each list is asked for by itself. Who has no
        identifier that Google takes cannot be in it.
        """
        members: dict[bytes, None] = {}
        for person in people:
            said: dict[str, None] = {}
            for found in (
                _known(person.sent_as),
                hashed_contacts(person.contacts, has_addresses=self.has_addresses),
                hashed_contacts(person.asked, has_addresses=False),
            ):
                said |= dict.fromkeys(user_identifiers(found or {}))
            if said:
                members[f'{{"userData":{{"userIdentifiers":[{",".join(said)}]}}}}'.encode()] = None
        rows, requests = list(members), 0
        ids: list[str] = []
        for start in range(0, len(rows), ROWS_PER_REQUEST):
            part = rows[start : start + ROWS_PER_REQUEST]
            batch = Batch("remove", object_name, object_name, "", len(part))
            answer = self._posted("remove", self.body(batch, part), len(part))
            requests += answer.requests
            if answer.outcome != "accepted":
                # Places are those of a request and not of people, and what was removed by others does no harm twice.
                outcome = answer.outcome if not ids else "unknown"
                return replace(answer, outcome=outcome, rejected=(), requests=requests)
            ids.append(answer.remote_id)
        if not ids:
            return Answer("acknowledged", requests=0)
        return Answer("accepted", remote_id=",".join(ids), requests=requests)

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[Reply, int]:
        """One request with a token, and once more with a new one if it is not taken; the answer and how many it took.

        Raises
        ------
        DestinationError: no token is to be had.
        """
        token, requests, reply = "", 0, None
        for _ in range(2):
            try:
                fresh = self.login.token(refused=token)
            except DestinationError:
                if reply is None:
                    raise
                break
            token = fresh
            headers = {"Authorization": f"Bearer {token}"}
            if body:
                headers["Content-Type"] = "application/json"
            earlier = reply
            reply = self.client.request(method, f"{self.settings.url}/v1/{path}", headers, body, bucket=BUCKET)
            requests += reply.attempts
            if earlier is not None and earlier.attempts > 1:
                # Before the 401 something else went wrong: that one may have been taken in.
                reply = replace(reply, attempts=reply.attempts + earlier.attempts)
            if reply.status != 401:
                break
        assert reply is not None
        return reply, requests


_RANK = {"acknowledged": 0, "failed": 1, "unknown": 2, "accepted": 3}
"""Of several requests that are one batch: it is under way while one is, and sent again if nobody knows of one."""


def _counts(status: Mapping[str, Any]) -> Counter[str]:
    """Members by reason, as far as Google says; int64 is text in its JSON."""
    found: Counter[str] = Counter()
    info = status.get("errorInfo")
    for one in (info.get("errorCounts") or ()) if isinstance(info, dict) else ():
        if isinstance(one, dict):
            count = str(one.get("recordCount", "0"))
            found[_word(one.get("reason"), "UNKNOWN")] += readable_number(int(count)) if count.isdecimal() else 0
    return found


def _record_count(status: Mapping[str, Any]) -> int | None:
    for side, kind in (
        ("audienceMembersIngestionStatus", "userDataIngestionStatus"),
        ("audienceMembersRemovalStatus", "userDataRemovalStatus"),
    ):
        said = status.get(side)
        said = said.get(kind) if isinstance(said, dict) else None
        count = str(said.get("recordCount", "")) if isinstance(said, dict) else ""
        if count.isdecimal():
            return readable_number(int(count))
    return None


def _status(batch: Batch, status: Mapping[str, Any], requests: int, *, is_alone: bool) -> Answer:
    """What a status means for a batch."""
    counts = _counts(status)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    word = counts.most_common(1)[0][0].removeprefix("PROCESSING_ERROR_REASON_").lower() if counts else ""
    match status.get("requestStatus"):
        case "SUCCESS":
            count = _record_count(status)
            # Of an erasure, which has no key, nobody counts the members: some people are known by nothing.
            if is_alone and batch.key and count is not None and count != batch.row_count:
                return Answer(
                    "unknown",
                    code="other_count",
                    message=f"Google counts {count} members and {batch.row_count} were sent; they are sent again",
                    requests=requests,
                )
            return Answer("acknowledged", requests=requests)
        case "PARTIAL_SUCCESS" if batch.operation == "upsert":
            return Answer(
                "acknowledged",
                code="partial_success",
                message=f"Google left out some of {batch.row_count} members and does not say whom"
                f" ({reasons or 'no reason'})",
                requests=requests,
            )
        case "PARTIAL_SUCCESS":
            return Answer(
                "unknown",
                code="partial_success",
                message=f"Google did not remove all of {batch.row_count} members and does not say whom"
                f" ({reasons or 'no reason'}); they are removed again",
                requests=requests,
            )
        # FAILED in the reference, FAILURE in the guide to diagnostics.
        case "FAILED" | "FAILURE":
            return Answer(
                "failed",
                code=word or "failed",
                message=f"Google took none of {batch.row_count} members: {reasons or 'it gives no reason'}",
                is_hopeless=bool(HOPELESS_REASONS & counts.keys()),
                requests=requests,
            )
    return Answer("accepted", requests=requests)
