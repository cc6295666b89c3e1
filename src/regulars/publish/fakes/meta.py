"""A stand-in for Meta's Marketing API v26.0, of what concerns custom audiences: on loopback, strict, with a memory.

It knows people by identifier, as Meta does: who is added under a second address is there under both until each is
removed. What the reference does not know (a key, a column, a hash that is none, a row that is too short or too long, a
session out of order) is refused with code 100 or 2650 and noted in `problems`.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from regulars.publish.fakes.listening import Fault, Request, Response, by_path, listening

VERSION = "v26.0"
HASHED = ("EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP")
COLUMNS = frozenset({"EXTERN_ID", "LOOKALIKE_VALUE", "DATA_PROCESSING_OPTIONS", *HASHED})
MOST_ROWS = 10_000
LONGEST_NAME = 200
_HASHES = re.compile("(?:[0-9a-f]{64})?(?:,(?:[0-9a-f]{64})?)*")
_PATH = re.compile(rf"/{re.escape(VERSION)}/(act_\d+|\d+)(?:/(users|customaudiences|usersofanyaudience))?")


def error(code: int, subcode: int = 0, *, is_transient: bool = False) -> bytes:
    """Meta's envelope of an error, to be used as the body of a fault too."""
    said: dict[str, Any] = {
        "message": f"(#{code}) words of Meta",
        "type": "OAuthException",
        "code": code,
        "is_transient": is_transient,
        "fbtrace_id": "AbCdEfGh",
    }
    if subcode:
        said["error_subcode"] = subcode
    return json.dumps({"error": said}).encode()


@dataclass
class Audience:
    """One custom audience: who is in it, by identifier (`EMAIL:f190…`), and whose identifier that is."""

    name: str
    account_id: str
    subtype: str = "CUSTOM"
    is_value_based: bool = False
    members: dict[str, str] = field(default_factory=dict, repr=False)
    values: dict[str, float] = field(default_factory=dict, repr=False)
    limited: set[str] = field(default_factory=set, repr=False)
    """EXTERN_IDs under limited data use."""


@dataclass
class Session:
    """An upload: how many of its batches came, whether the last one was among them, and whether 90 minutes are over."""

    batches: int = 0
    received: int = 0
    is_finished: bool = False
    is_expired: bool = False


