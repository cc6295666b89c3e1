"""What each destination acknowledged, batch by batch: the only memory that publishing has.

A row of `sync_state` is written in the same transaction as the acknowledgement it follows from, so a crash leaves
either both or neither. No address, name or phone number stands in it: people are customer ids and, where a destination
knows them by it, the hashes that were sent. Requests that may still have to be sent again lie beside it as files
(`spool`), readable for nobody else and gone once they are acknowledged.

The statements here and in `apply.py` and `erasure.py` are SQL that DuckDB and PostgreSQL both know, with `$name` for
values.
"""

import fcntl
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from regulars.publish.errors import LockedError, PublishRefusedError

SCHEMA_VERSION = 1
TABLES = """
create table if not exists ledger_version (version integer);
create table if not exists sync_run (
    run_id varchar primary key, sync_id varchar, audience varchar, started_at timestamp, ended_at timestamp,
    status varchar, planned_count bigint, acknowledged_count bigint, rejected_count bigint, pending_count bigint,
    request_count bigint, message varchar
);
create table if not exists sync_plan (
    run_id varchar primary key, sync_id varchar, as_of_date varchar, definition_hash varchar, mapping_hash varchar,
    world_hash varchar, add_count bigint, update_count bigint, remove_count bigint, keep_count bigint,
    wait_count bigint, no_consent_count bigint, no_identifier_count bigint, erased_count bigint, held_back_count bigint
);
create table if not exists sync_batch (
    batch_id varchar primary key, run_id varchar, sync_id varchar, batch_number integer, operation varchar,
    status varchar, row_count bigint, total_count bigint, is_last boolean, is_all_new boolean, byte_count bigint,
    payload_hash varchar, object_id varchar, remote_id varchar, attempt_count integer, error_code varchar,
    changed_at timestamp
);
create table if not exists sync_batch_row (
    batch_id varchar, row_number integer, customer_id varchar, source_hash varchar, mapping_hash varchar,
    sent_as varchar, filled varchar
);
create table if not exists sync_state (
    sync_id varchar, customer_id varchar, source_hash varchar, mapping_hash varchar, sent_as varchar, filled varchar,
    remote_id varchar, acked_at timestamp, removed_at timestamp
);
create table if not exists sync_reject (
    sync_id varchar, customer_id varchar, operation varchar, source_hash varchar, code varchar, pointer varchar,
    attempt_count integer, first_at timestamp, last_at timestamp, next_attempt_at timestamp
);
create table if not exists erasure_request (
    request_id varchar primary key, status varchar, requested_at timestamp, done_at timestamp
);
create table if not exists erasure_target (
    request_id varchar, sync_id varchar, customer_id varchar, status varchar, code varchar, changed_at timestamp
);
create table if not exists tombstone (person_key varchar, request_id varchar);
create table if not exists ledger_key (fingerprint varchar);
"""
OPEN = "('sent', 'unknown')"
"""Batches that nobody knows to have arrived, `sent` from just before the first byte leaves; `accepted` ones have
arrived, and are not done."""


class BatchRow(NamedTuple):
    """One row of a batch, as the ledger keeps it until the batch is over."""

    customer_id: str
    source_hash: str
    sent_as: str
    filled: str
    is_new: bool
    """The ledger has no row of her at this destination, nor ever had."""


class Ledger(ABC):
    """A ledger that is open, with a DuckDB connection to plan with: the warehouse is attached to it as `shop`."""

    planning: duckdb.DuckDBPyConnection
    path: Path
    """Of the DuckDB file, or where its name would be: spool, key and inbox of erasures lie beside it."""

    @abstractmethod
    def execute(self, statement: str, **values: Any) -> None:  # noqa: ANN401
        """Run a statement."""

    @abstractmethod
    def fetch(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """The rows of a query."""

    @abstractmethod
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing."""

    @abstractmethod
    def add_rows(self, batch_id: str, mapping_hash: str, rows: pa.Table) -> None:
        """Note the rows of a batch, which are as `table_of` makes them."""

    @abstractmethod
    def show_to_planner(self, sync_id: str) -> None:
        """Let `planning` see what the ledger knows of one sync.

        As `ledger_state`, `ledger_reject`, `ledger_flight` (rows of accepted batches) and `ledger_tombstone`.
        """

    @abstractmethod
    def know_wanted(self) -> None:
        """Let statements see who is `wanted`, as the planner has it: customer_id and source_hash."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[bool]:
        """Whether nobody else runs a sync with this ledger; if so, nobody begins one inside."""


class DuckDBLedger(Ledger):
    """The ledger as one DuckDB file: the main database of the planner's connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.planning = connection
        self.path = path

    def execute(self, statement: str, **values: Any) -> None:  # noqa: ANN401
        """Run a statement."""
        self.planning.execute(statement, values or None)

    def fetch(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """The rows of a query."""
        return self.planning.execute(query, values or None).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing."""
        self.planning.execute("begin")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):
                self.planning.execute("rollback")
            raise
        self.planning.execute("commit")

    def add_rows(self, batch_id: str, mapping_hash: str, rows: pa.Table) -> None:
        """Note the rows of a batch."""
        self.planning.register("batch_rows", rows)
        self.planning.execute(
            "insert into sync_batch_row"
            " select $batch, row_number, customer_id, source_hash, $mapping, sent_as, filled from batch_rows",
            {"batch": batch_id, "mapping": mapping_hash},
        )
        self.planning.unregister("batch_rows")

    def show_to_planner(self, sync_id: str) -> None:
        """By views: the planner is the ledger."""
        sync = quoted(sync_id)
        for statement in (
            f"create or replace temp view ledger_state as select * from sync_state where sync_id = {sync}",
            f"create or replace temp view ledger_reject as select * from sync_reject where sync_id = {sync}",
            "create or replace temp view ledger_flight as select distinct batch_row.customer_id"
            " from sync_batch_row as batch_row inner join sync_batch as batch on batch_row.batch_id = batch.batch_id"
            f" where batch.sync_id = {sync} and batch.status = 'accepted'",
            "create or replace temp view ledger_tombstone as select distinct person_key from tombstone",
        ):
            self.planning.execute(statement)

    def know_wanted(self) -> None:
        """It is in the same database."""

    def alone(self) -> AbstractContextManager[bool]:
        """The file is locked."""
        # Who has the file, has it alone.
        return nullcontext(True)


