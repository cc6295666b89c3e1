"""The layouts `generic` (columns already have the landing names) and `tables` (a mapping says what is what)."""

import difflib
from pathlib import Path

from regulars.errors import UsageError
from regulars.load.landing import TABLES_BY_NAME, Table
from regulars.load.mapping import ColumnSource, Mapping, TableMapping, did_you_mean
from regulars.load.readers import Source
from regulars.load.staging import LINE_AMOUNT_RULE, Context, Prepared, canonical, cast_rows, keep_good
from regulars.load.wording import ended

CLOSE = 0.84
"""Similarity from which an unknown column is taken for a misspelling, not for an extra."""


def table_named(path: Path) -> str | None:
    """Landing table told by a file's name: orders.csv, order_lines-2024.parquet, web_events (3).csv.gz."""
    stem = canonical(path.name.split(".")[0])
    for name in sorted(TABLES_BY_NAME, key=len, reverse=True):
        rest = stem.removeprefix(name)
        if stem.startswith(name) and (not rest or rest[0] in "_("):
            # 'orders_2024' is orders, but 'orders_lines' is order_lines misspelled.
            misspelled = difflib.get_close_matches(stem, TABLES_BY_NAME, n=1, cutoff=0.9)
            return name if not misspelled or misspelled[0] == name else None
    return None


def unknown_table(path: Path) -> UsageError:
    """What to say about a file whose name is no landing table."""
    stem = canonical(path.name.split(".")[0])
    return UsageError(
        f"{ended(f'{path}: the name says no landing table{did_you_mean(stem, TABLES_BY_NAME)}')} "
        f"Rename it, or say it: --table orders={path}; for another shop system see --preset and --mapping"
    )


def own_columns(source: Source, table: Table) -> TableMapping:
    """The mapping of a file that has the landing names already.

    Raises
    ------
    UsageError: a required column is missing, or a column looks like a misspelled one.
    """
    present = {canonical(name): name for name in source.columns}
    found = {name: ColumnSource.model_validate({"from": name}) for name in table.column_names if name in present}
    absent = [name for name in table.column_names if name not in present]
    extra = [name for name in present if name not in table.column_names and name != "_loaded_at"]
    for name in extra:
        close = difflib.get_close_matches(name, absent, n=1, cutoff=CLOSE)
        if close:
            raise UsageError(
                f"{source.name}: {table.name} has no column {present[name]}; did you mean {close[0]}? "
                "Rename it, or say what it is with --mapping"
            )
    missing = [name for name in absent if table.column(name).required]
    if missing:
        close = difflib.get_close_matches(missing[0], extra, n=2, cutoff=0.5)
        hint = f"; is it {' or '.join(present[name] for name in close)}?" if close else ""
        needs = f"{source.name}: {table.name} needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        raise UsageError(
            f"{ended(needs + hint)} The file has {', '.join(source.columns)}. "
            "Say which is which with --mapping, or name the shop system with --preset"
        )
    return TableMapping(table=table.name, match="*", columns=found)


def prepare(context: Context, entries: list[TableMapping]) -> Prepared:
    """Each landing table out of the rows of one file."""
    outputs = []
    unused: set[str] | None = None
    for entry in entries:
        table = TABLES_BY_NAME[entry.table]
        rules = [LINE_AMOUNT_RULE] if table.name == "order_lines" else []
        typed = f"load_typed_{table.name}"
        ignored = set(cast_rows(context, table, entry.columns, typed, rules))
        unused = ignored if unused is None else unused & ignored
        outputs.append(keep_good(context, table, typed, f"load_out_{table.name}"))
    order = list(TABLES_BY_NAME)
    outputs.sort(key=lambda output: order.index(output.table.name))
    lookups = {name for entry in entries for spec in entry.columns.values() if spec.lookup for name in spec.source}
    ignored_columns = [name for name in context.source.columns if name in (unused or set()) and name not in lookups]
    return Prepared(outputs, [name for name in ignored_columns if name != "_loaded_at"])


def entries_for(source: Source, mapping: Mapping, table: str | None, path: Path) -> list[TableMapping]:
    """Which landing tables the file holds, and how.

    Raises
    ------
    UsageError: nothing says what the file holds.
    """
    if mapping.layout == "generic":
        name = table or table_named(path)
        if name is None:
            raise unknown_table(path)
        return [own_columns(source, TABLES_BY_NAME[name])]
    entries = mapping.tables_for(path.name)
    if table:
        entries = [entry for entry in mapping.tables if entry.table == table]
    if not entries:
        patterns = ", ".join(entry.match for entry in mapping.tables)
        raise UsageError(f"{path}: no entry of the mapping matches its name (there is {patterns})")
    return entries