@dataclass
class MetaFake:
    """The ad account, its audiences and sessions, and every request."""

    ad_account: str = "1234567890"
    token: str = "a token of the tests"
    app_secret: str = ""
    audiences: dict[str, Audience] = field(default_factory=dict)
    sessions: dict[tuple[str, int], Session] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path without version, rows."""
    bodies: list[bytes] = field(default_factory=list, repr=False)
    problems: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    session_errors: list[int] = field(default_factory=list)
    """Subcodes of 2650 that the next batches get, whatever they are."""
    invalid_entries: int = 0
    """`num_invalid_entries` of every answer."""
    lost_rows: int = 0
    """So many rows of the next batch are not received."""
    page_size: int = 25
    """The most audiences on a page."""
    url: str = ""

    def add_audience(self, name: str, **more: Any) -> str:  # noqa: ANN401  (fields of Audience)
        """A new audience; its id."""
        audience_id = str(23_850_000_000_000_000 + len(self.audiences))
        self.audiences[audience_id] = Audience(name, more.pop("account_id", self.ad_account), **more)
        return audience_id

    def expire_sessions(self) -> None:
        """90 minutes pass."""
        for session in self.sessions.values():
            session.is_expired = True

    def take_in(self, request: Request) -> Response:
        """One request, as Meta would treat it."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(401, error(190))
        if "access_token" in request.query or self.token in request.path:
            return self._refuse("the token stands in the address")
        if self.app_secret:
            proof = hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()
            if request.query.get("appsecret_proof") != proof:
                return Response(400, error(100))
        path = _PATH.fullmatch(request.path)
        if path is None:
            return self._refuse(f"there is no {request.path}")
        if request.body and request.headers.get("content-type") != "application/json":
            return self._refuse("a body that is not called JSON")
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return self._refuse("a body that is no JSON")
        self.bodies.append(request.body)
        node, edge = path[1], path[2]
        rows = len(body.get("payload", {}).get("data", ())) if isinstance(body.get("payload"), dict) else 0
        self.requests.append((request.method, request.path.removeprefix(f"/{VERSION}"), rows))
        match (request.method, node.startswith("act_"), edge):
            case ("GET", False, None):
                return self._audience(node, request.query)
            case ("GET", True, "customaudiences"):
                return self._page(node, request.query)
            case ("POST", True, "customaudiences"):
                return self._create(node, body)
            case ("POST" | "DELETE", False, "users"):
                return self._users(request.method, node, body)
            case ("DELETE", True, "usersofanyaudience"):
                return self._users_of_any(node, body)
        return self._refuse(f"{request.method} is nothing for {request.path}")

    def _refuse(self, problem: str) -> Response:
        self.problems.append(problem)
        return Response(400, error(100))

    def _fields(self, audience_id: str, names: str) -> dict[str, Any] | None:
        audience = self.audiences[audience_id]
        known = {
            "id": audience_id,
            "name": audience.name,
            "account_id": audience.account_id,
            "subtype": audience.subtype,
            "is_value_based": audience.is_value_based,
        }
        asked = names.split(",")
        return {name: known[name] for name in asked} if set(asked) <= known.keys() else None

    def _audience(self, node: str, query: dict[str, str]) -> Response:
        if node not in self.audiences:
            return Response(400, error(100, 33))
        found = self._fields(node, query.get("fields", "id"))
        return self._refuse("a field that audiences do not have") if found is None else Response(200, found)

    def _page(self, node: str, query: dict[str, str]) -> Response:
        if node != f"act_{self.ad_account}":
            return Response(400, error(100, 33))
        if not query.keys() <= {"fields", "limit", "after", "appsecret_proof"}:
            return self._refuse("a parameter that the edge does not have")
        mine = [one for one, audience in self.audiences.items() if audience.account_id == self.ad_account]
        start = mine.index(query["after"]) + 1 if "after" in query else 0
        shown = mine[start : start + min(int(query.get("limit", "25")), self.page_size)]
        data = [self._fields(one, query.get("fields", "id")) for one in shown]
        if None in data:
            return self._refuse("a field that audiences do not have")
        said: dict[str, Any] = {"data": data}
        if shown:
            said["paging"] = {"cursors": {"before": shown[0], "after": shown[-1]}}
            if shown[-1] != mine[-1]:
                said["paging"]["next"] = f"{self.url}/{VERSION}/{node}/customaudiences?access_token=…&after={shown[-1]}"
        return Response(200, said)

    def _create(self, node: str, body: dict[str, Any]) -> Response:
        if node != f"act_{self.ad_account}":
            return Response(400, error(100, 33))
        needed = {"name", "subtype", "customer_file_source"}
        if not needed <= body.keys() or not body.keys() <= needed | {"description", "is_value_based"}:
            return self._refuse("an audience of other keys")
        if body["subtype"] != "CUSTOM" or body["customer_file_source"] not in {
            "USER_PROVIDED_ONLY",
            "PARTNER_PROVIDED_ONLY",
            "BOTH_USER_AND_PARTNER_PROVIDED",
        }:
            return self._refuse("an audience of another kind")
        if not isinstance(body["name"], str) or not 0 < len(body["name"]) <= LONGEST_NAME:
            return self._refuse("a name that cannot be")
        return Response(200, {"id": self.add_audience(body["name"], is_value_based=body.get("is_value_based", False))})

    def _users(self, method: str, node: str, body: dict[str, Any]) -> Response:
        if node not in self.audiences:
            return Response(400, error(100, 33))
        if body.keys() != {"session", "payload"}:
            return self._refuse("other keys than session and payload")
        session_id = self._session_id(body["session"])
        if session_id is None:
            return self._refuse("a session of another shape")
        rows = self._rows(body["payload"], is_removal=method == "DELETE")
        if rows is None:
            return Response(400, error(100))
        subcode = self._session_error(node, session_id, body["session"])
        if subcode:
            return Response(400, error(2650, subcode))
        session = self.sessions.setdefault((node, session_id), Session())
        session.batches += 1
        session.is_finished = body["session"]["last_batch_flag"]
        lost, self.lost_rows = self.lost_rows, 0
        rows = rows[: len(rows) - lost]
        session.received += len(rows)
        for row in rows:
            (_add if method == "POST" else _remove)(self.audiences[node], row)
        return Response(
            200,
            {
                "audience_id": node,
                "session_id": str(session_id),
                "num_received": session.received,
                "num_invalid_entries": self.invalid_entries,
                "invalid_entry_samples": ["never to be shown"] if self.invalid_entries else [],
            },
        )

    def _session_id(self, said: Any) -> int | None:  # noqa: ANN401  (what JSON holds)
        """The id of a session that has the right shape."""
        if not isinstance(said, dict) or said.keys() != {
            "session_id",
            "batch_seq",
            "last_batch_flag",
            "estimated_num_total",
        }:
            return None
        session_id, number, total = said["session_id"], said["batch_seq"], said["estimated_num_total"]
        whole = all(type(one) is int for one in (session_id, number, total))
        if not whole or not 0 < session_id < 2**63 or number < 1 or total < 1:
            return None
        return session_id if isinstance(said["last_batch_flag"], bool) else None

    def _session_error(self, node: str, session_id: int, said: dict[str, Any]) -> int:
        if self.session_errors:
            return self.session_errors.pop(0)
        session = self.sessions.get((node, session_id), Session())
        if session.is_expired:
            return 1870158
        if session.is_finished:
            return 1870159
        if said["batch_seq"] != session.batches + 1:
            self.problems.append("a batch out of order")
            return 1870147
        return 0

    def _rows(self, payload: Any, *, is_removal: bool) -> list[dict[str, Any]] | None:  # noqa: ANN401  (what JSON holds)
        """The rows by column; None, with the problem noted, if they are not what the reference asks for."""
        problem = self._problem(payload, is_removal=is_removal)
        if problem:
            self.problems.append(problem)
            return None
        schema = payload["schema"]
        return [dict(zip(schema, row, strict=True)) for row in payload["data"]]

    def _problem(self, payload: Any, *, is_removal: bool) -> str:  # noqa: ANN401  (what JSON holds)
        if not isinstance(payload, dict) or payload.keys() != {"schema", "data"}:
            return "a payload of other keys"
        schema, data = payload["schema"], payload["data"]
        if not isinstance(schema, list) or len(set(schema)) != len(schema) or not set(schema) <= COLUMNS:
            return "a schema with a column that there is not, or twice"
        if is_removal and {"LOOKALIKE_VALUE", "DATA_PROCESSING_OPTIONS"} & set(schema):
            return "a removal with more than identifiers"
        if not isinstance(data, list) or not 0 < len(data) <= MOST_ROWS:
            return "no rows, or too many"
        hashed = [place for place, name in enumerate(schema) if name in HASHED]
        value = schema.index("LOOKALIKE_VALUE") if "LOOKALIKE_VALUE" in schema else None
        options = schema.index("DATA_PROCESSING_OPTIONS") if "DATA_PROCESSING_OPTIONS" in schema else None
        extern = schema.index("EXTERN_ID") if "EXTERN_ID" in schema else None
        for row in data:
            if not isinstance(row, list) or len(row) != len(schema):
                return "a row that is not as wide as the schema"
            try:
                if not _HASHES.fullmatch(",".join([row[place] for place in hashed])):
                    return "a hash that is none"
            except TypeError:
                return "a hash that is no text"
            if value is not None and (type(row[value]) not in (int, float) or row[value] < 0):
                return "a value that is no number from 0 on"
            if options is not None and row[options] not in ([], ["LDU"]):
                return "options of data processing that there are not"
            if extern is not None and not isinstance(row[extern], str):
                return "an EXTERN_ID that is no text"
        return ""

    def _users_of_any(self, node: str, body: dict[str, Any]) -> Response:
        if node != f"act_{self.ad_account}":
            return Response(400, error(100, 33))
        if body.keys() != {"payload"}:
            return self._refuse("other keys than payload")
        rows = self._rows(body["payload"], is_removal=True)
        if rows is None:
            return Response(400, error(100))
        for audience in self.audiences.values():
            if audience.account_id == self.ad_account:
                for row in rows:
                    _remove(audience, row)
        return Response(200, {"success": True})


