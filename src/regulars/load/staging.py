"""From rows as read to typed rows, each either good or with its reason; and from there to rows ready to be stored."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from regulars.errors import UsageError
from regulars.load import readers
from regulars.load.casting import (
    LIMIT,
    Dialect,
    as_text,
    cast_column,
    cleaned,
    column_rules,
    identifier,
    normalised,
    quote,
)
from regulars.load.landing import Column, Table
from regulars.load.mapping import ColumnSource, did_you_mean
from regulars.load.readers import Source
from regulars.load.reasons import REASONS
from regulars.load.wording import counted

FAULTS = "load_faults"


@dataclass
class Output:
    """Rows for one landing table: ``relation`` has ``_line`` and the table's columns."""

    table: Table
    relation: str
    has_unique_key: bool = False
    """The key cannot repeat, because the rows were made by grouping or numbering."""


@dataclass
class Prepared:
    """What one file comes to."""

    outputs: list[Output]
    ignored_columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    replaced: "Replaced | None" = None
    """Set where the file holds its orders whole, so that what is stored of them beyond it is withdrawn."""


@dataclass(frozen=True)
class Replaced:
    """Which orders a file replaces, and how the refunds it makes for them are known."""

    typed: str
    """Every row of the file, the faulty ones too."""
    key: str
    """The column of ``typed`` that names the order."""
    refund_id: str | None
    """Pattern of the refund ids, with the order as first group; None: the file does not speak of refunds."""


@dataclass(frozen=True)
class Context:
    """What every step of one file needs."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    folder: Path
    dialect: Dialect
    now: datetime
    main_table: str
    """Table that a line is counted for when it is no row at all."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the summary."""

    @property
    def now_sql(self) -> str:
        """The reference of "in the future"."""
        return f"timestamptz {quote(self.now.isoformat())}"


def begin_faults(context: Context) -> None:
    """Make the empty list of faults and put the lines on it that are no rows."""
    connection = context.connection
    connection.execute(
        f"create or replace temp table {FAULTS} (_line bigint, table_name varchar, reason varchar, message varchar)"
    )
    if context.source.broken:
        messages = " ".join(f"when {quote(code)} then {quote(text)}" for code, text in REASONS.items())
        connection.execute(
            f"insert into {FAULTS} select _line, {quote(context.main_table)}, _reason, case _reason {messages} end "
            f"from {context.source.broken}"
        )


def find_column(source: Source, wanted: list[str]) -> str | None:
    """The first of the wanted names that the file has; case, blanks and hyphens do not matter."""
    present = {canonical(name): name for name in source.columns}
    return next((present[canonical(name)] for name in wanted if canonical(name) in present), None)


