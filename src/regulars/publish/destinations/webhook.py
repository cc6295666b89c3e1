"""Batches of JSON to an address of one's own, signed, with an idempotency key.

What a receiver gets and how it may answer is in docs/publishing.md; this module keeps to it, and takes nothing else
for a yes.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any

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
from regulars.publish.destinations.codes import UNREADABLE, readable
from regulars.publish.destinations.encoding import to_json
from regulars.publish.http import Client, Reply
from regulars.publish.settings import Webhook

SHORTEST_NAME = 3
"""Letters that a name has which is looked for in what a receiver says of its row; `DK` is in many words."""
YES = frozenset({b"ok", b"true", b"success", b"accepted", b"received", b"queued"})
ABOUT_ROWS = frozenset({400, 409, 422})
"""The request was understood, and refused for what is in it."""
HOPELESS = {
    401: "the receiver does not accept the signature or the caller (401); check signing_secret",
    403: "the receiver forbids it (403); check what the caller may do",
    404: "there is no such address (404); check url",
    405: "the address takes no POST (405); check url",
    407: "a proxy before the receiver wants to know who asks (407); let the address through it",
    410: "the address is gone (410); check url",
    415: "the receiver takes no JSON (415); check url",
}


@dataclass
class WebhookDestination:
    """One receiver; `sends` are the contacts that may leave the shop."""

    settings: Webhook
    secret: str = field(repr=False)
    client: Client = field(repr=False)
    sends: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.capabilities = Capabilities(
            self.settings.rows_per_batch, self.settings.bytes_per_batch, concurrency=self.settings.concurrency
        )

    def open_object(self, object_name: str, known_id: str = "") -> str:  # noqa: ARG002
        """A receiver knows its objects by their names; what stands around the rows has to fit too."""
        around = len(request_body(object_name, "upsert", []))
        self.capabilities = replace(self.capabilities, bytes_per_batch=max(1, self.settings.bytes_per_batch - around))
        return object_name

    def encode(self, operation: Operation, row: Row) -> Encoded | Unsendable:
        """One row of `rows`."""
        said: dict[str, object] = {"customer_id": row.customer_id}
        if operation == "upsert":
            said["identifiers"] = {name: value for name, value in row.contacts.items() if name in self.sends}
            said["properties"] = row.properties
        try:
            return Encoded(to_json(said))
        except ValueError:
            # A share of nothing is no share: JSON has no NaN.
            return Unsendable("not_json", "properties")

    def body(self, batch: Batch, rows: Sequence[bytes]) -> bytes:
        """The whole request."""
        return request_body(batch.object_name, batch.operation, rows)

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Post it, and read what the receiver says of each row."""
        return self._post(batch.operation, batch.key, body, batch.row_count)

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:  # noqa: ARG002
        """A receiver answers at once; nothing is ever accepted only."""
        return self.send(batch, body)

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:
        """Ask the receiver to forget people: `"operation": "erase"`."""
        rows = [to_json({"customer_id": person.customer_id}) for person in people]
        body = request_body(object_name, "erase", rows)
        return self._post("erase", hashlib.sha256(body).hexdigest()[:32], body, len(rows))

    def _post(self, operation: str, key: str, body: bytes, row_count: int) -> Answer:
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "X-Regulars-Operation": operation,
            "X-Regulars-Signature": f"sha256={signature}",
        }
        reply = self.client.request("POST", self.settings.url, headers, body)
        answer = replace(understood(reply, row_count), requests=reply.attempts)
        if answer.rejected:
            rows = json.loads(body)["rows"]
            answer = replace(answer, rejected=tuple(_without_her(one, rows[one.place]) for one in answer.rejected))
        # Of an attempt before, whose answer was lost, nobody knows what became of it.
        return replace(answer, outcome="unknown") if answer.outcome == "failed" and reply.attempts > 1 else answer


