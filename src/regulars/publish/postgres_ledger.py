"""The ledger in a PostgreSQL database, for several workers that share it.

Its tables lie in the schema `regulars_publish`. One connection does everything, and holds the worker's locks: one for
each sync that it runs, so two workers can run two syncs at once; and one that all runs share, which whoever erases
people or sweeps up has to have alone. Locks are the server's own (advisory, of the session): they go with the
connection, however the process ends. A connection that is lost is never made again within a run, since its locks went
with it: the run ends there, and the next one settles what it left.

What a batch holds (`spool`), requests to erase (`inbox`) and what the planner writes out lie on the worker's own disk.
"""

import hashlib
import io
import os
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg.types.string import StrDumper

from regulars.publish.destinations.postgres import SENTENCES, address, no_connection
from regulars.publish.errors import DestinationError, LedgerError, LockedError, PublishRefusedError
from regulars.publish.ledger import (
    SCHEMA_VERSION,
    TABLES,
    Ledger,
    attach_warehouse,
    quoted,
    set_up_planner,
)

SCHEMA = "regulars_publish"
# A worker that lost its power would hold its locks until the server misses it, by default after two hours
# (https://www.postgresql.org/docs/current/runtime-config-connection.html): here after a minute.
SESSION = f"""
set search_path = {SCHEMA};
set timezone = 'UTC';
set client_encoding = 'UTF8';
set work_mem = '64MB';
set jit = off;
set plan_cache_mode = force_custom_plan;
set lock_timeout = '10s';
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3;
"""
# Beside those of `TABLES`: who holds a lock, and ways to rows among millions.
OWN_TABLES = """
create table if not exists sync_lock (
    sync_id varchar primary key, host varchar, process integer, backend integer, since timestamp
);
create index if not exists sync_state_of_customer on sync_state (sync_id, customer_id);
create index if not exists sync_reject_of_customer on sync_reject (sync_id, customer_id);
create index if not exists sync_batch_of_sync on sync_batch (sync_id, status);
create index if not exists sync_batch_row_of_batch on sync_batch_row (batch_id);
create index if not exists sync_batch_row_of_customer on sync_batch_row (customer_id);
"""
OLDEST_SERVER = 120000
"""As https://www.postgresql.org/docs/12/runtime-config-query.html has plan_cache_mode, since 12."""
ALL_RUNS = "every run"
"""The lock that runs share; no sync has this id."""
TIMEOUT_SECONDS = 30.0
MOMENT_SECONDS = 2
"""So long a run waits for whoever has its lock, before it says who that is."""
# What `compare` and its like see of a sync, by the name of the planner's table.
SHOWN = {
    "ledger_state": "select customer_id, source_hash, mapping_hash, sent_as, filled, remote_id, acked_at, removed_at"
    " from {schema}.sync_state where sync_id = {sync}",
    "ledger_reject": "select customer_id, operation, source_hash, code, pointer, attempt_count, first_at, last_at,"
    " next_attempt_at from {schema}.sync_reject where sync_id = {sync}",
    "ledger_flight": "select distinct batch_row.customer_id from {schema}.sync_batch_row as batch_row inner join"
    " {schema}.sync_batch as batch on batch_row.batch_id = batch.batch_id"
    " where batch.sync_id = {sync} and batch.status = 'accepted'",
    "ledger_tombstone": "select distinct person_key from {schema}.tombstone",
}
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|%|\$([a-z_][a-z0-9_]*)")


class TextDumper(StrDumper):
    """A text is a text: where nothing says what `$name` is, PostgreSQL need not guess."""


@lru_cache(512)
def translated(statement: str) -> bytes:
    """A statement with `$name` as psycopg has it, `%(name)s`; in quotes it stays, and `%` is doubled everywhere."""

    def one(found: re.Match[str]) -> str:
        return f"%({found[1]})s" if found[1] else found[0].replace("%", "%%")

    return TOKEN.sub(one, statement).encode()


