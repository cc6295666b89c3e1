"""Custom audiences of a Meta ad account (Marketing API v26.0): people by hashed identifiers, 10,000 a request.

- What Meta answers is approximate: it counts what it received, never who. Acknowledged means taken, and nobody can say
  more (`is_verified` is false).
- Every batch is an upload session of its own: number 1 and the last, with an id made of the batch's key. A session
  that spans a run ends 90 minutes after its first batch and needs numbers without a gap, so one batch that waits for
  the next run would spoil it; and a batch alone can be sent again as it was. If Meta has closed the session of a batch
  that is sent again, the batch goes into a new one: adding and removing twice does no harm.
- Whole replacements (`/usersreplace`) are left out: it empties the audience first, of people too that this tool never
  added, and a plan here holds differences, not the whole audience.

Sources
-------
Guide: https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences (sessions, schema, removal,
    limited data use, errors of sessions, `usersofanyaudience`)
Reference: https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users (LOOKALIKE_VALUE)
Errors: https://developers.facebook.com/docs/marketing-api/error-reference and
    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
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
    Row,
    Unsendable,
    renamed,
)
from regulars.publish.destinations.codes import readable_number
from regulars.publish.errors import DestinationError
from regulars.publish.http import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Client, Reply
from regulars.publish.settings import Meta

ROWS_PER_REQUEST = 10_000
"""Guide: "up to 10000 at a time"."""
BYTES_PER_REQUEST = 10_000_000
"""Meta publishes none. A row has some 450 bytes, so that rows run out first."""
VALUE = "_value"
"""The property that holds what a person is worth to a seed of lookalikes; every other property is ignored."""
COLUMNS = {
    "email": "EMAIL",
    "phone": "PHONE",
    "first_name": "FN",
    "last_name": "LN",
    "country": "COUNTRY",
    "postal_code": "ZIP",
}
"""Contacts and their keys; all hashed. EXTERN_ID, the customer id, is not."""
CONTACTS = frozenset(COLUMNS)

TOKEN_CODES = frozenset({102, 190})
LIMIT_CODES = frozenset({4, 17, 32, 341, 613}) | frozenset(range(80_000, 80_015))
"""Too many calls of an app, a user, a page or an ad account; the HTTP status is 400 or 403 as a rule. Certainly
nothing was done."""
TRANSIENT_CODES = frozenset({1, 2})
"""Unknown or temporary; perhaps something was done."""
SESSION_CODE = 2650
REPLACING = 1870145
"""Of SESSION_CODE: somebody replaces the audience just now; another session would fare the same."""
NOT_FULLY = 1870148
"""Of SESSION_CODE: "was not fully updated", so some of it was."""
FINISHED = 1870159
"""Of SESSION_CODE: the batch arrived before, since nobody else has its session."""
SESSIONS_PER_SEND = 8
"""Each time that a batch is sent again it may need one more; their ids are always the same."""
TERMS_NOT_ACCEPTED = frozenset({1870090, 1870034})
AUDIENCE_BLOCKED = 1713230
NO_SUCH_OBJECT = 33
AUDIENCES_PER_PAGE = 100
MOST_PAGES = 200
_HASH = re.compile("[0-9a-f]{64}")


def _hashed(form: str | None) -> str:
    return "" if form is None else identifiers.sha256_hex(form)


@lru_cache(maxsize=65_536)
def _hashed_name(value: str) -> str:
    return _hashed(identifiers.meta_name(value))


@lru_cache(maxsize=4_096)
def _hashed_country(value: str) -> str:
    return _hashed(identifiers.meta_country(value))


@lru_cache(maxsize=65_536)
def _hashed_postal_code(value: str, country: str | None) -> str:
    return _hashed(identifiers.meta_postal_code(value, country))


def hashed_contacts(contacts: Mapping[str, str | None], sends: frozenset[str] = CONTACTS) -> dict[str, str]:
    """The contacts of `sends` in Meta's normal form, hashed (64 hexadecimal digits), without those that cannot be."""
    country = contacts.get("country")
    found: dict[str, str] = {}
    for name, value in contacts.items():
        if not value or name not in sends:
            continue
        match name:
            case "email":
                code = _hashed(identifiers.email(value))
            case "phone":
                code = _hashed(identifiers.meta_phone(value, country))
            case "first_name" | "last_name":
                code = _hashed_name(value)
            case "country":
                code = _hashed_country(value)
            case _:
                code = _hashed_postal_code(value, country)
        if code:
            found[name] = code
    return found


