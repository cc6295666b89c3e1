"""Reads CSV and TSV exactly: every record is either a row of text fields or a broken row with its reason.

DuckDB's own CSV reader repairs what it does not understand and does not tell the line of a good row, so the records
are cut by Python's strict parser and handed on as Arrow batches; everything after that is SQL.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import pyarrow as pa

from regulars.errors import UsageError

BATCH_ROWS = 50_000
LINES_PER_RECORD = 500
"""A quoted field longer than this is a quote that was never closed; without a limit it would swallow the file."""

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Broken:
    """A physical line that is no row."""

    line: int
    reason: str
    raw: str


class _Lines:
    """Physical lines, counted, with the lines of the current record at hand so that they can be read again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = iter(stream)
        self._again: list[str] = []
        self.record: list[str] = []
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.record) >= LINES_PER_RECORD:
            raise csv.Error("a quoted field is too long")
        line = self._again.pop() if self._again else next(self._stream)
        self.number += 1
        self.record.append(line)
        if "\x00" in line:
            raise csv.Error("a NUL character")
        return line

    def read_again(self) -> None:
        """Give back every line of the record but the first."""
        rest = self.record[1:]
        self.number -= len(rest)
        self._again.extend(reversed(rest))


def guess_delimiter(header: str) -> str:
    """The delimiter that cuts the header into most fields; a comma where none does."""
    counts = [(len(next(csv.reader([header], delimiter=mark))), -rank, mark) for rank, mark in enumerate(DELIMITERS)]
    return max(counts)[2]


class DelimitedFile:
    """One CSV or TSV stream. The header is read at once; ``batches`` then yields the rows."""

    def __init__(self, stream: TextIO, name: str, delimiter: str | None) -> None:
        first = ""
        while not first.strip():
            first = stream.readline()
            if not first:
                raise UsageError(f"{name} is empty; expected a header with the column names and one row a line")
        if "\x00" in first:
            raise UsageError(
                f"{name} holds NUL characters; if it is UTF-16 without a byte order mark say --encoding utf-16-le"
            )
        if any("\udc80" <= character <= "\udcff" for character in first):
            raise UsageError(f"{name}: the header is not UTF-8; say the encoding, for example --encoding latin-1")
        self.delimiter = delimiter or guess_delimiter(first)
        self._lines = _Lines(stream)
        # The header may itself hold quoted line breaks, so it goes through the same parser as the rows.
        self._lines._again.append(first)
        self._parser = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        try:
            header = next(self._parser)
        except csv.Error as error:
            raise UsageError(f"{name}: the header cannot be read ({error})") from error
        self.columns = [field.strip() for field in header]
        while self.columns and not self.columns[-1]:
            self.columns.pop()
        if not all(self.columns):
            raise UsageError(f"{name}: column {self.columns.index('') + 1} of the header has no name")
        repeated = sorted({column for column in self.columns if self.columns.count(column) > 1})
        if repeated:
            raise UsageError(f"{name}: the header names {', '.join(repeated)} more than once; keep one")
        self._width = len(header)

    @property
    def schema(self) -> pa.Schema:
        """Line, reason and raw text of a broken line, then the file's columns as text."""
        fixed = [("_line", pa.int64()), ("_reason", pa.string()), ("_raw", pa.string())]
        return pa.schema(fixed + [(f"c{index}", pa.string()) for index in range(len(self.columns))])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows in batches; a broken line comes with its reason and no fields."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        broken: list[Broken] = []
        for line, row in self._records(broken):
            rows.append(row)
            numbers.append(line)
            if len(rows) >= BATCH_ROWS or len(broken) >= BATCH_ROWS:
                yield from self._flush(rows, numbers, broken)
        yield from self._flush(rows, numbers, broken)

    def _records(self, broken: list[Broken]) -> Iterator[tuple[int, list[str]]]:
        lines, parser, width = self._lines, self._parser, self._width
        while True:
            lines.record.clear()
            start = lines.number + 1
            try:
                row = next(parser)
            except StopIteration:
                return
            except csv.Error:
                if not lines.record:
                    continue
                reason = "invalid_character" if "\x00" in lines.record[0] else "broken_quotes"
            else:
                if not row:
                    continue
                if len(row) == width:
                    yield start, row
                    continue
                reason = "wrong_column_count"
            # One quote too many makes a record of several lines. Only its first line is refused; the others are read
            # again, so that a stray quote costs one row and never hides good ones.
            lines.read_again()
            broken.append(Broken(start, reason, lines.record[0]))

    def _flush(self, rows: list[list[str]], numbers: list[int], broken: list[Broken]) -> Iterator[pa.RecordBatch]:
        if rows:
            width = len(self.columns)
            fields = list(zip(*rows, strict=True))
            if any(any(extra) for extra in fields[width:]):
                keep = [index for index, row in enumerate(rows) if not any(row[width:])]
                kept = set(keep)
                broken.extend(
                    Broken(numbers[index], "wrong_column_count", self.delimiter.join(row))
                    for index, row in enumerate(rows)
                    if index not in kept
                )
                rows[:] = [rows[index] for index in keep]
                numbers[:] = [numbers[index] for index in keep]
                fields = list(zip(*rows, strict=True)) or [()] * len(fields)
            try:
                arrays = [pa.array(field, pa.string()) for field in fields[:width]]
            except UnicodeEncodeError:
                clean = [index for index, row in enumerate(rows) if all(map(_is_text, row))]
                kept = set(clean)
                broken.extend(
                    Broken(numbers[index], "invalid_utf8", self.delimiter.join(row))
                    for index, row in enumerate(rows)
                    if index not in kept
                )
                rows[:] = [rows[index] for index in clean]
                numbers[:] = [numbers[index] for index in clean]
                arrays = [pa.array([row[column] for row in rows], pa.string()) for column in range(width)]
            empty = pa.nulls(len(rows), pa.string())
            yield pa.record_batch([pa.array(numbers, pa.int64()), empty, empty, *arrays], schema=self.schema)
        if broken:
            nothing = pa.nulls(len(broken), pa.string())
            yield pa.record_batch(
                [
                    pa.array([item.line for item in broken], pa.int64()),
                    pa.array([item.reason for item in broken], pa.string()),
                    pa.array([printable(item.raw) for item in broken], pa.string()),
                    *[nothing] * len(self.columns),
                ],
                schema=self.schema,
            )
        rows.clear()
        numbers.clear()
        broken.clear()


def _is_text(field: str) -> bool:
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(raw: str) -> str:
    r"""Raw text fit for storage: bytes that are no text become ``\xNN``."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
