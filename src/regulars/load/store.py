"""From checked rows to the landing tables: one transaction per file, only what is new, every row accounted for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb

from regulars.load.casting import identifier, quote
from regulars.load.landing import LOADED_AT, LOADED_FILES, REJECTED_ROWS, TABLES, TABLES_BY_NAME
from regulars.load.readers import Source
from regulars.load.reasons import REASONS
from regulars.load.staging import FAULTS, Output


@dataclass
class TableCount:
    """What became of the rows for one landing table."""

    table: str
    rows: int = 0
    loaded: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass
class FileReport:
    """What became of one file."""

    file: str
    preset: str
    rows: int = 0
    rejected: int = 0
    """Rows of the file (not of the tables) that were rejected."""
    reasons: dict[str, int] = field(default_factory=dict)
    first_rejects: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, reason code and sentence of the first rejected rows."""
    withdrawn: dict[str, int] = field(default_factory=dict)
    """Stored rows by table that the file's orders no longer have; not among the rows read."""
    tables: list[TableCount] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcome: str = "loaded"
    """`loaded`, `unchanged` (this very file is stored) or `rolled_back` (too many rejects)."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Ready:
    """An output after the checks that look at several rows: the faulty rows are on the list, the repeats are known."""

    output: Output
    relation: str
    rows: int
    late_faults: int
    """Rows of the output that these checks rejected."""


REJECTED_ORDERS = "batch_rejected_orders"
"""Temp table (order_id) of the orders that this batch rejected, so that their lines can be told why."""


def begin_batch(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the rejected orders of an earlier batch."""
    connection.execute(f"create or replace temp table {REJECTED_ORDERS} (order_id varchar)")


def remember_rejected_orders(connection: duckdb.DuckDBPyConnection, typed: str, *, is_left_out: bool) -> None:
    """Keep the ids of the orders of ``typed`` that are not loaded: all of them where the file is left out."""
    rejected = "true" if is_left_out else f"_line in (select _line from {FAULTS} where table_name = 'orders')"
    connection.execute(f"insert into {REJECTED_ORDERS} select distinct order_id from {typed} where {rejected}")


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0


def check_keys_and_orders(connection: duckdb.DuckDBPyConnection, outputs: list[Output]) -> list[Ready]:
    """Find repeated keys and lines without an order, list them as faults, and give relations of the rows that stay."""
    ready: list[Ready] = []
    own_orders = next((output.relation for output in outputs if output.table.name == "orders"), None)
    for output in outputs:
        table, relation = output.table, output.relation
        rows = _one(connection, f"select count(*) from {relation}")
        late_faults = 0
        name = quote(table.name)
        key = ", ".join(identifier(column) for column in table.key)
        exclusions: list[str] = []
        if not output.has_unique_key:
            connection.execute(
                f"create or replace temp table load_repeated as "
                f"select {key} from {relation} group by {key} having count(*) > 1"
            )
            if _one(connection, "select count(*) from load_repeated"):
                columns = ", ".join(identifier(column) for column in table.column_names)
                connection.execute(
                    f"create or replace temp table load_repeats as select _line, "
                    f"dense_rank() over (partition by {key} order by {columns}) as variant, "
                    f"row_number() over (partition by {key} order by _line) as place, {key} "
                    f"from {relation} semi join load_repeated using ({key})"
                )
                connection.execute(
                    f"create or replace temp table load_dropped as select _line, "
                    f"max(variant) over (partition by {key}) > 1 as differs, place from load_repeats"
                )
                connection.execute(
                    f"insert into {FAULTS} select _line, {name}, 'duplicate_key', "
                    f"{quote(', '.join(table.key) + ': ' + REASONS['duplicate_key'])} from load_dropped where differs"
                )
                dropped = f"load_dropped_{table.name}"
                connection.execute(
                    f"create or replace temp table {dropped} as "
                    f"select _line from load_dropped where differs or place > 1"
                )
                late_faults += _one(connection, "select count(*) from load_dropped where differs")
                exclusions.append(dropped)
        if table.needs_order:
            known = "select order_id from raw.orders"
            if own_orders:
                known += f" union all select order_id from {own_orders}"
            orphans = f"load_orphans_{table.name}"
            anti = "".join(f" anti join {excluded} using (_line)" for excluded in exclusions)
            connection.execute(
                f"create or replace temp table {orphans} as select _line, order_id from {relation}{anti} "
                f"anti join ({known}) using (order_id)"
            )
            found = _one(connection, f"select count(*) from {orphans}")
            if found:
                late_faults += found
                reason = "order_line_without_order" if table.name == "order_lines" else "refund_without_order"
                what = "line" if table.name == "order_lines" else "refund"
                rejected = (
                    f"order_id: The order of this {what} was rejected, alone or with its file; put that right first."
                )
                connection.execute(
                    f"insert into {FAULTS} select _line, {name}, {quote(reason)}, "
                    f"case when order_id in (select order_id from {REJECTED_ORDERS}) then {quote(rejected)} "
                    f"else {quote('order_id: ' + REASONS[reason])} end "
                    f"from {orphans}"
                )
                exclusions.append(orphans)
        if exclusions:
            anti = "".join(f" anti join {excluded} using (_line)" for excluded in exclusions)
            connection.execute(f"create or replace temp view load_ready_{table.name} as select * from {relation}{anti}")
            relation = f"load_ready_{table.name}"
        ready.append(Ready(output, relation, rows, late_faults))
    return ready


