"""Where audiences go. A destination sends what it is given and says what was acknowledged; it keeps no state.

Adding one: a class of its settings in `settings.py`, a class with the methods of `RowDestination` (or, to take Arrow
tables as they are, of `TableDestination`) in a module here, a line
in `run.destination_of`, and a fake of the platform in `regulars.publish.fakes`. Who is where, what is still to be sent
and what comes back another day is the ledger's business.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import pyarrow as pa

from regulars.publish.errors import DestinationError

Operation = Literal["upsert", "remove"]


@dataclass(frozen=True)
class Capabilities:
    """What a destination can do; the rest of publishing asks this and never who it is."""

    rows_per_batch: int
    bytes_per_batch: int
    removals_per_batch: int = 0
    """0: as many as `rows_per_batch`."""
    concurrency: int = 4
    """Requests under way at once; removals are over before anything is added."""
    is_keyed_by_identifiers: bool = False
    """It knows people by the hashes that were sent and not by customer: who is removed, is removed by `sent_as`; who
    has other identifiers now, is removed by the old ones first."""
    clears_by_null: bool = True
    """A null clears a property. Where it does not, `Row.cleared` says what the destination has to clear."""
    is_verified: bool = True
    """What it acknowledges it has taken; else: accepted, and nobody can say."""


@dataclass(slots=True)
class Row:
    """One person: as she is to be sent, or as she was sent and is to be removed.

    Not frozen, as little else that every row passes through: that takes three times as long to make.
    """

    customer_id: str
    contacts: dict[str, str | None] = field(default_factory=dict, repr=False)
    """email, phone, first_name, last_name, country, postal_code as the shop has them: those that the sync asks for, and
    always country, by which a phone number is read: a destination is told what may be sent when it is made. A removal
    has none."""
    properties: dict[str, Any] = field(default_factory=dict, repr=False)
    """Values as JSON knows them; amounts and days are text. A removal has none."""
    cleared: tuple[str, ...] = ()
    """Properties that are null now and had a value when they were sent last."""
    sent_as: str = field(default="", repr=False)
    """Of a removal: what `encode` said when she was sent."""
    remote_id: str = ""
    """Of a removal or an update: what the destination calls her, if it ever said."""


@dataclass(slots=True)
class Encoded:
    """A row as it stands in a request."""

    body: bytes = field(repr=False)
    sent_as: str = field(default="", repr=False)
    """The hashed identifiers, as JSON (`{"email": "f190…"}`), which is all that a removal needs to know of her. Never
    anything that can be read; empty where the destination knows her by her customer id."""


def hashes_of(sent_as: str) -> frozenset[str]:
    """The e-mail address and the phone number of `Encoded.sent_as`, hashed: by each of them alone she is known."""
    said = json.loads(sent_as) if sent_as else {}
    return frozenset(said[name] for name in ("email", "phone") if said.get(name))


@dataclass(frozen=True, slots=True)
class Unsendable:
    """A row that no request may hold: without a usable identifier, say, or larger than the destination takes."""

    code: str
    pointer: str = ""


@dataclass(frozen=True)
class Batch:
    """What a request is about."""

    operation: Operation
    object_name: str
    object_id: str
    """What `open_object` said."""
    key: str
    """32 hexadecimal digits that no other batch has: the idempotency key, and the same again when it is sent again."""
    row_count: int
    number: int = 1
    """From 1 on, within the operation of a run."""
    is_last: bool = True
    """No other batch of this operation follows in this run."""
    total_count: int = 0
    """Rows that the operation has in this run, as planned."""


@dataclass(frozen=True)
class Rejected:
    """A row of a batch that the destination refused: its place in the batch from 0 on, a code, and what it is about."""

    place: int
    code: str
    pointer: str = ""


@dataclass(frozen=True)
class Answer:
    """What a destination says to a batch. No field of it holds what was sent."""

    outcome: Literal["acknowledged", "accepted", "failed", "unknown"]
    """`accepted`: taken, but not done; `poll` asks how it went. `failed`: certainly nothing of it was done. `unknown`:
    perhaps it was; the same bytes are sent again, in this run or the next."""
    rejected: tuple[Rejected, ...] = ()
    remote_id: str = ""
    """Of a job: by what `poll` finds it."""
    remote_ids: tuple[tuple[int, str], ...] = ()
    """Places of rows, and what the destination calls those people."""
    code: str = ""
    """A word for the ledger and the logs."""
    is_too_large: bool = False
    """Half of it might pass."""
    is_hopeless: bool = False
    """Every other batch would fare the same: wrong secret, no such object, nobody there."""
    message: str = ""
    """A sentence that helps."""
    requests: int = 1
    """HTTP requests that it took."""


@dataclass(frozen=True)
class Person:
    """Somebody to be erased, with all that is still known of her."""

    customer_id: str
    contacts: dict[str, str | None] = field(default_factory=dict, repr=False)
    """email, phone and country as the shop has them, or whoever asked if the shop does not know her."""
    sent_as: str = field(default="", repr=False)
    remote_id: str = ""
    asked: dict[str, str | None] = field(default_factory=dict, repr=False)
    """Another address or number than the shop's, by which whoever asked knows her."""
    is_number_shared: bool = False
    """The number in `contacts` is also that of a customer who is not erased."""


def renamed(what: str, known_id: str, object_name: str) -> DestinationError:
    """Somebody gave a list another name: whoever leaves would stay on it."""
    return DestinationError(
        f"the {what} {known_id} that it sent to is not called '{object_name}' any more, and whoever leaves would stay"
        " in it; give it its name back, or delete it if a new one is meant"
    )


class Sender(Protocol):
    """What every destination does that takes batches, whatever they are made of."""

    capabilities: Capabilities

    def open_object(self, object_name: str, known_id: str = "") -> str:
        """Find the list, audience or table of that name, or make it where the destination can; its id there.

        Called once in a run, and only if there is something to write. `known_id` is its id of last time.

        Raises
        ------
        DestinationError: wrong credentials, no such object and it cannot be made, nobody there; another one has that
        id now and the one of last time is still there, by another name; the sentence helps.
        """

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Send it, again if need be, until it is answered or its deadline is over. Sent twice, it does no harm."""

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:
        """How an accepted batch went; `accepted` if it is still under way. Asks once and does not wait."""

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:
        """Remove people and, where the platform can, all it has of them; a person that is not there is erased too."""


class RowDestination(Sender, Protocol):
    """Its batches are made of rows, each encoded by itself: JSON mostly."""

    def encode(self, operation: Operation, row: Row) -> Encoded | Unsendable:
        """One row as it will stand in a request; the same row gives the same bytes."""

    def body(self, batch: Batch, rows: Sequence[bytes]) -> bytes:
        """The bytes of a batch, which are kept until it is acknowledged; the same rows give the same bytes."""


@runtime_checkable
class TableDestination(Sender, Protocol):
    """Its batches are Arrow tables, which no row of passes through Python; it knows people by customer id."""

    def body_of_table(self, batch: Batch, table: pa.Table) -> bytes:
        """The bytes of a batch, which are kept until it is acknowledged; the same table gives the same bytes.

        An upsert has customer_id, contacts and properties by name and in the types of the warehouse, a removal
        customer_id; what else the table has is not sent.

        Raises
        ------
        DestinationError: a column is missing, or a value is not of the type that the destination was told.
        """


Destination = RowDestination | TableDestination
"""A destination that takes batches."""
