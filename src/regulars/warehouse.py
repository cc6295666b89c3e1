"""Where the warehouse is, and how to open it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from regulars.errors import WarehouseError

DEFAULT_DATABASE = Path("regulars.duckdb")


def database_path(given: Path | None = None) -> Path:
    """The DuckDB file to use: the option if given, else ``REGULARS_DATABASE``, else ``regulars.duckdb`` here.

    The dbt profile reads the same variable, so both sides always mean the same file.
    """
    if given is not None:
        return given
    return Path(os.environ.get("REGULARS_DATABASE") or DEFAULT_DATABASE)


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse with UTC as session time zone and close it at the end.

    Raises
    ------
    WarehouseError: the file is missing (read only), locked by another process, or no DuckDB database.
    """
    if read_only and not path.exists():
        raise WarehouseError(f"{path} does not exist; load a shop first: regulars load FILES")
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WarehouseError(
                f"{path} is in use by another process (DuckDB admits one writer); close it and try again"
            ) from error
        raise WarehouseError(f"{path} cannot be opened as a DuckDB database: {error}") from error
    except duckdb.Error as error:
        raise WarehouseError(f"{path} cannot be opened as a DuckDB database: {error}") from error
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()
