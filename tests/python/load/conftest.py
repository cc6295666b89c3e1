"""A shop in a temporary folder and the command `regulars load` on it, in this process."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.errors import RegularsError

NOW = "2024-06-01T00:00:00+00:00"
ORDERS_HEADER = "order_id,customer_id,ordered_at,status,currency"
ORDER = "1,c1,2024-01-15,paid,EUR"


@dataclass
class Outcome:
    exit_code: int
    output: str
    error: str

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads(self.output)


@dataclass
class Shop:
    folder: Path
    now: str = NOW
    database: Path = field(init=False)

    def __post_init__(self) -> None:
        self.database = self.folder / "warehouse.duckdb"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def orders(self, *rows: str, name: str = "orders.csv", header: str = ORDERS_HEADER) -> Path:
        return self.write(name, "\n".join((header, *rows)) + "\n")

    def load(self, *words: object) -> Outcome:
        """Run the command; an error that a person can cause becomes its exit code, everything else fails the test."""
        call = ["load", "--database", str(self.database), "--now", self.now, *(str(word) for word in words)]
        result = CliRunner().invoke(app, call)
        error = result.exception
        if isinstance(error, RegularsError):
            return Outcome(error.exit_code, result.stdout, str(error))
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.database, read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(sql).fetchall()

    def count(self, table: str) -> int:
        return self.query(f"select count(*) from raw.{table}")[0][0]

    def reasons(self) -> list[tuple[int, str]]:
        """Line and reason of every rejected row."""
        return self.query("select line, reason_code from raw.rejected_rows order by line, reason_code")

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is stored."""
        names = [row[0] for row in self.query("select table_name from duckdb_tables() where schema_name = 'raw'")]
        return {name: self.query(f"select * from raw.{name} order by all") for name in sorted(names)}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def fixtures() -> Path:
    return Path(__file__).parents[2] / "fixtures" / "load"


def shared_data(name: str) -> Path:
    """A file of the shared data beside the project; the test is skipped where it is absent."""
    path = Path(__file__).parents[4] / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not there: the shared data is expected in ../shared/data beside the project")
    return path


@pytest.fixture
def data() -> Any:
    return shared_data
