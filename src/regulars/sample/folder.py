"""The folder a shop is written to: complete or not there at all."""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from regulars.errors import UsageError
from regulars.sample.columns import as_printed, schema_of
from regulars.sample.settings import TABLE_NAMES

TRUTH_FOLDER = "truth"
TRUTH_TABLE_FILE = "truth.parquet"
TRUTH_SHOP_FILE = "truth_shop.json"
PARTIAL_SUFFIX = ".partial"
_OWN_NAMES = {f"{name}.{ending}" for name in TABLE_NAMES for ending in ("csv", "parquet")} | {TRUTH_FOLDER}
_OWN_TRUTH_NAMES = {TRUTH_TABLE_FILE, TRUTH_SHOP_FILE}


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that holds something, before hours of work go into a shop that cannot be put there.

    Raises
    ------
    UsageError: the target is a file, holds files and ``overwrite`` is off, or holds files that no shop has.
    """
    if target.is_symlink() and not target.exists():
        raise UsageError(f"--out {target} is a link to nothing; remove it or choose another folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"--out {target} is a file; expected a folder that is empty or not there yet")
    names = {path.name for path in target.iterdir()}
    if not names:
        return
    if not overwrite:
        raise UsageError(f"--out {target} is not empty; choose another folder or replace its shop with --overwrite")
    strange = sorted(names - _OWN_NAMES)
    truth = target / TRUTH_FOLDER
    if truth.is_dir():
        strange += sorted(
            f"{TRUTH_FOLDER}/{path.name}" for path in truth.iterdir() if path.name not in _OWN_TRUTH_NAMES
        )
    if strange:
        shown = ", ".join(strange[:3]) + (" …" if len(strange) > 3 else "")
        raise UsageError(
            f"--out {target} holds files that are no part of a sample shop ({shown}); "
            "--overwrite replaces sample shops only, so choose another folder"
        )


@contextmanager
def shop_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder beside the target to write into, which becomes the target when everything went well.

    A rename is the only step that shows: a run that is killed leaves at most a hidden ``.<name>.<id>.partial``.
    """
    check_target(target, overwrite=overwrite)
    final = target.resolve()
    partial = final.parent / f".{final.name}.{uuid.uuid4().hex[:12]}{PARTIAL_SUFFIX}"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"--out {target} cannot be written: {error.strerror or error}") from error
    try:
        yield partial
        check_target(target, overwrite=overwrite)
        _put_in_place(partial, final)
    except OSError as error:
        raise UsageError(f"--out {target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_in_place(partial: Path, final: Path) -> None:
    if not final.exists() or not any(final.iterdir()):
        partial.replace(final)
        return
    aside = partial.with_suffix(".replaced")
    final.replace(aside)
    try:
        partial.replace(final)
    except OSError:
        aside.replace(final)
        raise
    shutil.rmtree(aside)


class TableFile:
    """One file of a shop, written batch by batch."""

    def __init__(self, folder: Path, table_name: str, file_format: str) -> None:
        self.row_count = 0
        self._table_name = table_name
        self._csv: BinaryIO | None = None
        self._parquet: pq.ParquetWriter | None = None
        path = folder / f"{table_name}.{file_format}"
        schema = schema_of(table_name)
        if file_format == "csv":
            self._csv = path.open("wb")
            self._csv.write(",".join(schema.names).encode() + b"\n")
        else:
            self._parquet = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)

    def write(self, table: pa.Table) -> None:
        """Add rows; a table of texts in place of typed columns goes into CSV files only."""
        if table.num_rows == 0:
            return
        self.row_count += table.num_rows
        if self._csv is not None:
            is_typed = table.schema.equals(schema_of(self._table_name))
            printed = as_printed(self._table_name, table) if is_typed else table
            pacsv.write_csv(printed, self._csv, pacsv.WriteOptions(include_header=False, quoting_style="needed"))
        elif self._parquet is not None:
            self._parquet.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        if self._csv is not None:
            self._csv.close()
        if self._parquet is not None:
            self._parquet.close()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file that a person can read."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