def is_usable(found: Mapping[str, str]) -> bool:
    """Whether Meta could know somebody by these: an e-mail address, a phone number, or a whole name with a place."""
    return "email" in found or "phone" in found or {"first_name", "last_name", "postal_code"} <= found.keys()


def lookalike_value(value: object) -> str | Unsendable:
    """A value as a JSON number, which is never negative; text, as amounts are, or a number.

    Nobody's value is made up: who has none, or a negative one, is not sent to a seed that lives by values.

    Source: reference, LOOKALIKE_VALUE, and https://www.facebook.com/business/help/1033094474356222 ("decimal or whole
    numbers").
    """
    if value is None or isinstance(value, bool) or value == "":
        return Unsendable("no_value", VALUE)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Unsendable("value_is_no_number", VALUE)
    if not number.is_finite():
        return Unsendable("value_is_no_number", VALUE)
    if number < 0:
        return Unsendable("negative_value", VALUE)
    return format(abs(number), "f")


def _data(customer_id: str, found: Mapping[str, str]) -> str:
    """EXTERN_ID and the six hashed keys of a row, as they stand between brackets; a key that is missing is empty."""
    hashes = '","'.join([found.get(name, "") for name in COLUMNS])
    return f'{encode_basestring_ascii(identifiers.external_id(customer_id) or "")},"{hashes}"'


def _sent_as(found: Mapping[str, str]) -> str:
    """As JSON, in the order of the columns; written by hand, since hashes need no escapes and this is a hot path."""
    return "{" + ",".join([f'"{name}":"{found[name]}"' for name in COLUMNS if name in found]) + "}"


def _known(sent_as: str) -> dict[str, str] | None:
    """The hashes of somebody as she was sent; None if there are none. What is no hash never leaves."""
    try:
        said = json.loads(sent_as)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    return {name: said[name] for name in COLUMNS if _HASH.fullmatch(str(said.get(name, "")))} or None


def session(key: str, attempt: int, row_count: int) -> bytes:
    """A session of one batch: its id is a positive 64-bit integer that the batch's key and the attempt decide."""
    digest = hashlib.sha256(f"{key}/{attempt}".encode()).digest()
    session_id = (int.from_bytes(digest[:8]) >> 1) or 1
    return b'{"session_id":%d,"batch_seq":1,"last_batch_flag":true,"estimated_num_total":%d}' % (session_id, row_count)


@dataclass(frozen=True)
class _Said:
    """What Meta said at last."""

    reply: Reply = field(repr=False)
    body: dict[str, Any] | None = field(repr=False)
    """None: that was no JSON object."""
    code: int
    subcode: int
    attempts: int
    is_certain: bool
    """Refused now means that no earlier attempt was taken in either."""

    @property
    def is_yes(self) -> bool:
        return 200 <= self.reply.status < 300 and self.body is not None and "error" not in self.body


def _understood(reply: Reply, attempts: int, *, is_certain: bool) -> _Said:
    try:
        body = json.loads(reply.body)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else None
    error = body.get("error") if body else None
    error = error if isinstance(error, dict) else {}
    code, subcode = readable_number(error.get("code")), readable_number(error.get("error_subcode"))
    return _Said(reply, body, code, subcode, attempts, is_certain)


def _minutes_to_wait(reply: Reply) -> float:
    """`estimated_time_to_regain_access` of the header X-Business-Use-Case-Usage, minutes; 0 if it says nothing."""
    try:
        usage = json.loads(reply.headers.get("X-Business-Use-Case-Usage", ""))
        minutes = float(max(one.get("estimated_time_to_regain_access", 0) for many in usage.values() for one in many))
        # Neither NaN, which Python reads, nor less than nothing.
        return minutes if 0 < minutes < float("inf") else 0.0
    except (ValueError, AttributeError, TypeError):
        return 0.0


