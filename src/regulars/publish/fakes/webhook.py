"""A receiver of webhooks: checks signature and shape, knows idempotency keys, keeps who is in, fails when told to."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from regulars.publish.fakes.listening import Fault, Request, Response, by_path, listening


@dataclass
class Receiver:
    """Who is in each object, and every request that was taken in."""

    secret: str
    people: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    seen: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refuse: Callable[[dict[str, Any]], str] = lambda _: ""
    largest_body: int = 10_000_000
    url: str = ""

    def take_in(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """One request, as a receiver that means it would treat it."""
        signature = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, headers.get("x-regulars-signature", "")):
            return 401, b""
        if len(body) > self.largest_body:
            return 413, b""
        key = headers.get("idempotency-key", "")
        if not key:
            self.problems.append("a request without an idempotency key")
            return 400, b""
        if key in self.seen and self.seen[key] != body:
            self.problems.append("an idempotency key with other bytes")
            return 422, b""
        said = json.loads(body)
        if set(said) != {"object", "operation", "rows"} or said["operation"] not in {"upsert", "remove", "erase"}:
            self.problems.append("a request of another shape")
            return 400, b""
        people = self.people.setdefault(said["object"], {})
        results = []
        for number, row in enumerate(said["rows"]):
            code = self.refuse(row)
            if code:
                results.append({"row": number, "status": "rejected", "code": code})
            elif said["operation"] == "remove":
                people.pop(row["customer_id"], None)
            elif said["operation"] == "erase":
                people.pop(row["customer_id"], None)
                self.erased.append(row["customer_id"])
            else:
                people[row["customer_id"]] = {name: value for name, value in row.items() if name != "customer_id"}
        self.seen[key] = body
        self.requests.append((said["object"], said["operation"], len(said["rows"])))
        return 200, json.dumps({"results": results}).encode() if results else b""


@contextmanager
def receiver(secret: str) -> Iterator[Receiver]:
    """A receiver that listens on a free port of 127.0.0.1 until the block ends."""
    state = Receiver(secret)

    def take_in(request: Request) -> Response:
        return Response(*state.take_in(request.headers, request.body))

    with listening(take_in, by_path(state)) as url:
        state.url = f"{url}/audiences"
        yield state
