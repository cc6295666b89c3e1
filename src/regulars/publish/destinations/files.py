"""Files in a folder, one an audience, written whole and then renamed, with a manifest beside each.

The manifest (rows, hash of the file, definition of the audience) is renamed last: a file without a manifest that fits
it is not finished, and the next run writes it again. Files and folders that are made here are for nobody else to read.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from regulars.publish.destinations import Answer, Person
from regulars.publish.errors import DestinationError
from regulars.publish.ledger import quoted
from regulars.publish.settings import Files

FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Manifest:
    """What stands beside a file."""

    file: str
    rows: int
    sha256: str
    audience: str
    as_of_date: str
    definition_hash: str
    columns: tuple[str, ...]


@dataclass
class FilesDestination:
    """One folder. It takes all of an audience at once."""

    settings: Files
    base: Path

    def path(self, object_name: str) -> Path:
        """Where an audience's file is."""
        return self.base / self.settings.folder / f"{object_name}.{self.settings.format}"

    def is_whole(self, object_name: str) -> bool:
        """The file is there as its manifest says."""
        path = self.path(object_name)
        try:
            return bool(_manifest_of(path).get("sha256") == digest(path))
        except OSError:
            return False

    def write(
        self, connection: duckdb.DuckDBPyConnection, query: str, object_name: str, about: dict[str, str]
    ) -> Manifest:
        """Write the rows of a query; the manifest, which says that it is finished, comes with `finish`.

        So a crash before the ledger knows of it leaves a file that the next run writes again. What we wrote of the
        object in another format goes, as nobody keeps it up any more.

        Raises
        ------
        DestinationError: the folder cannot be written, or the disk is full; the file that was there stays.
        """
        path = self.path(object_name)
        unfinished = _unfinished(path)
        how = "format csv, header" if self.settings.format == "csv" else "format parquet, compression zstd"
        with _writing(path, unfinished):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(_private(str(unfinished), os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
            columns = tuple(column[0] for column in connection.execute(f"describe {query}").fetchall())
            (rows,) = connection.execute(
                f"copy ({query}) to {quoted(str(unfinished))} ({how}, use_tmp_file false)"
            ).fetchall()[0]
            manifest = Manifest(path.name, rows, digest(unfinished), columns=columns, **about)
            manifest_path(path).unlink(missing_ok=True)
            unfinished.replace(path)
            for other in self._others(object_name):
                _delete(other)
        return manifest

    def finish(self, object_name: str, manifest: Manifest) -> None:
        """Put the manifest beside its file.

        Raises
        ------
        DestinationError: the folder cannot be written; the next run writes both again.
        """
        place = manifest_path(self.path(object_name))
        unfinished = place.with_suffix(".unfinished")
        with _writing(place, unfinished):
            with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
                file.write(json.dumps(asdict(manifest), indent=2) + "\n")
            unfinished.replace(place)

    def is_there(self, object_name: str) -> bool:
        """There is a file, finished or not."""
        return self.path(object_name).exists()

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:
        """Write the file again without these people; one of hashes, or of another format than now, is deleted.

        The next run writes it, as it is to be now.

        Raises
        ------
        DestinationError: as `write`.
        """
        path = self.path(object_name)
        with _writing(path):
            for one in FORMATS:
                # What a run that was killed was at.
                _unfinished(path.with_suffix(f".{one}")).unlink(missing_ok=True)
            others = self._others(object_name)
            for other in others:
                _delete(other)
            if not path.exists():
                return Answer("acknowledged", requests=len(others))
            manifest = _manifest_of(path) if self.is_whole(object_name) else {}
            if "customer_id" not in manifest.get("columns", ()):
                _delete(path)
                return Answer("acknowledged")
        read = (
            f"read_csv({quoted(str(path))}, all_varchar = true, header = true, delim = ',', quote = chr(34))"
            if self.settings.format == "csv"
            else f"read_parquet({quoted(str(path))})"
        ).replace("chr(34)", "'\"'")
        names = ", ".join(quoted(person.customer_id) for person in people)
        about = {name: manifest[name] for name in ("audience", "as_of_date", "definition_hash")}
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            query = f"select * from {read} where customer_id not in ({names})"
            self.finish(object_name, self.write(connection, query, object_name, about))
        return Answer("acknowledged")

    def _others(self, object_name: str) -> list[Path]:
        """Files of the object in other formats, which a manifest of ours names."""
        here = self.path(object_name)
        paths = [here.with_name(f"{object_name}.{one}") for one in FORMATS if one != self.settings.format]
        return [path for path in paths if path.exists() and _manifest_of(path).get("file") == path.name]


@contextmanager
def _writing(path: Path, unfinished: Path | None = None) -> Iterator[None]:
    """What goes wrong with a file, as a sentence; what is not finished goes.

    Raises
    ------
    DestinationError: the folder is none or cannot be written, or the disk is full.
    """
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink()
        why = error.strerror if isinstance(error, OSError) else "the disk is full, or the folder is not ours to write"
        if isinstance(error, FileExistsError | NotADirectoryError):
            why = f"{path.parent} is no folder, or lies in a file; check `folder`"
        raise DestinationError(f"{path} cannot be written: {why}; what was there before still is") from error


def _private(path: str, flags: int) -> int:
    """Open a file for nobody else to read; also one that was there."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _delete(path: Path) -> None:
    """A file and its manifest; the manifest last, which says that the file is ours."""
    path.unlink()
    manifest_path(path).unlink(missing_ok=True)


def _manifest_of(path: Path) -> dict[str, Any]:
    """The manifest of a file; empty if it has none that can be read."""
    try:
        said = json.loads(manifest_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _unfinished(path: Path) -> Path:
    """Where a file is written before it is renamed."""
    return path.with_name(f".{path.name}.unfinished")


def manifest_path(path: Path) -> Path:
    """The manifest of a file."""
    return path.with_name(path.name + ".manifest.json")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