class PostgresLedger(Ledger):
    """The ledger as tables of a server, and an in-memory DuckDB to plan with."""

    def __init__(
        self, connection: psycopg.Connection[Any], planning: duckdb.DuckDBPyConnection, path: Path, url: str
    ) -> None:
        self.planning = planning
        self._address = address(url, TIMEOUT_SECONDS)
        self.path = path
        self._connection = connection
        self._lost = ""

    def execute(self, statement: str, **values: Any) -> None:  # noqa: ANN401
        """Run a statement; raises LedgerError, as all here does."""
        with self._telling():
            self._connection.execute(translated(statement), values)

    def fetch(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """The rows of a query."""
        with self._telling():
            return self._connection.execute(translated(query), values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing."""
        with self._telling(), self._connection.transaction():
            yield

    def add_rows(self, batch_id: str, mapping_hash: str, rows: pa.Table) -> None:
        """Copy the rows of a batch into their table."""
        for name, value in (("batch_id", batch_id), ("mapping_hash", mapping_hash)):
            rows = rows.append_column(name, pa.repeat(pa.scalar(value, pa.string()), rows.num_rows))
        with self._telling():
            self._copy_in("sync_batch_row", [rows])

    def show_to_planner(self, sync_id: str) -> None:
        """Copy what the ledger knows of a sync into tables of the planner, some megabytes at a time.

        ADBC reads five times as many rows a second as psycopg does. It has a connection of its own for it, which holds
        no lock: nobody but us writes to this sync.
        """
        try:
            with adbc_driver_postgresql.dbapi.connect(self._address) as connection, connection.cursor() as cursor:
                for name, query in SHOWN.items():
                    # Without parameters, which would make it read all rows before it gives one.
                    cursor.execute(query.format(schema=SCHEMA, sync=quoted(sync_id)))
                    self.planning.register("copied", cursor.fetch_record_batch())
                    self.planning.execute(f"create or replace temp table {name} as select * from copied")
                    self.planning.unregister("copied")
        except (adbc_driver_manager.Error, duckdb.InvalidInputException) as error:
            code = getattr(error, "sqlstate", None)
            raise LedgerError(
                "the ledger in PostgreSQL could not be read; run it again when the server is back"
                + (f" (SQLSTATE {code})" if code else "")
            ) from None

    def know_wanted(self) -> None:
        """Copy `wanted` into a temporary table of the server."""
        with self._telling():
            self._connection.execute(
                "create temp table if not exists wanted (customer_id varchar, source_hash varchar)"
            )
            self._connection.execute("truncate wanted")
            reader = self.planning.execute("select customer_id, source_hash from wanted").to_arrow_reader(100_000)
            self._copy_in("wanted", (pa.Table.from_batches([batch]) for batch in reader))
            self._connection.execute("analyze wanted")

    def hold(self, sync_ids: Sequence[str], now: datetime) -> None:
        """Let nobody else run these syncs, as long as the connection is.

        Raises
        ------
        LockedError: another worker runs one of them; the message says which. None is held then.
        """
        held: list[int] = []
        if not self._is_free("pg_try_advisory_lock_shared", lock_number(ALL_RUNS)):
            # Whoever sweeps up has it for a moment, whoever erases for as long as destinations take.
            try:
                self._connection.execute("select pg_advisory_lock_shared(%s)", [lock_number(ALL_RUNS)])
            except psycopg.errors.LockNotAvailable:
                raise LockedError("another worker erases people; wait until it is done") from None
            except psycopg.Error as error:
                raise self._error(error) from None
        for sync_id in sorted(sync_ids):
            if not self._is_mine_soon(lock_number(sync_id)):
                sentence = self._holder(sync_id)
                for number in held:
                    self.execute("select pg_advisory_unlock($number)", number=number)
                raise LockedError(sentence)
            held.append(lock_number(sync_id))
            self.execute(
                "insert into sync_lock (sync_id, host, process, backend, since)"
                " values ($sync, $host, $process, pg_backend_pid(), $now) on conflict (sync_id) do update set"
                " host = excluded.host, process = excluded.process, backend = excluded.backend, since = excluded.since",
                sync=sync_id, host=socket.gethostname(), process=os.getpid(), now=now,
            )  # fmt: skip

    def let_go(self) -> None:
        """Give all locks back.

        The server takes a moment to notice that a connection is closed: whoever comes right after, such as the next
        command of a script, would be told that another worker has them.
        """
        with suppress(psycopg.Error):
            self._connection.execute("select pg_advisory_unlock_all()")

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else runs a sync; if so, whoever begins one waits for a while until this is over."""
        number = lock_number(ALL_RUNS)
        is_alone = self._is_free("pg_try_advisory_lock", number)
        try:
            yield is_alone
        finally:
            if is_alone and not self._lost:
                self.execute("select pg_advisory_unlock($number)", number=number)

    def _is_free(self, function: str, number: int) -> bool:
        ((is_mine,),) = self.fetch(f"select {function}($number)", number=number)
        return bool(is_mine)

    def _is_mine_soon(self, number: int) -> bool:
        """Whether a lock is free, or is within a moment: the server notices late that a worker was killed."""
        if self._is_free("pg_try_advisory_lock", number):
            return True
        try:
            with self._connection.transaction():
                self._connection.execute(f"set local lock_timeout = '{MOMENT_SECONDS}s'")
                self._connection.execute("select pg_advisory_lock(%s)", [number])
        except psycopg.errors.LockNotAvailable:
            return False
        except psycopg.Error as error:
            raise self._error(error) from None
        return True

    def _holder(self, sync_id: str) -> str:
        number = lock_number(sync_id)
        found = self.fetch(
            "select lock.host, lock.process, lock.since from sync_lock as lock inner join pg_locks on"
            " pg_locks.pid = lock.backend and pg_locks.locktype = 'advisory' and pg_locks.granted"
            " and (pg_locks.classid::bigint << 32) | pg_locks.objid::bigint = $number"
            " where lock.sync_id = $sync",
            sync=sync_id, number=number,
        )  # fmt: skip
        who = "another worker"
        for host, process, since in found:
            who = f"process {process} on {host} since {since:%Y-%m-%d %H:%M:%S} UTC"
        return f"{who} publishes {sync_id}; wait for it, or stop it"

    def _copy_in(self, table: str, parts: Iterator[pa.Table] | Sequence[pa.Table]) -> None:
        with self._connection.cursor() as cursor:
            for part in parts:
                names = ", ".join(part.column_names)
                text = io.BytesIO()
                pyarrow.csv.write_csv(
                    part, text, pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
                )
                with cursor.copy(f"copy {table} ({names}) from stdin (format csv)".encode()) as copy:
                    copy.write(text.getbuffer())

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong at the server as a sentence of ours; after a lost connection the same one again and again."""
        if self._lost:
            raise LedgerError(self._lost)
        try:
            yield
        except psycopg.Error as error:
            raise self._error(error) from None

    def _error(self, error: psycopg.Error) -> LedgerError:
        if self._connection.closed:
            self._lost = (
                f"the connection to the ledger in PostgreSQL is lost{_why(error)}; run it again when the server is"
                " back: what was under way is settled first"
            )
            return LedgerError(self._lost)
        return LedgerError(sentence_of(error))


def sentence_of(error: psycopg.Error) -> str:
    """What went wrong, without the server's own words: they quote rows, and libpq's quote the address."""
    said = SENTENCES.get(error.sqlstate or "")
    if error.sqlstate == "57014":
        said = "it took longer than the server's statement_timeout, or somebody cancelled it"
    elif error.sqlstate == "42501":
        said = f"the user may not do that; it needs CREATE on the database the first time, and owns what is in {SCHEMA}"
    elif error.sqlstate == "42P01":
        said = f"a table of {SCHEMA} is gone; restore it"
    elif not error.sqlstate:
        said = "the connection broke; run it again when the server is back"
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return f"the ledger in PostgreSQL refused a statement{': ' + said if said else ''}{code}"


def _why(error: psycopg.Error) -> str:
    if error.sqlstate == "57P01":
        return ", as the server was shut down or somebody ended it"
    return f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""


def lock_number(name: str) -> int:
    """The server knows locks by numbers of 64 bits."""
    return int.from_bytes(hashlib.sha256(f"{SCHEMA} {name}".encode()).digest()[:8], signed=True)


@contextmanager
def opened_postgres(url: str, path: Path, *, warehouse: Path | None = None) -> Iterator[PostgresLedger]:
    """The ledger at an address, and the warehouse attached for reading as `shop` to a DuckDB to plan with.

    What has to be on a disk lies beside `path`.

    Raises
    ------
    PublishRefusedError: the server, the warehouse or the folder cannot be used, or the ledger is of another version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        spill = tempfile.TemporaryDirectory(prefix=f"{path.name}.planner-", dir=path.parent)
    except OSError as error:
        raise PublishRefusedError(f"{path.parent} cannot be written: {error.strerror}; publishing needs it") from error
    with spill as folder, connected(url) as connection, duckdb.connect() as planning:
        planning.execute(f"set temp_directory = {quoted(folder)}")
        set_up_planner(planning)
        if warehouse is not None:
            attach_warehouse(planning, warehouse)
        ledger = PostgresLedger(connection, planning, path, url)
        try:
            yield ledger
        finally:
            ledger.let_go()


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a ledger of this version, which is made if there is none.

    Raises
    ------
    PublishRefusedError: nobody is there, does not let us in, or what is there is no such ledger.
    """
    try:
        connection = psycopg.connect(address(url, TIMEOUT_SECONDS), autocommit=True)
    except DestinationError as error:
        raise PublishRefusedError(_of_the_ledger(str(error))) from None
    except psycopg.Error as error:
        raise PublishRefusedError(
            f"the ledger in PostgreSQL cannot be opened: {_of_the_ledger(no_connection(str(error))[1])}"
        ) from None
    try:
        try:
            connection.adapters.register_dumper(str, TextDumper)
            check_server(connection)
            connection.execute(SESSION)
            if connection.info.server_version >= 140000:
                # A slow destination is no reason to be cut off.
                connection.execute("set idle_session_timeout = 0")
            make_tables(connection)
        except psycopg.Error as error:
            raise PublishRefusedError(sentence_of(error)) from None
        yield connection
    finally:
        connection.close()


def check_server(connection: psycopg.Connection[Any]) -> None:
    """Refuse a server that cannot hold a ledger or its locks.

    Raises
    ------
    PublishRefusedError: it is too old, knows not all letters, or a pooler stands before it.
    """
    info = connection.info
    if info.server_version < OLDEST_SERVER:
        raise PublishRefusedError(f"the ledger needs PostgreSQL {OLDEST_SERVER // 10000} or later")
    if info.parameter_status("server_encoding") != "UTF8":
        raise PublishRefusedError("the database of the ledger has another encoding than UTF8; make one that has it")
    found = connection.execute("select pg_backend_pid()").fetchone()
    if found != (info.backend_pid,):
        # Locks belong to a session at the server, which a pooler gives to somebody else after each transaction.
        raise PublishRefusedError(
            "a pooler stands before the PostgreSQL of the ledger, through which locks are lost; give the address of the"
            " server itself"
        )


def make_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the schema and its tables if they are not there; by one worker at a time.

    Raises
    ------
    PublishRefusedError: they are of another version.
    """
    if not _has_tables(connection):
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [lock_number("making tables")])
            if not _has_tables(connection):
                connection.execute(f"create schema if not exists {SCHEMA}".encode())
                connection.execute(f"{TABLES}{OWN_TABLES}".encode())
                connection.execute("insert into ledger_version values (%s)", [SCHEMA_VERSION])
    versions = connection.execute("select version from ledger_version").fetchall()
    if versions != [(SCHEMA_VERSION,)]:
        raise PublishRefusedError(
            f"the ledger in PostgreSQL is of version {versions[0][0] if versions else 'none'}, this Regulars knows"
            f" version {SCHEMA_VERSION}"
        )


def _has_tables(connection: psycopg.Connection[Any]) -> bool:
    # Not by to_regclass(): what it does not find once, it does not find within that transaction.
    found = connection.execute(
        "select 1 from pg_catalog.pg_tables where schemaname = %s and tablename = 'ledger_version'", [SCHEMA]
    ).fetchone()
    return found is not None


def _of_the_ledger(sentence: str) -> str:
    """A sentence about the secret of a serving table, said of the ledger's."""
    return sentence.replace("the secret `url`", "the secret that `ledger` names")
