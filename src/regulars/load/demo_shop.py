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


def make_room_for_own_shop(database: Path, files: Iterable[Path]) -> Path | None:
    """Move a warehouse that holds only the demo's shop aside before files of another shop are loaded into it.

    Returns the place it was moved to, or None if there was nothing to move.
    """
    if not database.exists() or all(is_demo_file(file) for file in files):
        return None
    with connect(database, read_only=True) as connection:
        try:
            loaded = connection.execute("select count(*) from raw.loaded_files").fetchone()
        except duckdb.CatalogException:
            return None
    if loaded == (0,) or not holds_only_demo_shop(database):
        return None
    aside = database.with_name(f"{database.stem}-demo{database.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = database.with_name(f"{database.stem}-demo-{number}{database.suffix}")
    database.rename(aside)
    return aside