def refusal(said: _Said) -> Answer:
    """What a refusal means. Of Meta's words only the numbers are used: its sentences may repeat what was sent."""
    outcome: Any = "failed" if said.is_certain else "unknown"
    status, code, subcode = said.reply.status, said.code, said.subcode
    numbers = f"{code}/{subcode}" if subcode else str(code)

    def answer(word: str, message: str, *, is_hopeless: bool = True) -> Answer:
        return Answer(outcome, code=word, message=message, is_hopeless=is_hopeless, requests=said.attempts)

    if status == 0:
        outcome = "unknown"
        return answer("no_answer", f"Meta: {said.reply.what_happened}; run again later")
    if status == 413:
        # Larger than is taken is never taken, whatever became of earlier attempts.
        return Answer(
            "failed", code="413", is_too_large=True, requests=said.attempts, message="too large for Meta (413)"
        )
    if status >= 500 or status == 429:
        outcome = outcome if status == 429 else "unknown"
        return answer(str(status), f"Meta: {said.reply.what_happened}; run again later")
    if not code:
        if status == 401:
            return answer("token", "Meta does not accept the access token (401); check access_token")
        outcome = "unknown"
        return answer("not_json", f"the answer ({status}) is not what Meta says; is there a proxy before it?")
    if code in TOKEN_CODES:
        return answer(
            "token",
            f"Meta does not accept the access token ({numbers}): it is wrong, has expired or was withdrawn; make a new"
            " one with ads_management, best of a system user, and put it where access_token points",
        )
    if code in LIMIT_CODES:
        return answer("rate_limit", f"Meta takes no more calls for now ({numbers}); run again in an hour")
    if subcode in TERMS_NOT_ACCEPTED or code == 2655:
        return answer(
            "terms",
            f"the ad account has not accepted the Custom Audience Terms ({numbers}); accept them at"
            " https://business.facebook.com/ads/manage/customaudiences/tos/",
        )
    if code in (3, 10, 294) or 200 <= code <= 299:
        return answer(
            "permission",
            f"Meta does not permit it ({numbers}): the token needs ads_management, and its user a role that manages the"
            " ad account, which belongs to a business",
        )
    if code == 803 or (code == 100 and subcode == NO_SUCH_OBJECT):
        return answer(
            "no_such_object",
            f"Meta knows no such audience or account, or the token may not see it ({numbers}); check object and"
            " ad_account",
        )
    if subcode == AUDIENCE_BLOCKED or code == 368:
        return answer("blocked", f"Meta has restricted the audience or the account ({numbers}); see Audience Manager")
    if code == SESSION_CODE:
        return answer("session", f"Meta is still busy with the audience ({numbers}); run again in an hour")
    if code in TRANSIENT_CODES:
        outcome = "unknown"
        return answer("transient", f"Meta has an error of its own just now ({numbers}); run again later")
    return answer(
        f"meta_{code}",
        f"Meta refused the request for what is in it ({numbers}); see"
        " https://developers.facebook.com/docs/marketing-api/error-reference",
        is_hopeless=False,
    )


def _accepted_or_not(batch: Batch, said: _Said) -> Answer:
    """What a yes means: taken, as far as Meta says."""
    assert said.body is not None
    received, invalid = said.body.get("num_received"), readable_number(said.body.get("num_invalid_entries"))
    if str(said.body.get("audience_id", "")) != batch.object_id or not isinstance(received, int):
        return Answer(
            "unknown",
            code="not_meta",
            message="the answer does not speak of this audience; is there a proxy before Meta?",
            is_hopeless=True,
            requests=said.attempts,
        )
    if received < batch.row_count:
        return Answer(
            "unknown",
            code="fewer_received",
            message=f"Meta received {max(received, 0)} of {batch.row_count} rows and does not say which;"
            " they are sent again",
            requests=said.attempts,
        )
    if invalid > 0:
        return Answer(
            "acknowledged",
            code="invalid_entries",
            message=f"Meta calls about {invalid} of {batch.row_count} rows invalid, without saying which",
            requests=said.attempts,
        )
    return Answer("acknowledged", requests=said.attempts)