def is_begun(ledger: Ledger) -> bool:
    """Somebody published with it, or was erased; else it knows of nothing."""
    found = ledger.fetch(
        "select 1 from sync_run union all select 1 from erasure_request union all select 1 from tombstone limit 1"
    )
    return bool(found)


def table_of(rows: Sequence[BatchRow]) -> pa.Table:
    """Rows as Arrow, with `row_number` from 0 on."""
    return pa.table(
        {
            "row_number": pa.array(range(len(rows)), pa.int32()),
            "customer_id": pa.array([row.customer_id for row in rows], pa.string()),
            "source_hash": pa.array([row.source_hash for row in rows], pa.string()),
            "sent_as": pa.array([row.sent_as for row in rows], pa.string()),
            "filled": pa.array([row.filled for row in rows], pa.string()),
        }
    )


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def locked(path: Path, now: datetime) -> Iterator[None]:
    """Only one run at a time works on a ledger; the lock goes with the process, however it ends.

    Raises
    ------
    LockedError: another run has it; the message says which.
    PublishRefusedError: the folder cannot be written.
    """
    place = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = place.open("a+", encoding="utf-8")
    except OSError as error:
        raise PublishRefusedError(f"{place} cannot be written: {error.strerror}; a ledger needs its folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = {}
            with suppress(json.JSONDecodeError):
                holder = json.loads(file.read() or "{}")
            who = f"process {holder['process']} since {holder['since']}" if holder else "another process"
            raise LockedError(f"{who} publishes with the ledger {path}; wait for it, or stop it") from error
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "since": f"{now:%Y-%m-%d %H:%M:%S} UTC"}))
        file.flush()
        yield


@contextmanager
def opened(path: Path, *, warehouse: Path | None = None) -> Iterator[DuckDBLedger]:
    """The ledger as the main database, and the warehouse attached for reading as `shop`.

    Raises
    ------
    PublishRefusedError: one of the two files cannot be opened, or the ledger is of another version, or none.
    """
    try:
        is_new = not path.exists()
        connection = duckdb.connect(path)
        if is_new:
            # It knows who was where, if not by name.
            path.chmod(0o600)
    except (duckdb.Error, OSError) as error:
        raise PublishRefusedError(f"the ledger {path} cannot be opened: {error}") from error
    try:
        set_up_planner(connection)
        query = "select table_name from duckdb_tables() where database_name = current_database()"
        names = {name for (name,) in connection.execute(query).fetchall()}
        if names and "ledger_version" not in names:
            raise PublishRefusedError(
                f"{path} is no ledger but another DuckDB file; give `ledger:` in publish.yml a file of its own"
            )
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        versions = connection.execute("select version from ledger_version").fetchall()
        if not versions:
            connection.execute("insert into ledger_version values (?)", [SCHEMA_VERSION])
        elif versions != [(SCHEMA_VERSION,)]:
            raise PublishRefusedError(
                f"the ledger {path} is of version {versions[0][0]}, this Regulars knows version {SCHEMA_VERSION}"
            )
        if warehouse is not None:
            attach_warehouse(connection, warehouse)
        yield DuckDBLedger(connection, path)
    finally:
        connection.close()


def set_up_planner(connection: duckdb.DuckDBPyConnection) -> None:
    """What every connection that plans is set to; memory is bounded, and what does not fit is written beside."""
    connection.execute(
        "set timezone = 'UTC'; set python_enable_replacements = false; set preserve_insertion_order = false;"
        "set enable_progress_bar = false;"
        f"set memory_limit = {quoted(os.environ.get('REGULARS_PUBLISH_MEMORY_LIMIT', '340MB'))}"
    )


def attach_warehouse(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Attach the warehouse for reading, as `shop`.

    Raises
    ------
    PublishRefusedError: it is not there, cannot be read, or another process is writing it.
    """
    if not warehouse.exists():
        raise PublishRefusedError(
            f"{warehouse.absolute()} does not exist; say where the warehouse is with --database, or load a shop and run"
            " dbt build first"
        )
    try:
        connection.execute(f"attach {quoted(str(warehouse))} as shop (read_only)")
    except duckdb.Error as error:
        raise PublishRefusedError(f"the warehouse {warehouse} cannot be read: {error}") from error


def spool_path(ledger: Path, batch_id: str) -> Path:
    """Where the bytes of a request lie until they are acknowledged."""
    return ledger.with_name(ledger.name + ".spool") / f"{batch_id}.body"


def write_private(path: Path, body: bytes) -> None:
    """Write a file whole, for nobody else to read, and see it on the disk before anything says that it exists.

    Raises
    ------
    PublishRefusedError: it cannot be written, because the disk is full for example.
    """
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise PublishRefusedError(
            f"{path.parent} cannot be written: {error.strerror}; requests are kept there until they are acknowledged"
        ) from error
