"""One sample shop for all tests that only read: 2,000 customers without unusable rows, as a DuckDB connection."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from regulars.sample.settings import TABLE_NAMES, ShopSettings
from regulars.sample.shop import write_shop


def open_shop(folder: Path) -> duckdb.DuckDBPyConnection:
    """The Parquet files of a shop and its truth as tables."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for path in sorted(folder.glob("*.parquet")):
        connection.execute(f"create table {path.stem} as select * from read_parquet('{path}')")
    connection.execute(f"create table truth as select * from read_parquet('{folder / 'truth' / 'truth.parquet'}')")
    return connection


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The default shop, clean."""
    folder = tmp_path_factory.mktemp("sample") / "shop"
    write_shop(ShopSettings(is_dirty=False, file_format="parquet"), folder)
    connection = open_shop(folder)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def large_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Twenty thousand customers, so that shares can be checked within narrow intervals."""
    folder = tmp_path_factory.mktemp("sample") / "large"
    only = tuple(name for name in TABLE_NAMES if name != "web_events")
    write_shop(ShopSettings(customer_count=20_000, is_dirty=False, file_format="parquet", only=only), folder)
    connection = open_shop(folder)
    yield connection
    connection.close()