def summarise_faults(connection: duckdb.DuckDBPyConnection, report: FileReport) -> dict[str, int]:
    """Fill in the counts of rejected rows; gives them by table as well."""
    # A row has one reason: the first that was found; a later check never sees it again for the same table.
    report.rejected = _one(connection, f"select count(distinct _line) from {FAULTS}")
    report.reasons = dict(
        connection.execute(
            f"select reason, count(*) from {FAULTS} group by reason order by count(*) desc, reason"
        ).fetchall()
    )
    report.first_rejects = connection.execute(
        f"select _line, reason, message from {FAULTS} order by _line, reason limit 5"
    ).fetchall()
    return dict(connection.execute(f"select table_name, count(*) from {FAULTS} group by table_name").fetchall())


def next_loaded_at(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """Later than everything stored, so that the newest version of a key is never in doubt, whatever the clock says."""
    parts = [
        f"select max({LOADED_AT}) as newest from {table.relation}" for table in (*TABLES, REJECTED_ROWS, LOADED_FILES)
    ]
    row = connection.execute(f"select epoch_us(max(newest)) from ({' union all '.join(parts)})").fetchone()
    if row is None or row[0] is None:
        return now
    newest = datetime.fromtimestamp(0, tz=now.tzinfo) + timedelta(microseconds=int(row[0]))
    return max(now, newest + timedelta(microseconds=1))


def insert_new(connection: duckdb.DuckDBPyConnection, ready: Ready, loaded_at: str) -> int:
    """Insert the rows whose content differs from the newest stored version of their key."""
    table = ready.output.table
    columns = ", ".join(identifier(name) for name in table.column_names)
    target = f"{table.relation} ({columns}, {LOADED_AT})"
    if not _one(connection, f"select count(*) from {table.relation}"):
        statement = f"insert into {target} select {columns}, {loaded_at} from {ready.relation}"
    else:
        key = ", ".join(identifier(name) for name in table.key)
        fresh = ", ".join(f"fresh.{identifier(name)}" for name in table.column_names)
        same_key = " and ".join(f"fresh.{identifier(name)} = stored.{identifier(name)}" for name in table.key)
        differs = " or ".join(
            f"fresh.{identifier(name)} is distinct from stored.{identifier(name)}"
            for name in table.column_names
            if name not in table.key
        )
        statement = (
            f"insert into {target} select {fresh}, {loaded_at} from {ready.relation} as fresh left join ("
            f"select * from (select *, row_number() over (partition by {key} order by {LOADED_AT} desc) as version "
            f"from {table.relation} semi join {ready.relation} using ({key})) where version = 1) as stored "
            f"on {same_key} where stored.{identifier(table.key[0])} is null or {differs}"
        )
    return _one(connection, statement)


def insert_rejects(connection: duckdb.DuckDBPyConnection, source: Source, loaded_at: str) -> int:
    """Keep the faulty rows as they were read; a row that was kept before for the same reason is not kept twice."""
    pairs = ", ".join(f"{identifier(name)} := cast({identifier(name)} as varchar)" for name in source.columns)
    rows = f"select _line, cast(to_json(struct_pack({pairs})) as varchar) as row_json from {source.relation}"
    rows += f" semi join {FAULTS} using (_line)"
    if source.broken:
        rows += f" union all select _line, cast(to_json(struct_pack(raw := _raw)) as varchar) from {source.broken}"
    return _one(
        connection,
        f"""
        insert into {REJECTED_ROWS.relation}
        select fresh.*, {loaded_at} from (
            select {quote(source.name)} as file, _line as line, table_name, reason as reason_code, message, row_json
            from {FAULTS} left join ({rows}) using (_line)
        ) as fresh
        where not exists (
            select 1 from {REJECTED_ROWS.relation} as kept
            where kept.file = fresh.file and kept.line = fresh.line and kept.table_name = fresh.table_name
                and kept.reason_code = fresh.reason_code and kept.row_json is not distinct from fresh.row_json
        )
        order by line
        """,
    )


def stored_counts(connection: duckdb.DuckDBPyConnection, sha256: str) -> list[TableCount] | None:
    """Counts of the load of this very file, if it is complete and still the last word on each of its tables."""
    rows = connection.execute(
        f"""
        select table_name, row_count, rejected_count, epoch_us({LOADED_AT}) from {LOADED_FILES.relation}
        where sha256 = ? and {LOADED_AT} = (select max({LOADED_AT}) from {LOADED_FILES.relation} where sha256 = ?)
        """,
        [sha256, sha256],
    ).fetchall()
    if not rows or any(rejected for _, _, rejected, _ in rows):
        return None
    # The tables are asked, not the record: rows that a later file withdrew are not among the rows it loaded.
    for name, _, _, loaded_at in rows:
        later = f"select 1 from {TABLES_BY_NAME[str(name)].relation} where {LOADED_AT} > make_timestamptz({loaded_at})"
        if connection.execute(f"{later} limit 1").fetchone():
            return None
    return [TableCount(str(name), rows=int(count), unchanged=int(count)) for name, count, _, _ in rows]


def record_file(connection: duckdb.DuckDBPyConnection, report: FileReport, sha256: str, loaded_at: str) -> None:
    """Note the load, one row per landing table."""
    for count in report.tables:
        connection.execute(
            f"insert into {LOADED_FILES.relation} select ?, ?, ?, ?, ?, ?, ?, ?, {loaded_at}",
            [
                report.file,
                sha256,
                report.preset,
                count.table,
                count.rows,
                count.loaded,
                count.unchanged,
                count.rejected,
            ],
        )


def is_recorded(connection: duckdb.DuckDBPyConnection, sha256: str) -> bool:
    """Whether a load of this file was noted before."""
    row = connection.execute(f"select 1 from {LOADED_FILES.relation} where sha256 = ? limit 1", [sha256]).fetchone()
    return row is not None
