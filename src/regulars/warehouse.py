"""Where the warehouse is, how to open it, and how to read from it what a build made."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    WarehouseError: the file is missing (read only), locked by another process, a folder, or no DuckDB database.
    """
    if path.is_dir():
        raise WarehouseError(f"{path} is a folder; the warehouse is a file, for example {path / DEFAULT_DATABASE}")
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
        if read_only:
            # Else a table that is not there is looked for among Python's variables, and pandas imported for it.
            connection.execute("set python_enable_replacements = false")
        yield connection
    finally:
        connection.close()


def read_built(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query over what `dbt build` makes.

    Raises
    ------
    WarehouseError: a table is not there, or lacks a column because another version of Regulars built it.
    """
    try:
        return connection.execute(query, parameters).fetchall()
    except duckdb.CatalogException as error:
        raise WarehouseError("the segments are not built in this warehouse yet; run: dbt build") from error
    except duckdb.BinderException as error:
        raise WarehouseError(
            "another version of Regulars built this warehouse; build it anew: dbt build --full-refresh"
        ) from error


def check_finished(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a warehouse in which a build stopped half-way, so that nobody reads two builds as one.

    Raises
    ------
    WarehouseError: the segments describe another date, or other orders, than the tables they are made of.
    """
    ((facts_date, segments_date, orders_amount, segments_amount),) = read_built(
        connection,
        """
        select
            (select max(as_of_date) from intermediate.int_shop_facts),
            (select max(as_of_date) from marts.customer_segments),
            (select sum(net_amount) from marts.fct_orders where is_valid and customer_id is not null),
            (select sum(net_revenue_amount) from marts.customer_segments)
        """,
    )
    if (segments_date or facts_date) != facts_date or (orders_amount or 0) != (segments_amount or 0):
        raise WarehouseError(
            f"the last dbt build stopped half-way: orders and shop are as of {facts_date}, the segments still what an "
            f"earlier build made as of {segments_date}; run dbt build to its end"
        )