def canonical(name: str) -> str:
    """A column name in the spelling that comparisons use."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def cast_rows(
    context: Context,
    table: Table,
    columns: Dictionary[str, ColumnSource],
    target: str,
    row_rules: list[tuple[str, str, str]] | None = None,
) -> list[str]:
    """Type every row of the source into the temp table ``target`` and list the rows that cannot be.

    Parameters
    ----------
    context:
        The file.
    table:
        Columns with their types and rules.
    columns:
        Where each comes from; columns not named are null.
    target:
        Temp table with ``_line``, the table's columns and ``_fault`` (null: good).
    row_rules:
        Further conditions on typed columns: condition, reason, column named in the message.

    Returns
    -------
    Columns of the file that nothing uses.

    Raises
    ------
    UsageError: the file lacks a column.
    """
    source, connection = context.source, context.connection
    joins: list[str] = []
    used: set[str] = set()
    parsed: list[str] = []
    typed: list[str] = []
    faults: list[tuple[str, str]] = []
    for column in table.columns:
        spec = columns.get(column.name)
        expression, kind = _origin(context, table, column, spec, joins, used)
        cast = cast_column(expression, kind, column.type, context.dialect, column.name)
        parsed.append(f"{cast.text} as {identifier('_text_' + column.name)}")
        parsed.append(f"{cast.parsed} as {identifier('_parsed_' + column.name)}")
        typed.append(f"{normalised(column, cast.value)} as {identifier(column.name)}")
        typed.append(f"{cast.reason} as {identifier('_why_' + column.name)}")
    for column in table.columns:
        why = identifier("_why_" + column.name)
        faults.append((f"{why} is not null", f"{why} || {quote(':' + column.name)}"))
        faults.extend(
            (condition, quote(f"{reason}:{column.name}"))
            for condition, reason in column_rules(table, column, context.now_sql)
        )
    if table.any_of:
        missing = " and ".join(f"{identifier(name)} is null" for name in table.any_of)
        faults.append((missing, quote(f"no_customer:{table.any_of[0]}")))
    for condition, reason, name in row_rules or []:
        faults.append((condition, quote(f"{reason}:{name}")))
    cases = " ".join(f"when {condition} then {code}" for condition, code in faults)
    names = ", ".join(identifier(name) for name in table.column_names)
    connection.execute(
        f"create or replace temp table {target} as select _line, {names}, case {cases} end as _fault from ("
        f"select _line, {', '.join(typed)} from ("
        f"select source._line, {', '.join(parsed)} from {source.relation} as source {' '.join(joins)}))"
    )
    _list_faults(context, table, target)
    return [name for name in source.columns if name not in used]


def _list_faults(context: Context, table: Table, target: str) -> None:
    """Put the faulty rows of ``target`` on the list, each with a sentence that never holds a value of the row."""
    connection = context.connection
    codes = [
        str(row[0])
        for row in connection.execute(f"select distinct _fault from {target} where _fault is not null").fetchall()
    ]
    if not codes:
        return
    sentences = []
    for code in codes:
        reason, _, column = code.partition(":")
        allowed = next((item.allowed for item in table.columns if item.name == column), ())
        expected = f" Expected: {', '.join(allowed)}." if allowed and reason.startswith("unknown") else ""
        sentences.append(f"when {quote(code)} then {quote(f'{column}: {REASONS[reason]}{expected}')}")
    connection.execute(
        f"insert into {FAULTS} select _line, {quote(table.name)}, split_part(_fault, ':', 1), "
        f"case _fault {' '.join(sentences)} end from {target} where _fault is not null"
    )


def _origin(
    context: Context,
    table: Table,
    column: Column,
    spec: ColumnSource | None,
    joins: list[str],
    used: set[str],
) -> tuple[str, str]:
    """SQL and DuckDB type of the values of one column."""
    if spec is None:
        return "cast(null as varchar)", "VARCHAR"
    if spec.value is not None:
        return quote(spec.value), "VARCHAR"
    source = context.source
    name = find_column(source, spec.source)
    if name is None:
        if spec.optional:
            return quote(spec.default) if spec.default is not None else "cast(null as varchar)", "VARCHAR"
        raise missing_column(source, f"{table.name}.{column.name}", spec)
    used.add(name)
    expression, kind = f"source.{identifier(name)}", source.columns[name]
    if spec.lookup:
        alias = f"lookup_{len(joins)}"
        key = cleaned(as_text(expression, kind))
        relation, kind = _lookup(context, spec, alias)
        joins.append(f"left join {relation} as {alias} on {alias}.key = {key}")
        missing = context.connection.execute(
            f"select count(*) from {source.relation} as source anti join {relation} as {alias} on {alias}.key = {key} "
            f"where {key} is not null"
        ).fetchone()
        if missing and missing[0]:
            # An empty value is not an error of the row, but a customer_id that is lost makes a guest of a customer.
            context.notes.append(
                f"{table.name}.{column.name}: {spec.lookup.file} does not hold the {name} of "
                f"{counted(missing[0], 'row')}; the column stays empty there"
            )
        expression = f"{alias}.value"
    if spec.values:
        text = cleaned(as_text(expression, kind))
        cases = " ".join(
            f"when {quote(str(old).lower())} then {quote(new) if new is not None else 'null'}"
            for old, new in spec.values.items()
        )
        expression, kind = f"case lower({text}) {cases} else {text} end", "VARCHAR"
    if spec.default is not None:
        expression = f"coalesce({cleaned(as_text(expression, kind))}, {quote(spec.default)})"
        kind = "VARCHAR"
    return expression, kind


def missing_column(source: Source, landing_column: str, spec: ColumnSource) -> UsageError:
    """What to say about a file that lacks a column."""
    wanted = " or ".join(spec.source)
    hint = did_you_mean(spec.source[0], source.columns)
    return UsageError(f"{source.name} has no column {wanted} (for {landing_column}){hint}")


def _lookup(context: Context, spec: ColumnSource, alias: str) -> tuple[str, str]:
    """A temp table (key, value) with one row per key."""
    lookup = spec.lookup
    if lookup is None:
        raise AssertionError("called for columns with a lookup")
    found = lookup_files(context.folder, lookup.file)
    if len(found) != 1:
        matches = ", ".join(path.name for path in found) or "none"
        raise UsageError(f"{context.folder}: lookup file {lookup.file} must match exactly one file; found {matches}")
    other = readers.open_source(context.connection, found[0], f"load_{alias}", readers.Reading())
    names: dict[str, str] = {}
    for wanted in (lookup.key, lookup.value):
        name = find_column(other, [wanted])
        if name is None:
            raise UsageError(f"{other.name} has no column {wanted}{did_you_mean(wanted, other.columns)}")
        names[wanted] = name
    key = cleaned(as_text(identifier(names[lookup.key]), other.columns[names[lookup.key]]))
    raw, kind = identifier(names[lookup.value]), other.columns[names[lookup.value]]
    relation = f"load_{alias}_values"
    if lookup.combine == "sum":
        cast = cast_column(raw, kind, "amount", context.dialect, "value")
        context.connection.execute(
            f"create or replace temp view load_{alias}_typed as select _line, {key} as key, {cast.value} as value, "
            f"{cast.reason} as why from (select *, {cast.text} as _text_value, {cast.parsed} as _parsed_value "
            f"from {other.relation})"
        )
        bad = context.connection.execute(f"select min(_line) from load_{alias}_typed where why is not null").fetchone()
        if bad and bad[0] is not None:
            raise UsageError(f"{other.name} line {bad[0]}: {names[lookup.value]} is not a number; it cannot be summed")
        context.connection.execute(
            f"create or replace temp table {relation} as select key, cast(sum(value) as decimal(38, 4)) as value "
            f"from load_{alias}_typed where key is not null group by key"
        )
        return relation, "DECIMAL(38,4)"
    context.connection.execute(
        f"create or replace temp table {relation} as select {key} as key, "
        f"{'max' if lookup.combine == 'max' else 'min'}({raw}) as value, "
        f"count(distinct {raw}) as variants from {other.relation} where {key} is not null group by 1"
    )
    if lookup.combine == "only":
        several = context.connection.execute(f"select count(*) from {relation} where variants > 1").fetchone()
        if several and several[0]:
            raise UsageError(
                f"{other.name}: {counted(several[0], 'value')} of {lookup.key} with more than one {lookup.value}; "
                "say `combine: sum`, `min` or `max`"
            )
    return relation, kind


def lookup_files(folder: Path, pattern: str) -> list[Path]:
    """Files that a lookup means."""
    return sorted(folder.glob(pattern))


def keep_good(context: Context, table: Table, typed: str, target: str) -> Output:
    """The good rows of a typed table as output."""
    names = ", ".join(identifier(name) for name in table.column_names)
    context.connection.execute(
        f"create or replace temp view {target} as select _line, {names} from {typed} where _fault is null"
    )
    return Output(table, target)


LINE_AMOUNT_RULE = (
    f"abs(cast(quantity as decimal(38, 4)) * unit_price) > {LIMIT}",
    "number_out_of_range",
    "quantity times unit_price",
)