def request_body(object_name: str, operation: str, rows: Sequence[bytes]) -> bytes:
    """A request of some rows."""
    return b'{"object":%s,"operation":"%s","rows":[%s]}' % (
        to_json(object_name),
        operation.encode(),
        b",".join(rows),
    )


def understood(reply: Reply, row_count: int) -> Answer:
    """What a reply means. Only a clear yes acknowledges; what cannot be read leaves the outcome unknown."""
    if reply.status in {0, 429} or reply.status >= 500:
        return Answer(
            "unknown" if reply.attempts else "failed",
            code=str(reply.status) if reply.status else "no_answer",
            message=f"the receiver: {reply.what_happened}; the next run goes on",
            is_hopeless=True,
        )
    if reply.status == 413:
        return Answer("failed", code="413", is_too_large=True, message="the receiver takes no request as large (413)")
    if reply.status in ABOUT_ROWS:
        return Answer("failed", code=str(reply.status), message=f"the receiver refused the request ({reply.status})")
    if not 200 <= reply.status < 300:
        sentence = HOPELESS.get(reply.status, f"the receiver answers {reply.status}; check url, is there a proxy?")
        if 300 <= reply.status < 400:
            sentence = (
                f"the address sends us elsewhere ({reply.status}), which is not followed: put the final one in url"
            )
        return Answer("failed", code=str(reply.status), message=sentence, is_hopeless=True)
    if _is_plain_yes(reply.body):
        return Answer("acknowledged")
    try:
        results = json.loads(reply.body)["results"]
        rejected = {
            index(result["row"]): Rejected(index(result["row"]), *_why(result))
            for result in results
            if result["status"] != "accepted"
        }
    except (ValueError, LookupError, TypeError):
        kind = readable(reply.headers.get("Content-Type", "none").split(";")[0])
        return Answer(
            "unknown",
            code="not_documented",
            message=f"the answer ({kind}) is not what a receiver says, which is nothing or results by row (see"
            " docs/publishing.md); is there a proxy before it?",
            is_hopeless=True,
        )
    if any(not 0 <= place < row_count for place in rejected):
        return Answer(
            "unknown", code="no_such_row", message="the answer speaks of rows that were not sent", is_hopeless=True
        )
    return Answer("acknowledged", rejected=tuple(rejected[place] for place in sorted(rejected)))


def _is_plain_yes(body: bytes) -> bool:
    """Whether a 2xx answer without results says yes, or nothing, as Zapier's, n8n's and most people's own do."""
    text = body.strip()
    if not text or text.lower() in YES:
        return True
    try:
        said = json.loads(text)
    except ValueError:
        return False
    if not isinstance(said, dict):
        return str(said).lower().encode() in YES
    status = said.get("status", "ok")
    is_status = 200 <= status < 300 if isinstance(status, int) else str(status).lower().encode() in YES
    return (
        not said.keys() & {"results", "row"}
        and all(said.get(name, True) is True for name in ("ok", "success", "accepted"))
        and not any(said.get(name) for name in ("error", "errors"))
        and is_status
    )


def _without_her(one: Rejected, row: Mapping[str, Any]) -> Rejected:
    """A code may be a word and yet her name: so nothing of her row that says who she is may be in it."""
    names = [row["customer_id"], *row.get("identifiers", {}).values()]
    parts = [str(name).casefold() for name in names if len(str(name or "")) >= SHORTEST_NAME]
    code, pointer = (
        UNREADABLE if any(part in said.casefold() for part in parts) else said for said in (one.code, one.pointer)
    )
    return Rejected(one.place, code, pointer)


def _why(result: Mapping[str, Any]) -> tuple[str, str]:
    """Code and pointer of a row that was not accepted."""
    if result["status"] != "rejected":
        return "unknown_status", ""
    code, pointer = result.get("code"), result.get("pointer")
    return "rejected" if code is None else readable(code), "" if pointer is None else readable(pointer)
