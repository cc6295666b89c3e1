"""A serving table per audience in a PostgreSQL database.

The table is `schema.object`: `customer_id` as its key, the contacts and properties of the sync as columns of the types
that the warehouse has. A batch is an Arrow IPC stream. Where all its keys are new, ADBC copies it in binary into the
table, else to a temporary table which one statement merges; either in one transaction, so that a batch is there whole
or not at all. Sent twice it changes nothing, and no memory of batches is kept.

Regulars writes only tables that it made, which a comment on the table says, and only the columns that it made, which a
comment on each says: columns that others add are theirs. No value of a row is ever part of a statement, so neither are
they in the server's log nor in what is said here of its errors.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from regulars.publish.destinations import (
    Answer,
    Batch,
    Capabilities,
    Operation,
    Person,
    Rejected,
    renamed,
)
from regulars.publish.errors import DestinationError
from regulars.publish.settings import Postgres

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

Made = TypeVar("Made")

KEY = "customer_id"
TABLE_COMMENT = "Regulars serving table: `regulars publish` keeps it; what is changed by hand is written over."
COLUMN_COMMENT = "Regulars: published; gone when it is published no more."
STAGING = "regulars_staging"
IDENTIFIER_BYTES = 63
"""https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS; PostgreSQL cuts off the rest,
and two names become one."""
KEY_BYTES = 2000
"""A B-tree takes entries of up to about a third of a page of 8 kB
(https://www.postgresql.org/docs/current/btree.html, "Introduction"): 2,704 bytes with what it adds."""
ROWS_PER_BATCH = 100_000
BYTES_PER_BATCH = 32_000_000

# https://duckdb.org/docs/stable/sql/data_types/overview to
# https://www.postgresql.org/docs/current/datatype.html, in the words of format_type().
SIMPLE_TYPES: dict[str, tuple[str, pa.DataType]] = {
    "VARCHAR": ("text", pa.string()),
    "UUID": ("text", pa.string()),
    "BOOLEAN": ("boolean", pa.bool_()),
    "UBIGINT": ("numeric(20,0)", pa.decimal128(20, 0)),
    "HUGEINT": ("numeric(38,0)", pa.decimal128(38, 0)),
    "FLOAT": ("double precision", pa.float64()),
    "DOUBLE": ("double precision", pa.float64()),
    "DATE": ("date", pa.date32()),
    "TIMESTAMP": ("timestamp without time zone", pa.timestamp("us")),
    "TIMESTAMP_S": ("timestamp without time zone", pa.timestamp("us")),
    "TIMESTAMP_MS": ("timestamp without time zone", pa.timestamp("us")),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", pa.timestamp("us", "UTC")),
} | {
    name: ("bigint", pa.int64())
    for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
}

# What a person can do about it, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). The words
# of the server are never passed on: its DETAIL quotes rows.
SENTENCES = {
    "22003": "a number is larger than its column takes; has the type of the column been changed?",
    "22P05": "the database cannot hold a letter of a text, as its encoding is not UTF8",
    "25006": "the database can only be read; is it a replica?",
    "2BP01": "a column that is not published any more is used by a view or another object; change that first",
    "42501": "the user may not do that; it needs CREATE on the schema (on the database, where there is no schema yet), "
    "TEMPORARY on the database, and to own the table",
    "42701": "a property has the name of a column that PostgreSQL keeps for itself (xmin, ctid, …); rename it",
    "42P01": "the table is gone; the next run makes it again",
    "42P10": "the table has lost its primary key; add it again: primary key (customer_id)",
    "40001": "another transaction was in the way",
    "40P01": "another transaction was in the way",
    "53100": "the disk of the server is full",
    "53200": "the server has no memory left",
    "53300": "the server takes no more connections",
    "55P03": "somebody holds a lock on the table",
    "57014": "it took longer than timeout_seconds, or somebody cancelled it; is somebody holding a lock on the table?",
}
HOPELESS = {"25006", "42501", "42P01", "42P10", "55P03"}
# Connections, transactions in the way, resources, an operator's intervention: nobody's row is at fault.
HOPELESS_CLASSES = {"08", "40", "53", "57"}
# What libpq and the server say when there is no connection, which has no SQLSTATE; code and sentence for it.
CONNECTION_SENTENCES = (
    (
        r"password|role .* does not exist|authentication|pg_hba",
        "login_refused",
        "the server lets nobody in with this user, password and address; check the secret `url` and pg_hba.conf",
    ),
    (r"database .* does not exist", "no_database", "there is no such database; check the secret `url`"),
    (r"permission denied for database", "login_refused", "the user may not connect to the database; grant CONNECT"),
    (
        r"SSL|certificate",
        "no_tls",
        "no safe connection; to other machines it is TLS: set it up there, or say sslmode in the secret `url`",
    ),
    (r"translate host name", "no_host", "there is no host of that name; check the secret `url`"),
    (r"starting up|shutting down|too many clients|connection slots", "busy", "the server takes no connection now"),
    (
        r"refused|No such file|timeout|timed out|unreachable|closed the connection|reset",
        "no_connection",
        "nobody answers at this address; is the server up, and is the address right?",
    ),
)
LOCAL = re.compile(r"|/.*|@.*|localhost|127\.\d+\.\d+\.\d+|::1")


def quoted(name: str) -> str:
    """An identifier as SQL takes it, whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'


def check_name(name: str, what: str) -> None:
    """Refuse what PostgreSQL would cut or not take.

    Raises
    ------
    DestinationError: the name is empty, longer than 63 bytes in UTF-8, or has a NUL.
    """
    size = len(name.encode("utf-8", "replace"))
    if not name or "\0" in name or size > IDENTIFIER_BYTES:
        raise DestinationError(
            f"{what} {name!r} cannot be a name in PostgreSQL: it has {size} bytes, and 1 to {IDENTIFIER_BYTES} are "
            "right, none of them NUL"
        )


def types_of(duckdb_type: str) -> tuple[str, pa.DataType] | None:
    """The type of a column in PostgreSQL, as `format_type()` writes it, and in Arrow; none if none fits."""
    name = duckdb_type.strip().upper()
    decimal = re.fullmatch(r"(?:DECIMAL|NUMERIC)(?:\((\d+)\s*,\s*(\d+)\))?", name)
    if decimal:
        digits, places = (int(decimal[1]), int(decimal[2])) if decimal[1] else (18, 3)
        return f"numeric({digits},{places})", pa.decimal128(digits, places)
    if name.startswith("ENUM"):
        return SIMPLE_TYPES["VARCHAR"]
    return SIMPLE_TYPES.get(name)


def postgres_type(arrow_type: pa.DataType) -> str:
    """The type of a column that takes this in binary as it is; none ("") for types that no column of ours has."""
    if pa.types.is_decimal(arrow_type):
        return f"numeric({arrow_type.precision},{arrow_type.scale})"
    return next((name for name, arrow in SIMPLE_TYPES.values() if arrow == arrow_type), "")


def upsert(target: str, columns: Sequence[str]) -> str:
    """The statement that adds and changes what is staged. A row that is there as it is, is not written again."""
    names = [quoted(name) for name in columns]
    values = [name for name in names if name != quoted(KEY)]
    action = "nothing"
    if values:
        action = (
            f"update set {', '.join(f'{name} = excluded.{name}' for name in values)}"
            f" where ({', '.join(f'target.{name}' for name in values)})"
            f" is distinct from ({', '.join(f'excluded.{name}' for name in values)})"
        )
    return (
        f"insert into {target} as target ({', '.join(names)}) select {', '.join(names)} from pg_temp.{STAGING}"
        f" on conflict ({quoted(KEY)}) do {action}"
    )


def address(url: str, timeout_seconds: float) -> str:
    """The URL with what it does not say itself: how long to wait for whom, and TLS to other machines.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS

    Raises
    ------
    DestinationError: it is no URL of a PostgreSQL; its words are not repeated, since a password is among them.
    """
    if not re.match(r"postgres(ql)?://", url):
        raise DestinationError("the secret `url` is not like postgresql://user:password@host/database")
    try:
        parts = urlsplit(url)
        said = parse_qs(parts.query, keep_blank_values=True)
        hosts = said.get("host", []) + said.get("hostaddr", []) or [parts.netloc.rpartition("@")[2]]
    except ValueError:
        said, hosts = {}, ["?"]
    names = [re.sub(r":\d*$", "", name).strip("[]") for host in hosts for name in host.split(",")]
    wait = max(2, round(timeout_seconds))
    wanted = {
        "connect_timeout": min(wait, 30),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * wait,
        "application_name": "regulars",
    }
    if not all(LOCAL.fullmatch(name) for name in names):
        wanted["sslmode"] = "require"
    more = "&".join(f"{key}={value}" for key, value in wanted.items() if key not in said)
    return f"{url}{'&' if '?' in url else '?'}{more}"


@dataclass
class PostgresDestination:
    """One schema of one database, and the columns of one sync."""

    settings: Postgres
    url: str = field(repr=False)
    """The secret that `settings.url` names."""
    contacts: Sequence[str] = ()
    """Contacts that become columns: the sync's `identifiers`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Each property of the sync and its type in DuckDB, such as DECIMAL(18,4)."""

    capabilities = Capabilities(
        rows_per_batch=ROWS_PER_BATCH,
        bytes_per_batch=BYTES_PER_BATCH,
        # One is read and written here while another is merged there.
        concurrency=2,
    )

    def __post_init__(self) -> None:
        self._address = address(self.url, self.settings.timeout_seconds)
        self._types = {KEY: "text"} | dict.fromkeys(self.contacts, "text")
        fields = [pa.field(name, pa.string()) for name in self._types]
        for name, duckdb_type in self.columns.items():
            check_name(name, "the property")
            if name in self._types:
                raise DestinationError(f"the property {name} has the name of another column; rename one of the two")
            types = types_of(duckdb_type)
            if types is None:
                raise DestinationError(
                    f"the property {name} is of type {duckdb_type}, which no column of a serving table has; make it a "
                    f"text, a number, a day or a time"
                )
            self._types[name], arrow_type = types
            fields.append(pa.field(name, arrow_type))
        self._schema = pa.schema(fields)

    def open_object(self, object_name: str, known_id: str = "") -> str:
        """Make the schema, the table and the columns that are missing; drop columns of ours that are published no more.

        Returns the table's oid: another than last time says that somebody dropped the table, and its rows.

        Raises
        ------
        DestinationError: nobody there, no right to; a table or column of that name that Regulars did not make; a column
        of another type; the table of last time renamed.
        """
        check_name(object_name, "the object")
        said = self._transact(lambda cursor: self._make(cursor, object_name, known_id))
        if isinstance(said, Answer):
            raise DestinationError(said.message)
        return said

    def body_of_table(self, batch: Batch, table: pa.Table) -> bytes:
        """The table as an Arrow IPC stream of the sync's types: customer_id, the contacts and the properties by name.

        Of removals customer_id only.

        Raises
        ------
        DestinationError: a column is missing, or a value is not of the type that `columns` says.
        """
        schema = self._schema if batch.operation == "upsert" else pa.schema([self._schema.field(0)])
        columns = []
        for wanted in schema:
            try:
                columns.append(table.column(wanted.name).cast(wanted.type).combine_chunks())
            except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
                # Arrow's words quote the value.
                break
        if len(columns) < len(schema):
            missing = schema.field(len(columns))
            raise DestinationError(
                f"{missing.name} is not there, or not {missing.type}, though the warehouse says that it is"
            )
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(sink, schema, options=options) as stream:
            stream.write_table(pa.table(columns, schema=schema))
        return bytes(sink.getvalue())

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Copy it to a temporary table and merge that, in one transaction."""
        table, rejected = takeable(pa.ipc.open_stream(body).read_all())
        said = self._transact(
            lambda cursor: self._merge(cursor, batch.object_name, batch.operation, table),
            int(batch.key, 16) % (1 << 63),
        )
        return said if isinstance(said, Answer) else self._merged(said, batch.object_name, rejected)

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:  # noqa: ARG002
        """PostgreSQL answers at once; nothing is ever left to ask about."""
        return Answer("unknown", code="no_job", message="PostgreSQL has no jobs to ask about; send the batch again")

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:
        """Delete their rows; where there is no table there is nobody."""
        check_name(object_name, "the object")
        # Who cannot be in a table is not there.
        table, _ = takeable(pa.table({KEY: pa.array([person.customer_id for person in people], pa.string())}))

        def work(cursor: "Cursor") -> bool:
            return not self._found(cursor, object_name) or self._merge(cursor, object_name, "remove", table)

        said = self._transact(work)
        return said if isinstance(said, Answer) else self._merged(said, object_name, ())

    def _qualified(self, object_name: str) -> str:
        return f"{quoted(self.settings.schema_name)}.{quoted(object_name)}"

    def _merged(self, is_ours: bool, object_name: str, rejected: tuple[Rejected, ...]) -> Answer:
        if is_ours:
            return Answer("acknowledged", rejected=rejected)
        sentence = (
            f"{self._qualified(object_name)} is gone, or was not made by Regulars, which writes its own tables only"
        )
        return Answer("failed", code="not_ours", message=self._sentence(sentence), is_hopeless=True)

    def _sentence(self, sentence: str) -> str:
        return f"{self.settings.database}: {sentence}"

    def _found(self, cursor: "Cursor", object_name: str) -> tuple[int, bool] | None:
        """The oid of what has that name, and whether Regulars made it."""
        cursor.execute(
            "select relation.oid::int8, relation.relkind in ('r', 'p')"
            " and obj_description(relation.oid, 'pg_class') like 'Regulars serving table%'"
            " from pg_class as relation join pg_namespace as schema on schema.oid = relation.relnamespace"
            " where schema.nspname = $1 and relation.relname = $2",
            (self.settings.schema_name, object_name),
        )
        found = cursor.fetchone()
        return (int(found[0]), found[1] is True) if found else None

    def _columns(self, cursor: "Cursor", oid: int) -> dict[str, tuple[str, bool]]:
        """Type of each column of the table, and whether Regulars made it."""
        cursor.execute(
            "select attname::text, format_type(atttypid, atttypmod),"
            " coalesce(col_description(attrelid, attnum), '') like 'Regulars:%'"
            f" from pg_attribute where attrelid = {oid} and attnum > 0 and not attisdropped order by attnum"
        )
        return {name: (kind, is_ours) for name, kind, is_ours in cursor.fetchall()}

    def _make(self, cursor: "Cursor", object_name: str, known_id: str) -> str:
        target = self._qualified(object_name)
        found = self._found(cursor, object_name)
        if known_id and (found is None or str(found[0]) != known_id):
            cursor.execute(
                f"select 1 from pg_class where oid = {int(known_id)}"
                " and obj_description(oid, 'pg_class') like 'Regulars serving table%'"
            )
            if cursor.fetchone() is not None:
                raise renamed("table with the oid", known_id, object_name)
        if found is None:
            cursor.execute("select 1 from pg_namespace where nspname = $1", (self.settings.schema_name,))
            if cursor.fetchone() is None:
                cursor.execute(f"create schema if not exists {quoted(self.settings.schema_name)}")
            # Compared as bytes, keys are compared and sorted several times as fast as in the order of a language.
            cursor.execute(f'create table {target} ({quoted(KEY)} text collate "C" primary key)')
            cursor.execute(f"comment on table {target} is '{TABLE_COMMENT}'")
            cursor.execute(f"comment on column {target}.{quoted(KEY)} is '{COLUMN_COMMENT}'")
            found = self._found(cursor, object_name)
            assert found is not None
        oid, is_ours = found
        if not is_ours:
            raise DestinationError(
                self._sentence(
                    f"{target} is there already and was not made by Regulars; give the sync another `object`"
                )
            )
        there = self._columns(cursor, oid)
        for name, wanted in self._types.items():
            if name not in there:
                cursor.execute(f"alter table {target} add column {quoted(name)} {wanted}")
                cursor.execute(f"comment on column {target}.{quoted(name)} is '{COLUMN_COMMENT}'")
                continue
            kind, is_ours = there[name]
            if not is_ours:
                raise DestinationError(
                    self._sentence(f"{target} has a column {name} that Regulars did not make; rename it or drop it")
                )
            if kind != wanted:
                raise DestinationError(
                    self._sentence(
                        f"the column {name} of {target} is {kind}, and the warehouse has {wanted}; "
                        f"alter table {target} alter column {quoted(name)} type {wanted}, or drop the column"
                    )
                )
        for name, (_, is_ours) in there.items():
            if is_ours and name not in self._types:
                cursor.execute(f"alter table {target} drop column {quoted(name)}")
        return str(oid)

    def _merge(self, cursor: "Cursor", object_name: str, operation: Operation, table: pa.Table) -> bool:
        """Whether there is a table of ours to merge into; and then it is merged."""
        found = self._found(cursor, object_name)
        if found is None or not found[1]:
            return False
        if not table.num_rows:
            return True
        target = self._qualified(object_name)
        if operation == "upsert":
            there = self._columns(cursor, found[0])
            # A batch of an earlier run may know columns that are gone by now, or have another type.
            table = table.select([name for name in table.column_names if there.get(name, ("", False))[1]])
            if all(there[one.name][0] == postgres_type(one.type) for one in table.schema) and self._is_unknown(
                cursor, target, table
            ):
                cursor.adbc_ingest(object_name, table, mode="append", db_schema_name=self.settings.schema_name)
                return True
        cursor.adbc_ingest(STAGING, table, mode="create", temporary=True)
        if operation == "upsert":
            cursor.execute(upsert(target, table.column_names))
        else:
            # Unless it knows how few they are, the server reads all of the table to find them.
            cursor.execute(f"analyze pg_temp.{STAGING}")
            cursor.execute(
                f"delete from {target} as target using pg_temp.{STAGING} as staging"
                f" where target.{quoted(KEY)} = staging.{quoted(KEY)}"
            )
        # A pool may give the session to somebody else.
        cursor.execute(f"drop table pg_temp.{STAGING}")
        return True

    def _is_unknown(self, cursor: "Cursor", target: str, table: pa.Table) -> bool:
        """Whether no key lies between the least and the greatest of these: then they are copied and need no merge.

        So it is at a first load, whose batches are in the order of their keys; it takes half the time then. The two
        keys travel as rows do, since what stands in a statement is logged.
        """
        bounds = pc.min_max(table.column(KEY))
        cursor.adbc_ingest(
            STAGING, pa.table({KEY: pa.array([bounds["min"], bounds["max"]])}), mode="create", temporary=True
        )
        low, high = (f'(select {least}({quoted(KEY)} collate "C") from pg_temp.{STAGING})' for least in ("min", "max"))
        cursor.execute(f"select not exists (select from {target} where {quoted(KEY)} between {low} and {high})")
        answer = cursor.fetchone()
        cursor.execute(f"drop table pg_temp.{STAGING}")
        return answer is not None and answer[0] is True

    def _transact(self, work: Callable[["Cursor"], Made], lock: int | None = None) -> Made | Answer:
        """What `work` makes of a transaction that was committed; else why not, without a word of the server.

        Where the answer of a first attempt was lost, the server may still be at it: `lock` waits for its end.
        """
        try:
            from adbc_driver_manager import AdbcStatusCode, Error
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise DestinationError("to publish to PostgreSQL: pip install adbc-driver-postgresql") from None
        connection: Connection | None = None
        step = "work"
        try:
            connection = dbapi.connect(self._address)
            with connection.cursor() as cursor:
                cursor.execute("set local client_encoding to 'UTF8'")
                cursor.execute(f"set local statement_timeout to {max(1, round(1000 * self.settings.timeout_seconds))}")
                if lock is not None:
                    step = "wait"
                    cursor.execute(f"select pg_advisory_xact_lock({lock})")
                    cursor.fetchall()
                    step = "work"
                made = work(cursor)
                # A deferred constraint of somebody else's speaks here, where nothing is committed for certain.
                cursor.execute("set constraints all immediate")
            step = "commit"
            connection.commit()
            return made
        except Error as error:
            if connection is None:
                code, sentence = no_connection(str(error))
                return Answer("failed", code=code, message=self._sentence(sentence), is_hopeless=True)
            if step == "commit":
                sentence = "the connection broke while the batch was committed; it is sent again, which does no harm"
                return Answer("unknown", code="in_doubt", message=self._sentence(sentence))
            if step == "wait" and error.sqlstate == "57014":
                sentence = "an earlier attempt at this batch is still under way; it is sent again, which does no harm"
                return Answer("unknown", code="in_doubt", message=self._sentence(sentence))
            return self._undone(error.sqlstate or "", error.status_code == AdbcStatusCode.IO)
        finally:
            if connection is not None:
                with suppress(Error):
                    connection.close()

    def _undone(self, state: str, is_io: bool) -> Answer:
        """What an error in mid-transaction means: nothing is committed, and the server undoes what there was."""
        if state[:2] == "08" or state in ("57P01", "57P02", "57P03") or (not state and is_io):
            sentence = "the connection broke before anything was committed; nothing was done, and the next run goes on"
            return Answer("failed", code="connection_lost", message=self._sentence(sentence), is_hopeless=True)
        sentence = SENTENCES.get(state, "")
        if not sentence and state[:2] == "23":
            sentence = "a constraint or index that somebody added to the table forbids a row; drop it"
        sentence = f"{sentence or 'the server refused it; its log says more'} ({state or 'no SQLSTATE'})"
        is_hopeless = state in HOPELESS or state[:2] in HOPELESS_CLASSES
        return Answer("failed", code=state or "refused", message=self._sentence(sentence), is_hopeless=is_hopeless)


def no_connection(words: str) -> tuple[str, str]:
    """A code and a sentence for what libpq says when it cannot connect: its own words may hold parts of the URL."""
    for pattern, code, sentence in CONNECTION_SENTENCES:
        if re.search(pattern, words):
            return code, sentence
    return "no_connection", "no connection; check the secret `url`: postgresql://user:password@host/database"


def takeable(table: pa.Table) -> tuple[pa.Table, tuple[Rejected, ...]]:
    """The rows that PostgreSQL takes, and the others, each with its first fault.

    No text may hold NUL (https://www.postgresql.org/docs/current/datatype-character.html), and a key has to
    fit its index.
    """
    faults: dict[int, Rejected] = {}
    for name in table.column_names:
        column = table.column(name)
        if not pa.types.is_string(column.type):
            continue
        found = [(pc.match_substring(column, "\0"), "nul_character")]
        if name == KEY:
            found.append((pc.greater(pc.binary_length(column), KEY_BYTES), "key_too_long"))
        for mask, code in found:
            for place in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
                faults.setdefault(place, Rejected(place, code, f"/{name}"))
    if faults:
        keep = [place for place in range(table.num_rows) if place not in faults]
        table = table.take(pa.array(keep, pa.int64()))
    return table, tuple(faults[place] for place in sorted(faults))