def _identifiers(row: dict[str, Any]) -> list[str]:
    found = [f"{name}:{row[name]}" for name in ("EMAIL", "PHONE") if row.get(name)]
    if not found and row.get("FN") and row.get("LN") and row.get("ZIP"):
        found = ["NAME:" + "/".join(row.get(name, "") for name in ("FN", "LN", "COUNTRY", "ZIP"))]
    return found


def _add(audience: Audience, row: dict[str, Any]) -> None:
    extern = row.get("EXTERN_ID", "")
    for one in _identifiers(row):
        audience.members[one] = extern
    if "LOOKALIKE_VALUE" in row:
        audience.values[extern] = row["LOOKALIKE_VALUE"]
    if row.get("DATA_PROCESSING_OPTIONS") == ["LDU"]:
        audience.limited.add(extern)


def _remove(audience: Audience, row: dict[str, Any]) -> None:
    named = _identifiers(row)
    if not named:
        named = [one for one, extern in audience.members.items() if extern == row.get("EXTERN_ID")]
    for one in named:
        audience.members.pop(one, None)


@contextmanager
def meta_fake(**more: Any) -> Iterator[MetaFake]:  # noqa: ANN401  (fields of MetaFake)
    """Meta on a free port of 127.0.0.1 until the block ends."""
    state = MetaFake(**more)
    with listening(state.take_in, by_path(state)) as url:
        state.url = url
        yield state