@dataclass
class MetaDestination:
    """One ad account.

    `sends` are the contacts that may leave the shop: a row always has the country, to read phone numbers by, and a sync
    that does not ask for it must not send it. `is_value_based` marks an audience that is made here as a seed by value.
    """

    settings: Meta
    access_token: str = field(repr=False)
    client: Client = field(repr=False)
    app_secret: str = field(default="", repr=False)
    sends: frozenset[str] = CONTACTS
    is_value_based: bool = False
    capabilities: Capabilities = field(init=False)

    def __post_init__(self) -> None:
        self.capabilities = Capabilities(
            rows_per_batch=ROWS_PER_REQUEST,
            bytes_per_batch=BYTES_PER_REQUEST,
            concurrency=1,
            is_keyed_by_identifiers=True,
            is_verified=False,
        )

    def open_object(self, object_name: str, known_id: str = "") -> str:
        """The audience of that id or, if it is no number, of that name; made if the settings say so.

        Raises
        ------
        DestinationError: no such audience, two of one name, of another account or another kind, that of last time
        renamed, or Meta refuses.
        """
        if object_name.isascii() and object_name.isdigit():
            found = self._get(object_name, {"fields": "id,name,account_id,subtype"})
            self._check(found, object_name)
            return str(found["id"])
        audience_id = self._named(object_name)
        if known_id and audience_id != known_id and any(str(one.get("id")) == known_id for one in self._audiences()):
            raise renamed("audience", known_id, object_name)
        if audience_id is not None:
            return audience_id
        if not self.settings.create_audiences:
            raise DestinationError(
                f"the ad account {self.settings.account} has no custom audience '{object_name}'; make one (customer"
                " list), write its id as object, or set create_audiences: true"
            )
        return self._create(object_name)

    def _named(self, object_name: str) -> str | None:
        """The id of the audience of that name; None if there is none."""
        found = [one for one in self._audiences() if one.get("name") == object_name]
        if len(found) > 1:
            raise DestinationError(
                f"the ad account {self.settings.account} has {len(found)} audiences called '{object_name}'; write the"
                " id of the one that is meant as object"
            )
        if not found:
            return None
        self._check({"account_id": self.settings.account, **found[0]}, object_name)
        return str(found[0]["id"])

    def _audiences(self) -> Iterator[dict[str, Any]]:
        """All of the account, page by page; by the cursor, since the address of the next page would hold the token."""
        query = {"fields": "id,name,subtype", "limit": str(AUDIENCES_PER_PAGE)}
        for _ in range(MOST_PAGES):
            page = self._get(f"act_{self.settings.account}/customaudiences", query)
            yield from page.get("data", ())
            paging = page.get("paging", {})
            after = paging.get("cursors", {}).get("after", "")
            if not paging.get("next") or not after:
                return
            query = {**query, "after": after}

    def _check(self, found: Mapping[str, Any], object_name: str) -> None:
        if str(found.get("account_id", "")) != self.settings.account:
            raise DestinationError(
                f"the audience {object_name} is not of the ad account {self.settings.account}; check object and"
                " ad_account"
            )
        if found.get("subtype") != "CUSTOM":
            raise DestinationError(
                f"the audience '{object_name}' is none of a customer list (its subtype is not CUSTOM); people can be"
                " sent to customer lists only"
            )

    def _create(self, object_name: str) -> str:
        """Make it, asking once: a request that is sent again by itself could make two of one name."""
        body: dict[str, Any] = {
            "name": object_name,
            "subtype": "CUSTOM",
            "customer_file_source": "USER_PROVIDED_ONLY",
            "description": "Kept by Regulars; changes by hand are undone",
        }
        if self.is_value_based:
            body["is_value_based"] = True
        path = f"act_{self.settings.account}/customaudiences"
        said = self._ask("POST", path, body=json.dumps(body, separators=(",", ":")).encode(), is_once=True)
        if said.is_yes and said.body is not None and said.body.get("id"):
            return str(said.body["id"])
        answer = refusal(said)
        made = self._named(object_name) if answer.outcome == "unknown" else None
        if made is None:
            raise DestinationError(f"the audience '{object_name}' could not be made: {answer.message}")
        return made

    def encode(self, operation: Operation, row: Row) -> Encoded | Unsendable:
        """A row of `data`: the value first where there is one, EXTERN_ID, six hashes, the mark of limited data use.

        The value comes first so that `body` can see by one byte which columns a row has.
        """
        if operation == "remove":
            known = _known(row.sent_as)
            if known is None:
                return Unsendable("not_known_how_sent")
            return Encoded(f"[{_data(row.customer_id, known)}]".encode(), row.sent_as)
        found = hashed_contacts(row.contacts, self.sends)
        if not is_usable(found):
            return Unsendable("no_identifier")
        value = ""
        if VALUE in row.properties:
            number = lookalike_value(row.properties[VALUE])
            if isinstance(number, Unsendable):
                return number
            value = f"{number},"
        limited = ',["LDU"]' if self.settings.limited_data_use else ""
        return Encoded(f"[{value}{_data(row.customer_id, found)}{limited}]".encode(), _sent_as(found))

    def body(self, batch: Batch, rows: Sequence[bytes]) -> bytes:
        """Session and payload.

        Raises
        ------
        ValueError: some rows have a value and some have none, which one request cannot say.
        """
        valued = sum(row[1:2] != b'"' for row in rows)
        if valued not in (0, len(rows)):
            raise ValueError("rows with a value and rows without one do not go into one request")
        schema = ["LOOKALIKE_VALUE"] if valued else []
        schema += ["EXTERN_ID", *COLUMNS.values()]
        if batch.operation == "upsert" and self.settings.limited_data_use:
            # Country and state are left out, by which Meta finds out itself where somebody is (guide, "LDU").
            schema.append("DATA_PROCESSING_OPTIONS")
        return b'{"session":%s,"payload":%s}' % (session(batch.key, 0, len(rows)), _payload(schema, rows))

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Post or delete it; into a new session where Meta says that this one is over."""
        method = "DELETE" if batch.operation == "remove" else "POST"
        payload = body[body.index(b',"payload":') :]
        requests, is_certain = 0, True
        for attempt in range(SESSIONS_PER_SEND):
            if attempt:
                body = b'{"session":%s%s' % (session(batch.key, attempt, batch.row_count), payload)
            said = self._ask(method, f"{batch.object_id}/users", body=body)
            requests += said.attempts
            is_certain = is_certain and said.is_certain and said.subcode not in (NOT_FULLY, FINISHED)
            if said.code != SESSION_CODE or said.subcode == REPLACING:
                break
        said = replace(said, attempts=requests, is_certain=is_certain)
        return _accepted_or_not(batch, said) if said.is_yes else refusal(said)

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:  # noqa: ARG002  (as the interface has it)
        """Meta has no jobs: there is nothing to ask, so nobody knows."""
        return Answer("unknown", code="no_jobs", message="Meta has no jobs to ask about", requests=0)

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:  # noqa: ARG002  (from all audiences)
        """Remove people from every audience of the ad account, by all hashes known of them and by EXTERN_ID."""
        rows: dict[bytes, None] = {}
        for person in people:
            known = [_known(person.sent_as), *map(hashed_contacts, (person.contacts, person.asked))]
            for found in [one for one in known if one] or [{}]:
                rows[f"[{_data(person.customer_id, found)}]".encode()] = None
        requests, all_rows = 0, list(rows)
        for start in range(0, len(all_rows), ROWS_PER_REQUEST):
            payload = _payload(["EXTERN_ID", *COLUMNS.values()], all_rows[start : start + ROWS_PER_REQUEST])
            said = self._ask(
                "DELETE", f"act_{self.settings.account}/usersofanyaudience", body=b'{"payload":%s}' % payload
            )
            requests += said.attempts
            is_done = (
                said.is_yes and said.body is not None and bool(said.body.get("success", "num_received" in said.body))
            )
            if not is_done:
                # Of several requests some may be done: erasing again does no harm, so nobody has to know which.
                is_certain = said.is_certain and requests == said.attempts
                return refusal(replace(said, is_certain=is_certain, attempts=requests))
        return Answer("acknowledged", requests=requests)

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        said = self._ask("GET", path, query)
        if not said.is_yes or said.body is None:
            raise DestinationError(refusal(said).message)
        return said.body

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        is_once: bool = False,
    ) -> _Said:
        """One request, again while Meta says that there were too many; it does so with 400, which the client lets be.

        The token stands in a header. `appsecret_proof` may stand in the address: it is worth nothing without the token.
        """
        client = self.client
        query = dict(query or {})
        if self.app_secret:
            query["appsecret_proof"] = hmac.new(
                self.app_secret.encode(), self.access_token.encode(), hashlib.sha256
            ).hexdigest()
        url = f"{self.settings.url}/{self.settings.version}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.access_token}"}
        if body:
            headers["Content-Type"] = "application/json"
        end = client.clock() + client.deadline_seconds
        attempts, rounds, is_certain = 0, 0, True
        while True:
            reply = client.request(method, url, headers, body, is_once=is_once)
            attempts += reply.attempts
            rounds += 1
            # The client does not say what became of its earlier attempts: one may have been taken in, its answer lost.
            is_certain = is_certain and reply.attempts == 1
            said = _understood(reply, attempts, is_certain=is_certain)
            if said.code in TRANSIENT_CODES:
                is_certain = False
            elif said.code not in LIMIT_CODES:
                return said
            if is_once:
                return replace(said, is_certain=is_certain)
            highest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (rounds - 1))
            pause = _minutes_to_wait(reply) * 60 or client.chance() * highest
            if client.clock() + pause >= end:
                return replace(said, is_certain=is_certain)
            client.sleep(pause)


def _payload(schema: Sequence[str], rows: Sequence[bytes]) -> bytes:
    return b'{"schema":%s,"data":[%s]}' % (json.dumps(list(schema), separators=(",", ":")).encode(), b",".join(rows))
