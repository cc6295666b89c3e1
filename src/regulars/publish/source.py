"""The people a plan is about, read from the warehouse as they are sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.publish.destinations import (
    Capabilities,
    Destination,
    Operation,
    Row,
    RowDestination,
    TableDestination,
    Unsendable,
)
from regulars.publish.ledger import BatchRow, Ledger, table_of
from regulars.publish.plan import CONTACTS, MEMBERS, PROPERTIES, consent
from regulars.publish.settings import Sync

READ_AT_ONCE = 10_000
"""Rows as Python has them."""
JOINED_AT_ONCE = 100_000
"""Rows as Arrow has them, some 400 bytes each. Each of these reads goes through all of the warehouse's tables."""
JSON_TYPES = frozenset(("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE"))
NOTED = ["customer_id", "source_hash", "sent_as", "filled"]
VALUE = "_value"
"""The property under which a destination finds `sync.value`."""


@dataclass(slots=True)
class Ready:
    """A row on its way: as it will stand in a request, and as the ledger will know it."""

    encoded: bytes = field(repr=False)
    noted: BatchRow
    sent_before: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RowLoad:
    """What a batch is made of: rows that are encoded."""

    rows: list[Ready] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, places: Sequence[int]) -> "RowLoad":
        """Some of it, by places from 0 on."""
        return RowLoad([self.rows[place] for place in places])

    def customer_ids(self) -> list[str]:
        """Whose rows they are."""
        return [row.noted.customer_id for row in self.rows]

    def noted(self) -> pa.Table:
        """Its rows as the ledger knows them."""
        return table_of([row.noted for row in self.rows])

    @property
    def is_all_new(self) -> bool:
        """The ledger knows nobody of it at this destination, nor ever did."""
        return all(row.noted.is_new for row in self.rows)


