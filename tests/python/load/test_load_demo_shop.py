"""The sample shop of `make demo` gives way to a person's own files, and never mixes with them."""

from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app

ORDERS = "order_id,customer_id,ordered_at,status,currency\n{id},c,2024-01-01T10:00:00Z,paid,EUR\n"
LINES = "order_id,line_number,product_id,quantity,unit_price\n{id},1,p,1,10\n"


def write_shop(folder: Path, order_id: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text(ORDERS.format(id=order_id))
    (folder / "order_lines.csv").write_text(LINES.format(id=order_id))
    return folder


def load(shop: Path) -> str:
    result = CliRunner().invoke(app, ["load", str(shop), "--database", "regulars.duckdb"])
    assert result.exit_code == 0, result.output
    return result.output


def orders_in(database: str) -> list[str]:
    with duckdb.connect(database, read_only=True) as connection:
        return [order for (order,) in connection.execute("select order_id from raw.orders order by 1").fetchall()]


def test_own_files_start_in_a_warehouse_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("demo/shop"), "sample"))
    said = load(write_shop(Path("mine"), "own"))
    assert "regulars-demo.duckdb" in said
    assert orders_in("regulars.duckdb") == ["own"]
    assert orders_in("regulars-demo.duckdb") == ["sample"]


def test_a_warehouse_with_own_files_is_never_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("mine"), "own"))
    load(write_shop(Path("more"), "second"))
    assert orders_in("regulars.duckdb") == ["own", "second"]
    assert not Path("regulars-demo.duckdb").exists()
