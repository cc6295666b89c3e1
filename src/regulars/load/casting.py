"""SQL that turns a column as read into a landing type, or into the reason why it cannot.

Nothing is guessed: a value that could mean two things (1,234) is refused with the option that decides.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from regulars.load.landing import SQL_TYPES, Column, ColumnType, Table

LIMIT = 1_000_000_000_000
RATE_LIMIT = 1_000_000_000
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
_ZONE = "(Z|z| ?UTC| ?[+-][0-9]{2}(:?[0-9]{2})?)"
_BLANKS = r"[\s\v\x{85}\p{Z}]+"
_BOOLEANS = {True: ("true", "t", "yes", "y", "1"), False: ("false", "f", "no", "n", "0")}


@dataclass(frozen=True)
class Dialect:
    """How the values of a file are written."""

    time_zone: str = "UTC"
    date_format: str | None = None
    decimal: str = "."
    thousands: str | None = None


@dataclass(frozen=True)
class Cast:
    """How a column is typed, in two steps so that the costly one is written, and run, once.

    ``parsed`` is computed from the column as read; ``value`` and ``reason`` (code, null: good) from ``parsed`` and
    ``text``, which the caller binds to the names given to :func:`cast_column`.
    """

    text: str
    parsed: str
    value: str
    reason: str


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@cache
def currencies() -> tuple[str, ...]:
    """Active ISO 4217 codes."""
    text = resources.files("regulars.load").joinpath("reference/currencies.yml").read_text("utf-8")
    codes: list[str] = yaml.safe_load(text)["currencies"]
    return tuple(codes)


def cleaned(expression: str) -> str:
    """Text without surrounding blanks, tabs and line ends among them; nothing left is null."""
    # DuckDB's trim leaves tabs and line ends, and takes as long.
    return f"nullif(regexp_replace({expression}, '^{_BLANKS}|{_BLANKS}$', '', 'g'), '')"


def as_text(expression: str, source_type: str) -> str:
    """Any column as text."""
    return expression if source_type == "VARCHAR" else f"cast({expression} as varchar)"


def cast_column(expression: str, source_type: str, target: ColumnType, dialect: Dialect, name: str) -> Cast:
    """How one column becomes a landing type.

    Parameters
    ----------
    expression:
        SQL of the column as read.
    source_type:
        Its DuckDB type; everything but text keeps its type, so Parquet is not parsed again.
    target:
        What it should become.
    dialect:
        How text values are written.
    name:
        The caller binds ``text`` to ``"_text_<name>"`` and ``parsed`` to ``"_parsed_<name>"``.
    """
    bound = _Bound(identifier(f"_text_{name}"), identifier(f"_parsed_{name}"))
    if target == "text":
        text = cleaned(as_text(expression, source_type))
        return Cast("null", text, bound.parsed, _NO_REASON)
    if target in ("integer", "quantity", "amount", "rate"):
        return _number(expression, source_type, target, dialect, bound)
    if target in ("timestamp", "date"):
        return _instant(expression, source_type, target, dialect, bound)
    if target == "boolean":
        return _boolean(expression, source_type, bound)
    text = cleaned(as_text(expression, source_type))
    parsed = f"case when json_valid({text}) then {text} end"
    return _parsed_or(text, parsed, bound, "unparsable_json")


_NO_REASON = "cast(null as varchar)"


@dataclass(frozen=True)
class _Bound:
    text: str
    parsed: str


def _parsed_or(text: str, parsed: str, bound: _Bound, reason: str) -> Cast:
    """A text that is there but could not be parsed has the one reason."""
    missing = f"case when {bound.text} is not null and {bound.parsed} is null then {quote(reason)} end"
    return Cast(text, parsed, bound.parsed, missing)


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")


def _number(expression: str, source_type: str, target: ColumnType, dialect: Dialect, bound: _Bound) -> Cast:
    # 18 digits with 4 decimals hold a hundred times the limit, and are cast thirty times faster than 38 digits.
    final = SQL_TYPES[target]
    limit = RATE_LIMIT if target == "rate" else LIMIT
    in_range = f"{bound.parsed} between -{limit} and {limit}"
    value = f"case when {in_range} then cast({bound.parsed} as {final}) end"
    if source_type in _INTEGERS:
        out_of_range = f"case when not ({in_range}) then 'number_out_of_range' end"
        return Cast("null", expression, value, out_of_range)
    if source_type in ("FLOAT", "DOUBLE"):
        # Through text: 0.1 as a 32-bit float is 0.1 to whoever wrote it, not 0.10000000149.
        number = f"cast(cast({expression} as varchar) as double)" if source_type == "FLOAT" else expression
        whole = f" and {bound.parsed} = round({bound.parsed})" if target == "integer" else ""
        return Cast(
            "null",
            number,
            f"case when {in_range}{whole} then cast({bound.parsed} as {final}) end",
            f"case when {bound.parsed} is null or ({in_range}{whole}) then null "
            f"when not isfinite({bound.parsed}) then 'number_not_finite' "
            f"when not ({in_range}) then 'number_out_of_range' else 'unparsable_number' end",
        )
    text = cleaned(as_text(expression, source_type))
    number = _plain_number(text, dialect) if source_type == "VARCHAR" else text
    pattern = (
        r"[+-]?[0-9]+([.]0*)?" if target == "integer" else r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
    )
    parsed = f"case when regexp_full_match({number}, {quote(pattern)}) then try_cast({number} as {final}) end"
    plain = _plain_number(bound.text, dialect) if source_type == "VARCHAR" else bound.text
    double = f"try_cast({plain} as double)"
    return Cast(
        text,
        parsed,
        value,
        f"case when {bound.text} is null or {in_range} then null "
        f"when lower({bound.text}) in ('nan', 'inf', '-inf', '+inf', 'infinity', '-infinity', '+infinity') "
        f"then 'number_not_finite' "
        f"when {bound.parsed} is not null or (regexp_full_match({plain}, {quote(pattern)}) "
        f"and ({double} is null or not isfinite({double}) or abs({double}) > {limit})) "
        f"then 'number_out_of_range' else 'unparsable_number' end",
    )


def _plain_number(text: str, dialect: Dialect) -> str:
    """The number with a decimal point and no separators; null or unreadable where the marks do not fit the dialect.

    Both marks in the right order (1,234.50) can only mean one thing and are read. A lone mark that is not the decimal
    mark (1,234) is read as a thousands separator only if it was declared.
    """
    decimal = dialect.decimal
    group = dialect.thousands or ("," if decimal == "." else ".")
    tail = f"[{decimal}][0-9]+"
    if dialect.thousands:
        tail = f"({tail})?"
    grouped = f"[+-]?[0-9]{{1,3}}([{group}][0-9]{{3}})+{tail}"
    single, degrouped = text, f"replace({text}, {quote(group)}, '')"
    if decimal == ",":
        # A point would slip through as a decimal mark; with a decimal comma it is a thousands mark at best.
        single = f"case when contains({text}, '.') then null else replace({text}, ',', '.') end"
        degrouped = f"replace({degrouped}, ',', '.')"
    return (
        f"case when contains({text}, {quote(group)}) and regexp_full_match({text}, {quote(grouped)}) "
        f"then {degrouped} else {single} end"
    )


def _instant(expression: str, source_type: str, target: ColumnType, dialect: Dialect, bound: _Bound) -> Cast:
    zone = quote(dialect.time_zone)
    if source_type.startswith("TIMESTAMP") or source_type == "DATE":
        if source_type == "TIMESTAMP WITH TIME ZONE":
            parsed = expression if target == "timestamp" else f"cast(timezone({zone}, {expression}) as date)"
        elif target == "timestamp":
            parsed = f"try(timezone({zone}, cast({expression} as timestamp)))"
        else:
            parsed = f"cast({expression} as date)"
        usable = f"case when isfinite({expression}) then {parsed} end"
        return _parsed_or(f"case when {expression} is not null then '' end", usable, bound, "unparsable_timestamp")
    text = cleaned(as_text(expression, source_type))
    if dialect.date_format is not None:
        written = f"try_strptime({text}, {quote(dialect.date_format)})"
        has_zone = "%z" in dialect.date_format or "%Z" in dialect.date_format
        if target == "date":
            parsed = f"try(cast({written} as date))"
        elif has_zone:
            parsed = f"try(cast({written} as timestamp with time zone))"
        else:
            parsed = f"try(timezone({zone}, {written}))"
    elif target == "date":
        pattern = quote(f"{_DATE}({_TIME}{_ZONE}?)?")
        parsed = f"case when regexp_full_match({text}, {pattern}) then try_cast(substr({text}, 1, 10) as date) end"
    else:
        # DuckDB wants seconds and +05:00; exports write 10:30Z, +0500, +05 or UTC, and some a blank before it.
        offset = rf"regexp_replace({text}, '^(.{{13}}:[0-9][0-9])([^:0-9])', '\1:00\2')"
        offset = rf"regexp_replace({offset}, ' ?(UTC|[Zz])$', '+00:00')"
        offset = rf"regexp_replace({offset}, ' ?([+-][0-9][0-9]):?([0-9][0-9])?$', '\1:\2')"
        offset = rf"replace(regexp_replace({offset}, ':$', ':00'), ',', '.')"
        parsed = (
            f"case when regexp_full_match({text}, {quote(_DATE + '(' + _TIME + ')?')}) "
            f"then try(timezone({zone}, try_cast(replace({text}, ',', '.') as timestamp))) "
            f"when regexp_full_match({text}, {quote(_DATE + _TIME + _ZONE)}) "
            f"then try_cast({offset} as timestamp with time zone) end"
        )
    return _parsed_or(text, parsed, bound, "unparsable_timestamp")


def _boolean(expression: str, source_type: str, bound: _Bound) -> Cast:
    if source_type == "BOOLEAN":
        return Cast("null", expression, bound.parsed, _NO_REASON)
    text = f"lower({cleaned(as_text(expression, source_type))})"
    lists = {value: ", ".join(quote(word) for word in words) for value, words in _BOOLEANS.items()}
    parsed = f"case when {text} in ({lists[True]}) then true when {text} in ({lists[False]}) then false end"
    return _parsed_or(text, parsed, bound, "unparsable_boolean")


def column_rules(table: Table, column: Column, now: str) -> list[tuple[str, str]]:
    """Conditions on the typed column that reject the row, each with its reason code, in order."""
    name = identifier(column.name)
    rules: list[tuple[str, str]] = []
    if column.required:
        rules.append((f"{name} is null", "null_key" if column.name in table.key else "missing_value"))
    if column.allowed:
        rules.append((f"{name} not in ({', '.join(quote(value) for value in column.allowed)})", column.unknown_reason))
    if column.is_currency:
        rules.append((f"{name} not in ({', '.join(quote(code) for code in currencies())})", "unknown_currency"))
    if column.is_past:
        rules.append((f"{name} > {now} + interval 1 day", "timestamp_in_future"))
    if column.minimum is not None:
        rules.append((f"{name} < {column.minimum}", "negative_value"))
    return rules


def normalised(column: Column, value: str) -> str:
    """Codes in the one spelling the tables use."""
    if column.allowed:
        return f"lower({value})"
    if column.is_currency or column.name in ("country", "ship_to_country"):
        return f"upper({value})"
    return value
