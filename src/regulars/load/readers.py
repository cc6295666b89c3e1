"""Opens a shop's files and makes each a DuckDB relation of rows as read, with line numbers and nothing repaired."""

import codecs
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import python_calamine

from regulars.errors import UsageError
from regulars.load.casting import identifier, quote
from regulars.load.delimited import BATCH_ROWS, DelimitedFile, printable

FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
READ_BYTES = 1 << 20
Progress = Callable[[int], None]
"""Called with the bytes read so far."""
Position = Callable[[], int]
_Bytes: TypeAlias = "gzip.GzipFile | io.BufferedReader[Any]"
Watch = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def _nobody(_: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Reading:
    """Options on how a file is read."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Source:
    """The rows of a file: ``relation`` has ``_line`` and the columns; ``broken`` (line, reason, raw) what is no row."""

    name: str
    relation: str
    columns: dict[str, str]
    """Column names as in the file, with their DuckDB types."""
    row_count: int
    """Rows and broken lines together."""
    broken: str | None = None


def file_format(path: Path) -> tuple[str, str | None]:
    """Format and compression told by the file's name.

    Raises
    ------
    UsageError: an ending that is not known.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    ending = (suffixes[:-1] if compression else suffixes)[-1:]
    kind = FORMATS.get(ending[0]) if ending else None
    if kind is None or (compression and kind in ("parquet", "excel")):
        if ending == [".json"]:
            raise UsageError(f"{path}: a JSON document cannot be streamed; write one object a line and name it .jsonl")
        known = ", ".join(FORMATS)
        raise UsageError(f"{path}: the ending says no format the loader reads ({known}; text also with .gz or .zst)")
    return kind, compression


def digest(path: Path) -> str:
    """SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_source(
    connection: duckdb.DuckDBPyConnection, path: Path, stage: str, reading: Reading, progress: Progress | None = None
) -> Source:
    """Make the file a relation.

    Parameters
    ----------
    connection:
        Where temporary tables named ``stage…`` are made.
    path:
        The file; it is only read.
    stage:
        Prefix of the temporary names, so that several sources can be open.
    reading:
        Encoding, delimiter and sheet where they are not told by the file.
    progress:
        Called with the bytes read so far.

    Raises
    ------
    UsageError: missing, empty, cut off, or of another format than its name says.
    """
    kind, compression = _checked(path)
    if kind == "parquet":
        return _parquet(connection, path, stage)
    if kind == "excel":
        return _excel(connection, path, stage, reading)
    with _text_of(path, compression, reading) as (text, position):
        watch: Watch = partial(_watched, position=position, progress=progress or _nobody)
        if kind == "json lines":
            return _json_lines(connection, text, path, stage, watch)
        return _delimited(connection, _delimited_file(text, path, kind, reading), path, stage, watch)


def read_columns(connection: duckdb.DuckDBPyConnection, path: Path, reading: Reading) -> dict[str, str]:
    """Column names with their DuckDB types; of delimited text only the header is read.

    Raises
    ------
    UsageError: as for :func:`open_source`, as far as the header tells.
    """
    kind, compression = _checked(path)
    if kind not in ("csv", "tsv"):
        return open_source(connection, path, "load_look", reading).columns
    with _text_of(path, compression, reading) as (text, _):
        return dict.fromkeys(_delimited_file(text, path, kind, reading).columns, "VARCHAR")


def _checked(path: Path) -> tuple[str, str | None]:
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    kind, compression = file_format(path)
    if path.stat().st_size == 0:
        raise UsageError(f"{path} is empty (0 bytes); was the export interrupted?")
    return kind, compression


def _delimited_file(text: io.TextIOWrapper, path: Path, kind: str, reading: Reading) -> DelimitedFile:
    return DelimitedFile(text, str(path), reading.delimiter or ("\t" if kind == "tsv" else None))


@contextmanager
def _text_of(path: Path, compression: str | None, reading: Reading) -> Iterator[tuple[io.TextIOWrapper, Position]]:
    """The file's text and how far the file was read; whatever keeps it from being read becomes a sentence."""
    try:
        with _opened(path, compression) as (stream, _):
            start = stream.read(4)
        with _opened(path, compression) as (stream, position):
            yield _decoded(stream, start, reading.encoding), position
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError, pa.ArrowInvalid) as error:
        _refuse_if_cut(path, compression, error)
        raise
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: a byte at offset {error.start} of a block is not {error.encoding} ({error.reason}); "
            "say the right --encoding, or fetch the file again if it is cut off"
        ) from error


