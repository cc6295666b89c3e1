"""What the tests of ad platforms share: a client whose time passes only when it sleeps, people, and their canaries."""

import math
from dataclasses import dataclass, field

from regulars.publish.destinations import Batch, Encoded, Row
from regulars.publish.http import Client

MARY = "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"
"""mary@example.com, as Meta and Google print it."""
MARYS_PHONE = "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"
"""15559876543, as Meta prints it."""
KEY = "0123456789abcdef0123456789abcdef"
CANARY = {
    "email": "canary.bird@example.com",
    "phone": "+1 415 555 0199",
    "first_name": "Canarina",
    "last_name": "Vogelsang",
    "country": "CA",
    "postal_code": "K1A 0B1",
}
SONG = (
    "canary",
    "415555",
    "4155550199",
    "canarina",
    "vogelsang",
    "k1a",
)
"""Parts of the canary that may be read nowhere, in lower case."""


@dataclass
class Time:
    """A clock that only sleeping moves."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert math.isfinite(seconds)
        self.pauses.append(seconds)
        self.seconds += seconds

    def client(self, deadline_seconds: float = 60) -> Client:
        return Client(
            5, deadline_seconds, sleep=self.sleep, clock=lambda: self.seconds, chance=lambda: 0.5, connections=2
        )


def is_silent(*said: object) -> bool:
    """Nothing that was said has any of the canary in it."""
    text = " ".join(one.decode() if isinstance(one, bytes) else f"{one!r} {one}" for one in said).lower()
    return not any(part in text for part in SONG)


def batch_of(destination, operation, object_id, rows: list[Row], *, key: str = KEY, **more):
    """The batch and its body; every row must be sendable."""
    encoded = [destination.encode(operation, row) for row in rows]
    assert all(isinstance(one, Encoded) for one in encoded), encoded
    batch = Batch(operation, "list", object_id, key, len(rows), total_count=len(rows), **more)
    return batch, destination.body(batch, [one.body for one in encoded]), encoded
