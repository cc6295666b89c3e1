"""Loads a batch of files, one transaction each."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb

from regulars.errors import UsageError
from regulars.load import events, generic, invoices, order_rows, readers, staging, store, withdrawals
from regulars.load.casting import Dialect, quote
from regulars.load.landing import TABLES, create_tables
from regulars.load.mapping import Mapping
from regulars.load.readers import Reading
from regulars.load.staging import Context, Prepared
from regulars.load.store import FileReport, TableCount
from regulars.load.withdrawals import Withdrawn


@dataclass(frozen=True)
class Request:
    """A file to load, and the landing table it was said to hold."""

    path: Path
    table: str | None = None


@dataclass(frozen=True)
class Options:
    """Everything about a load but the files."""

    mapping: Mapping
    now: datetime
    time_zone: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    currency: str | None = None
    reading: Reading = field(default_factory=Reading)
    max_reject_share: float = 0.01

    @property
    def dialect(self) -> Dialect:
        """How values are written: the option if given, else the mapping's word, else the plain default."""
        return Dialect(
            time_zone=self.time_zone or self.mapping.time_zone or "UTC",
            date_format=self.date_format or self.mapping.date_format,
            decimal=self.decimal or self.mapping.decimal or ".",
            thousands=self.thousands or self.mapping.thousands,
        )

    def reading_for_mapping(self) -> Reading:
        """How files are read, with the mapping's word where no option was given."""
        return Reading(
            encoding=self.reading.encoding or self.mapping.encoding,
            delimiter=self.reading.delimiter or self.mapping.delimiter,
            sheet=self.reading.sheet,
        )


class Reporter(Protocol):
    """Somebody who watches the load."""

    def file(self, path: Path) -> AbstractContextManager[Callable[[int], None]]:
        """Called around each file; gives a function that is told the bytes read."""

    def phase(self, words: str) -> None:
        """Told what is done now."""


def load_files(
    connection: duckdb.DuckDBPyConnection, requests: list[Request], options: Options, reporter: Reporter
) -> Iterator[FileReport]:
    """Load the files: orders before what refers to them, each file whole or not at all; gives each report at once.

    Raises
    ------
    UsageError: a file cannot be read, or not as what it was said to be. Files before it stay loaded.
    """
    check_dialect(connection, options.dialect)
    create_tables(connection)
    store.begin_batch(connection)
    # Rows carry their line, so their order need not be kept in memory; what does not fit there goes to disk.
    connection.execute("set preserve_insertion_order = false")
    # An order line is judged once every file with orders of the batch was read.
    order = [table.name for table in TABLES]

    def rank(request: Request) -> int:
        names = tables_of(request, options.mapping)
        return min((order.index(name) for name in names), default=0)

    for request in sorted(requests, key=rank):
        started = time.perf_counter()
        with reporter.file(request.path) as progress:
            report = _load_file(connection, request, options, reporter, progress)
        report.seconds = time.perf_counter() - started
        yield report


def tables_of(request: Request, mapping: Mapping) -> list[str]:
    """Landing tables that the file is expected to hold, as far as its name tells."""
    if request.table:
        return [request.table]
    if mapping.layout == "tables":
        return [entry.table for entry in mapping.tables_for(request.path.name)]
    if mapping.layout == "generic":
        name = generic.table_named(request.path)
        return [name] if name else []
    return ["email_events", "web_events"] if mapping.layout == "events" else ["orders"]


def _main_table(request: Request, mapping: Mapping) -> str:
    """Table that a line is counted for when it is no row at all."""
    fixed = {"invoice_lines": "order_lines", "order_rows": "order_lines", "events": "email_events"}
    return fixed.get(mapping.layout) or next(iter(tables_of(request, mapping)), "orders")