@dataclass(frozen=True, slots=True)
class TableLoad:
    """What a batch is made of: a table with what the ledger notes (`customer_id`, `source_hash`, `sent_as`, `filled`,
    `is_new`) and the contacts and properties of the sync.
    """

    table: pa.Table = field(repr=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def pick(self, places: Sequence[int]) -> "TableLoad":
        """Some of it, by places from 0 on."""
        return TableLoad(self.table.take(pa.array(places, pa.int64())))

    def customer_ids(self) -> list[str]:
        """Whose rows they are."""
        names: list[str] = self.table.column("customer_id").to_pylist()
        return names

    def noted(self) -> pa.Table:
        """Its rows as the ledger knows them."""
        numbers = pa.array(range(self.table.num_rows), pa.int32())
        return self.table.select(NOTED).add_column(0, "row_number", numbers)

    @property
    def is_all_new(self) -> bool:
        """The ledger knows nobody of it at this destination, nor ever did."""
        return pc.all(self.table.column("is_new")).as_py() is True


Load = RowLoad | TableLoad


@dataclass(frozen=True, slots=True)
class Left:
    """A row that is not sent after all: it cannot be, or may not be any more."""

    noted: BatchRow
    code: str
    pointer: str = ""
    is_listed: bool = True
    """It is listed as rejected; who withdrew or is erased is not."""
    sent_before: str = field(default="", repr=False)


REMOVED = ("remove", "replace")
ADDED = ("add", "update", "replace", "again")


def read_rows(
    ledger: Ledger,
    sync: Sync,
    destination: RowDestination,
    operation: Operation,
    kinds: Sequence[str],
) -> Iterator[Ready | Left]:
    """The rows of `compared` that are of some kinds, by customer id; consent is asked again as each is read."""
    capabilities = destination.capabilities
    types = column_types(ledger)
    names = contact_names(sync)
    columns = [f"contacts.{name}" for name in names]
    columns += [plain(f"segments.{name}", types[name]) for name in sync.columns]
    columns += ["members.value"] if sync.value == "member_value" else []
    for found in _blocks(ledger, sync, operation, kinds, columns, JOINED_AT_ONCE):
        for start in range(0, found.num_rows, READ_AT_ONCE):
            rows = zip(*(column.to_pylist() for column in found.slice(start, READ_AT_ONCE).columns), strict=True)
            for customer_id, source_hash, sent_as, filled, remote_id, is_new, may, *values in rows:
                row, now_filled = row_of(
                    sync, names, capabilities, operation, customer_id, sent_as, filled, remote_id, values
                )
                if not may:
                    noted = BatchRow(customer_id, source_hash, sent_as, now_filled, is_new)
                    yield Left(noted, "consent_withdrawn", is_listed=False, sent_before=sent_as)
                    continue
                encoded = destination.encode(operation, row)
                if isinstance(encoded, Unsendable):
                    noted = BatchRow(customer_id, source_hash, sent_as, now_filled, is_new)
                    yield Left(noted, encoded.code, encoded.pointer, sent_before=sent_as)
                    continue
                now_sent_as = encoded.sent_as if operation == "upsert" else sent_as
                yield Ready(encoded.body, BatchRow(customer_id, source_hash, now_sent_as, now_filled, is_new), sent_as)


def read_tables(
    ledger: Ledger,
    sync: Sync,
    capabilities: Capabilities,
    operation: Operation,
    kinds: Sequence[str],
) -> Iterator[tuple[TableLoad, list[Left]]]:
    """As `read_rows`, for a destination that takes tables: what fits into one batch, and who is left out of it."""
    columns = [f"contacts.{name}" for name in sync.identifiers] + [f"segments.{name}" for name in sync.properties]
    for found in _blocks(ledger, sync, operation, kinds, columns, capabilities.rows_per_batch):
        may = found.column("may")
        withdrawn = found.filter(pc.invert(may)).select([*NOTED, "is_new"]).to_pylist()
        left = [Left(BatchRow(**row), "consent_withdrawn", is_listed=False) for row in withdrawn]
        found = found.filter(may) if left else found
        parts = max(1, -(-found.nbytes // capabilities.bytes_per_batch))
        rows = max(1, -(-found.num_rows // parts))
        for start in range(0, found.num_rows, rows):
            yield TableLoad(found.slice(start, rows)), left
            left = []
        if left:
            yield TableLoad(found), left


def _blocks(
    ledger: Ledger, sync: Sync, operation: Operation, kinds: Sequence[str], columns: list[str], at_once: int
) -> Iterator[pa.Table]:
    """The rows of `compared` that are of some kinds, by customer id, so many at once.

    Each has customer_id, source_hash, sent_as, filled, remote_id, is_new, may (she may be sent), and of an upsert the
    columns that are asked for.
    """
    ledger.planning.execute(
        "create or replace temp table to_send as"
        " select row_number() over (order by customer_id) as place, * from compared"
        " where kind in (select unnest($kinds::varchar[]))",
        {"kinds": list(kinds)},
    )
    ((count,),) = ledger.planning.execute("select count(*) from to_send").fetchall()
    joined = ""
    if operation == "upsert":
        joined = (
            f" left join {CONTACTS} as contacts on to_send.customer_id = contacts.customer_id"
            f" left join {PROPERTIES} as segments on to_send.customer_id = segments.customer_id"
        )
        if sync.value == "member_value":
            joined += (
                f" left join (select customer_id, value from {MEMBERS} where audience = '"
                + sync.audience.replace("'", "''")
                + "') as members on to_send.customer_id = members.customer_id"
            )
    may_send = f"coalesce({consent(sync.purpose, 'segments')}, false)" if operation == "upsert" else "true"
    wanted = "".join(f", {column}" for column in columns) if operation == "upsert" else ""
    query = (
        "select to_send.customer_id, to_send.source_hash, to_send.sent_as, to_send.filled, to_send.remote_id,"
        f" to_send.is_new, {may_send} as may{wanted}"
        f" from (select * from to_send where place between $first and $last) as to_send{joined} order by to_send.place"
    )
    for first in range(1, count + 1, at_once):
        yield ledger.planning.execute(query, {"first": first, "last": first + at_once - 1}).to_arrow_table()


def row_of(
    sync: Sync,
    names: tuple[str, ...],
    capabilities: Capabilities,
    operation: Operation,
    customer_id: str,
    sent_as: str,
    filled: str,
    remote_id: str,
    values: list[Any],
) -> tuple[Row, str]:
    """A row as destinations take it, and which of its properties have a value (where that has to be remembered)."""
    if operation == "remove":
        return Row(customer_id, sent_as=sent_as, remote_id=remote_id), filled
    contacts = dict(zip(names, values, strict=False))
    rest = values[len(contacts) :]
    properties: dict[str, Any] = dict(zip(sync.properties, rest, strict=False))
    if sync.value is not None:
        properties[VALUE] = rest[-1]
    cleared: tuple[str, ...] = ()
    if not capabilities.clears_by_null:
        empty = tuple(name for name, value in properties.items() if value is None) if None in rest else ()
        cleared, filled = _cleared_and_filled(sync.properties, empty, filled)
    return Row(customer_id, contacts, properties, cleared, remote_id=remote_id), filled


@lru_cache(4096)
def _cleared_and_filled(names: tuple[str, ...], empty: tuple[str, ...], filled: str) -> tuple[tuple[str, ...], str]:
    """Of a row's properties: those that are null now and had a value before, and those that have one from now on."""
    before = filled.split(",") if filled else []
    # What is sent no more still has its value there, and is cleared if it is ever sent again without one.
    kept = sorted(set(before).difference(names))
    return tuple(name for name in names if name in empty and name in before), ",".join(
        [*(name for name in names if name not in empty), *kept]
    )


def contact_names(sync: Sync) -> tuple[str, ...]:
    """What a row has of `int_customer_contacts`: what the sync sends, and the country to read numbers by."""
    return sync.identifiers if "country" in sync.identifiers else (*sync.identifiers, "country")


def column_types(ledger: Ledger) -> dict[str, str]:
    """The columns of customer_segments, and their types in DuckDB's words."""
    return dict(ledger.planning.execute(f"select column_name, column_type from (describe {PROPERTIES})").fetchall())


def plain(column: str, kind: str) -> str:
    """SQL of a column as JSON knows it; amounts and days as text, so that nothing is rounded on the way."""
    return column if kind in JSON_TYPES else f"cast({column} as varchar)"


def replace_changed_identifiers(ledger: Ledger, sync: Sync, destination: Destination) -> tuple[int, int]:
    """At a destination that knows people by hashes: who has others now, is removed by the old ones before she is added.

    And whoever shares a hash with somebody who is removed is sent again afterwards, because she went with her. Rows of
    `compared` get the kinds `replace` and `again`. Returns how many rows are sent more than the plan says, and how many
    that it would update are removed, since she can be sent no more.
    """
    if isinstance(destination, TableDestination) or not destination.capabilities.is_keyed_by_identifiers:
        return 0, 0
    connection = ledger.planning
    changed: list[tuple[str, str]] = []
    for one in read_rows(ledger, sync, destination, "upsert", ["update"]):
        if one.sent_before and (isinstance(one, Left) or one.noted.sent_as != one.sent_before):
            changed.append((one.noted.customer_id, "remove" if isinstance(one, Left) else "replace"))
    if changed:
        connection.register("changed_people", pa.table(list(zip(*changed, strict=True)), names=["customer_id", "kind"]))
        connection.execute(
            "update compared set kind = changed_people.kind from changed_people"
            " where compared.customer_id = changed_people.customer_id"
        )
        connection.unregister("changed_people")
    hashes = "unnest([json_extract_string(sent_as, '$.email'), json_extract_string(sent_as, '$.phone')])"
    connection.execute(
        f"""
        insert into compared by name
        with
        gone as (
            select distinct {hashes} as hashed from compared where kind in ('remove', 'replace') and sent_as <> ''
        ),
        staying as (
            select customer_id, {hashes} as hashed
            from ledger_state
            where removed_at is null and customer_id not in (select customer_id from compared where kind <> 'paused')
        )
        select
            customer_id, source_hash, 'again' as kind, sent_as, filled, coalesce(remote_id, '') as remote_id,
            false as is_new
        from ledger_state
        where customer_id in (select customer_id from staying semi join gone on staying.hashed = gone.hashed)
        """
    )
    ((again,),) = connection.execute("select count(*) from compared where kind = 'again'").fetchall()
    replaced = sum(kind == "replace" for _, kind in changed)
    return replaced + int(again), len(changed) - replaced


def who_goes_along(ledger: Ledger) -> list[str]:
    """Customers who share a hash with somebody who is removed: they go with her, and must be sent again."""
    hashes = "unnest([json_extract_string(sent_as, '$.email'), json_extract_string(sent_as, '$.phone')])"
    found = ledger.planning.execute(
        f"""
        with
        gone as (
            select distinct {hashes} as hashed from compared where kind in ('remove', 'replace') and sent_as <> ''
        ),
        staying as (
            select customer_id, {hashes} as hashed
            from ledger_state
            where
                removed_at is null
                and customer_id not in (select customer_id from compared where kind in ('remove', 'replace'))
        )
        select distinct customer_id from staying semi join gone on staying.hashed = gone.hashed order by customer_id
        """
    ).fetchall()
    return [customer_id for (customer_id,) in found]