def _refuse_if_cut(path: Path, compression: str | None, error: Exception) -> None:
    if isinstance(error, FileNotFoundError | PermissionError):
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if compression:
        raise UsageError(
            f"{path} is not a whole {compression} file ({error}); it ends early or is damaged: fetch it again"
        ) from error


@contextmanager
def _opened(path: Path, compression: str | None) -> "Iterator[tuple[_Bytes, Position]]":
    """The file's bytes, decompressed, and how far the file itself was read."""
    with path.open("rb", buffering=0) as raw:
        buffered = io.BufferedReader(raw, READ_BYTES)
        if compression == "gzip":
            yield gzip.GzipFile(fileobj=buffered, mode="rb"), raw.tell
        elif compression == "zstd":
            decoding: Any = pa.CompressedInputStream(pa.PythonFile(buffered, mode="r"), "zstd")
            yield io.BufferedReader(decoding, READ_BYTES), raw.tell
        else:
            yield buffered, raw.tell


def _watched(batches: Iterator[pa.RecordBatch], position: Position, progress: Progress) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        progress(position())
        yield batch


def _decoded(stream: _Bytes, start: bytes, encoding: str | None) -> io.TextIOWrapper:
    """Text of the stream. Without a declared encoding only UTF-8 and files with a byte order mark are read."""
    if encoding is None:
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise UsageError(f"--encoding {encoding} is not known; for example utf-8, utf-16, latin-1, cp1252") from error
    # surrogateescape keeps a wrong byte as a mark, so that only its row is refused.
    if name.startswith("utf-8"):
        return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    return io.TextIOWrapper(stream, encoding=name, errors="strict", newline="")


def _insert_batches(
    connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> None:
    failure: list[Exception] = []

    def guarded() -> Iterator[pa.RecordBatch]:
        # An exception that crosses Arrow and DuckDB loses its type; it is kept here and raised again.
        try:
            yield from batches
        except Exception as error:
            failure.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, guarded())
    connection.register("regulars_batches", reader)
    try:
        connection.execute(f"create or replace temp table {table} as select * from regulars_batches")
    except duckdb.Error:
        if failure:
            raise failure[0] from None
        raise
    finally:
        connection.unregister("regulars_batches")


def _delimited(
    connection: duckdb.DuckDBPyConnection, file: DelimitedFile, path: Path, stage: str, watch: Watch
) -> Source:
    table = f"{stage}_read"
    _insert_batches(connection, table, file.schema, watch(file.batches()))
    names = ", ".join(f"c{index} as {identifier(name)}" for index, name in enumerate(file.columns))
    connection.execute(
        f"create or replace temp view {stage} as select _line, {names} from {table} where _reason is null"
    )
    connection.execute(
        f"create or replace temp view {stage}_broken as "
        f"select _line, _reason, _raw from {table} where _reason is not null"
    )
    return Source(
        name=str(path),
        relation=stage,
        columns=dict.fromkeys(file.columns, "VARCHAR"),
        row_count=_count(connection, table),
        broken=f"{stage}_broken",
    )


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, stage: str) -> Source:
    reader = f"read_parquet({quote(str(path))}, file_row_number = true, hive_partitioning = false)"
    try:
        described = connection.execute(f"describe select * from {reader}").fetchall()
        count = _count(connection, f"read_parquet({quote(str(path))})")
    except duckdb.Error as error:
        raise UsageError(f"{path} is no whole Parquet file; it ends early or is of another format") from error
    columns = {str(name): str(kind) for name, kind, *_ in described if name != "file_row_number"}
    names = ", ".join(identifier(name) for name in columns)
    # Parquet has no lines: the number of the row, the first being 1.
    connection.execute(
        f"create or replace temp view {stage} as select file_row_number + 1 as _line, {names} from {reader}"
    )
    return Source(name=str(path), relation=stage, columns=columns, row_count=count)