def check_dialect(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> None:
    """Refuse a time zone or a date format that does not exist, before any file is read."""
    known = connection.execute("select 1 from pg_timezone_names() where name = ?", [dialect.time_zone]).fetchone()
    if known is None:
        raise UsageError(f"{dialect.time_zone} is no time zone; expected an IANA name such as Europe/London")
    if dialect.date_format is not None:
        try:
            connection.execute(f"select try_strptime('x', {quote(dialect.date_format)})").fetchone()
        except duckdb.Error as error:
            raise UsageError(f"--date-format {dialect.date_format} is no format; for example %d/%m/%Y %H:%M") from error
        if "%" not in dialect.date_format:
            raise UsageError(f"--date-format {dialect.date_format} is no format; for example %d/%m/%Y %H:%M")
    if dialect.thousands == dialect.decimal:
        raise UsageError("--thousands and the decimal mark are the same character; a number could not be read")


def fingerprint(path: Path, options: Options, table: str | None) -> str:
    """Digest of the file, of the files it looks things up in, and of everything that decides how it is read."""
    parts = [readers.digest(path)]
    for entry in options.mapping.tables_for(path.name) if options.mapping.tables else []:
        for spec in entry.columns.values():
            if spec.lookup:
                parts += [readers.digest(other) for other in staging.lookup_files(path.parent, spec.lookup.file)]
    settings = {
        "mapping": options.mapping.model_dump(mode="json"),
        "dialect": asdict(options.dialect),
        "reading": asdict(options.reading_for_mapping()),
        "currency": options.currency,
        "table": table,
    }
    parts.append(json.dumps(settings, sort_keys=True))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    request: Request,
    options: Options,
    reporter: Reporter,
    progress: Callable[[int], None],
) -> FileReport:
    path, mapping = request.path, options.mapping
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    report = FileReport(file=str(path), preset=mapping.name)
    reporter.phase("reading")
    sha256 = fingerprint(path, options, request.table or generic.table_named(path))
    stored = store.stored_counts(connection, sha256)
    if stored is not None:
        report.outcome = "unchanged"
        report.tables = stored
        return report
    try:
        source = readers.open_source(connection, path, "load_source", options.reading_for_mapping(), progress)
        context = Context(
            connection=connection,
            source=source,
            folder=path.parent,
            dialect=options.dialect,
            now=options.now,
            main_table=_main_table(request, mapping),
        )
        reporter.phase("checking")
        staging.begin_faults(context)
        prepared = _prepare(context, request, options)
        ready = store.check_keys_and_orders(connection, prepared.outputs)
        rejected = store.summarise_faults(connection, report)
        report.rows = source.row_count
        report.ignored_columns = prepared.ignored_columns
        if report.rejected > options.max_reject_share * report.rows:
            report.outcome = "rolled_back"
        if not report.rows:
            report.notes.append("the file has a header and no rows")
        if mapping.layout in ("generic", "tables") and any(item.output.table.name == "orders" for item in ready):
            is_left_out = report.outcome == "rolled_back"
            store.remember_rejected_orders(connection, "load_typed_orders", is_left_out=is_left_out)
        report.notes += [*context.notes, *prepared.notes]
        withdrawn: list[Withdrawn] = []
        if prepared.replaced is not None:
            withdrawn, kept_back = withdrawals.find_withdrawn(context, prepared.replaced, mapping.name)
            report.notes += kept_back if report.outcome == "loaded" else []
        reporter.phase("storing")
        loaded_at = quote(store.next_loaded_at(connection, options.now).isoformat()) + "::timestamptz"
        connection.execute("begin transaction")
        try:
            kept = store.insert_rejects(connection, source, loaded_at) if report.rejected else 0
            for item in ready:
                name = item.output.table.name
                faults = rejected.pop(name, 0)
                rows = item.rows + faults - item.late_faults
                loaded = store.insert_new(connection, item, loaded_at) if report.outcome == "loaded" else 0
                report.tables.append(TableCount(name, rows, loaded, rows - loaded - faults, faults))
            if report.outcome == "loaded":
                for gone in withdrawn:
                    withdrawals.insert_withdrawn(connection, gone, loaded_at)
                    report.withdrawn[gone.table.name] = gone.rows
                is_news = kept or withdrawn or any(count.loaded for count in report.tables)
                if is_news or not store.is_recorded(connection, sha256):
                    store.record_file(connection, report, sha256, loaded_at)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        if report.withdrawn:
            report.notes.append(f"{withdrawals.in_words(withdrawn)} withdrawn: their orders came again without them")
    finally:
        _drop_stage(connection)
    return report


def _prepare(context: Context, request: Request, options: Options) -> Prepared:
    if options.mapping.layout == "invoice_lines":
        return invoices.prepare(context, options.mapping)
    if options.mapping.layout == "order_rows":
        return order_rows.prepare(context, options.mapping, options.currency)
    if options.mapping.layout == "events":
        return events.prepare(context, options.mapping)
    entries = generic.entries_for(context.source, options.mapping, request.table, request.path)
    return generic.prepare(context, entries)


def _drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Free what the file took; the names all begin with load_."""
    for kind in ("view", "table"):
        names = connection.execute(
            f"select {kind}_name from duckdb_{kind}s() where temporary and starts_with({kind}_name, 'load_')"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"drop {kind} if exists temp.{name}")
