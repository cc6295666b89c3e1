"""Looks at files without loading them: are they there, can they be read, does the header fit."""

import duckdb

from regulars.load import generic, readers
from regulars.load.mapping import ColumnSource, Mapping
from regulars.load.readers import Source
from regulars.load.run import Options, Request, check_dialect
from regulars.load.staging import find_column, missing_column


def refuse_unfit(requests: list[Request], options: Options) -> None:
    """Refuse what `load` would refuse before it stores a row, with the same words.

    Raises
    ------
    UsageError: a file is missing, empty, of another format than its name says, or lacks a column.
    """
    with duckdb.connect() as connection:
        check_dialect(connection, options.dialect)
        for request in requests:
            columns = readers.read_columns(connection, request.path, options.reading_for_mapping())
            source = Source(str(request.path), relation="", columns=columns, row_count=0)
            _check_columns(source, request, options.mapping)


def _check_columns(source: Source, request: Request, mapping: Mapping) -> None:
    if mapping.layout in ("generic", "tables"):
        for entry in generic.entries_for(source, mapping, request.table, request.path):
            _find_all(source, entry.table, entry.columns)
    else:
        _find_all(source, mapping.name, mapping.fields)


def _find_all(source: Source, table: str, columns: dict[str, ColumnSource]) -> None:
    for name, spec in columns.items():
        if spec.value is None and not spec.optional and find_column(source, spec.source) is None:
            raise missing_column(source, f"{table}.{name}", spec)