def _json_lines(
    connection: duckdb.DuckDBPyConnection, text: io.TextIOWrapper, path: Path, stage: str, watch: Watch
) -> Source:
    schema = pa.schema([("_line", pa.int64()), ("_reason", pa.string()), ("_raw", pa.string())])

    def batches() -> Iterator[pa.RecordBatch]:
        rows: list[tuple[int, str | None, str]] = []
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            rows.append((number, _json_fault(line), line))
            if len(rows) >= BATCH_ROWS:
                yield _json_batch(rows, schema)
                rows.clear()
        if rows:
            yield _json_batch(rows, schema)

    table = f"{stage}_read"
    _insert_batches(connection, table, schema, watch(batches()))
    # The engine's parser has the last word: it refuses what Python lets pass, such as half a surrogate pair.
    connection.execute(f"update {table} set _reason = 'invalid_json' where _reason is null and not json_valid(_raw)")
    found = connection.execute(
        f"select distinct unnest(json_keys(_raw)) as key from {table} where _reason is null order by key"
    ).fetchall()
    keys = [str(row[0]) for row in found]
    if not keys:
        raise UsageError(f"{path} holds no JSON object; expected one object a line")
    names = ", ".join(f"json_extract_string(_raw, {quote(_pointer(key))}) as {identifier(key)}" for key in keys)
    connection.execute(
        f"create or replace temp view {stage} as select _line, {names} from {table} where _reason is null"
    )
    connection.execute(
        f"create or replace temp view {stage}_broken as "
        f"select _line, _reason, _raw from {table} where _reason is not null"
    )
    return Source(str(path), stage, dict.fromkeys(keys, "VARCHAR"), _count(connection, table), f"{stage}_broken")


def _pointer(key: str) -> str:
    """JSON pointer to a key, whatever characters it holds."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _json_fault(line: str) -> str | None:
    if any("\udc80" <= character <= "\udcff" for character in line):
        return "invalid_utf8"
    try:
        return None if isinstance(json.loads(line, parse_constant=_no_constant), dict) else "invalid_json"
    except (ValueError, RecursionError):
        return "invalid_json"


def _no_constant(name: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def _json_batch(rows: list[tuple[int, str | None, str]], schema: pa.Schema) -> pa.RecordBatch:
    numbers, reasons, raw = zip(*rows, strict=True)
    texts = [printable(text) for text in raw]
    return pa.record_batch(
        [pa.array(numbers, pa.int64()), pa.array(reasons, pa.string()), pa.array(texts, pa.string())], schema=schema
    )


def _excel(connection: duckdb.DuckDBPyConnection, path: Path, stage: str, reading: Reading) -> Source:
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
    except Exception as error:
        raise UsageError(f"{path} cannot be read as a workbook ({error})") from error
    if reading.sheet is not None and reading.sheet not in workbook.sheet_names:
        raise UsageError(f"{path} has no sheet {reading.sheet}; it has {', '.join(workbook.sheet_names)}")
    if reading.sheet is None and len(workbook.sheet_names) > 1:
        raise UsageError(f"{path} has several sheets ({', '.join(workbook.sheet_names)}); say which with --sheet")
    sheet = workbook.get_sheet_by_name(reading.sheet or workbook.sheet_names[0])
    first_row = (sheet.start or (0, 0))[0]
    rows = sheet.to_python(skip_empty_area=True)
    if not rows:
        raise UsageError(f"{path} is empty; expected a header with the column names and one row a line")
    columns = [str(cell).strip() for cell in rows[0]]
    while columns and not columns[-1]:
        columns.pop()
    if not columns or not all(columns) or len(set(columns)) < len(columns):
        raise UsageError(f"{path}: every column of the first row needs a name of its own")
    width = len(columns)
    schema = pa.schema([("_line", pa.int64())] + [(f"c{index}", pa.string()) for index in range(width)])
    kept = [
        (first_row + 1 + offset, row) for offset, row in enumerate(rows) if offset and any(cell != "" for cell in row)
    ]
    arrays = [pa.array([number for number, _ in kept], pa.int64())]
    arrays += [pa.array([_cell_text(row[index]) for _, row in kept], pa.string()) for index in range(width)]
    batch = pa.record_batch(arrays, schema=schema)
    _insert_batches(connection, f"{stage}_read", schema, iter([batch]))
    names = ", ".join(f"c{index} as {identifier(name)}" for index, name in enumerate(columns))
    connection.execute(f"create or replace temp view {stage} as select _line, {names} from {stage}_read")
    return Source(str(path), stage, dict.fromkeys(columns, "VARCHAR"), len(kept))


def _cell_text(cell: object) -> str:
    """A cell as the text a CSV export would hold; whole numbers without a decimal point."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
