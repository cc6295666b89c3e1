"""The sample shop of `make demo` and a person's own shop share the default warehouse file, never at the same time."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from regulars.warehouse import connect

DEMO_FOLDER = ("demo", "shop")


def is_demo_file(path: Path) -> bool:
    """Whether a file belongs to the sample shop that `make demo` writes."""
    return path.parts[-3:-1] == DEMO_FOLDER or path.parts[-2:] == DEMO_FOLDER


def holds_only_demo_shop(database: Path) -> bool:
    """Whether everything ever loaded into the warehouse came from `make demo`; an empty warehouse counts as such."""
    with connect(database, read_only=True) as connection:
        try:
            files = connection.execute("select distinct file from raw.loaded_files").fetchall()
        except duckdb.CatalogException:
            return connection.execute("select count(*) from information_schema.tables").fetchone() == (0,)
    return all(is_demo_file(Path(file)) for (file,) in files)


def is_in_the_way(database: Path, files: Iterable[Path]) -> bool:
    """Whether the warehouse holds only the demo's shop and the files are of another."""
    if not database.exists() or all(is_demo_file(file) for file in files):
        return False
    with connect(database, read_only=True) as connection:
        try:
            loaded = connection.execute("select count(*) from raw.loaded_files").fetchone()
        except duckdb.CatalogException:
            return False
    return loaded != (0,) and holds_only_demo_shop(database)


def move_aside(database: Path) -> Path:
    """Give the warehouse a free name beside its own; gives that name."""
    aside = database.with_name(f"{database.stem}-demo{database.suffix}")
    number = 1
    while aside.exists() or _log_of(aside).exists():
        number += 1
        aside = database.with_name(f"{database.stem}-demo-{number}{database.suffix}")
    # The log first: were it left behind alone, the new warehouse would take it for its own.
    if _log_of(database).exists():
        _log_of(database).rename(_log_of(aside))
    database.rename(aside)
    return aside


def _log_of(database: Path) -> Path:
    """Where DuckDB writes what is not yet in the file, such as after a process was killed."""
    return database.with_name(f"{database.name}.wal")
