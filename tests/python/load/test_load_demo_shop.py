"""The sample shop of `make demo` gives way to a person's own files, and never mixes with them."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.errors import RegularsError

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


def refused(*words: str) -> Exception:
    result = CliRunner().invoke(app, ["load", *words, "--database", "regulars.duckdb"])
    assert result.exit_code != 0
    assert isinstance(result.exception, RegularsError)
    return result.exception


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("orders.csv", b"order_id,who\n1,c\n", "needs the columns ordered_at"),
        ("orders.csv", b"", "is empty"),
        ("orders.parquet", b"PAR1 not really", "is no whole Parquet file"),
        ("orders.csv.gz", b"not compressed", "is not a whole gzip file"),
        ("sales.csv", b"a\n1\n", "says no landing table"),
        ("missing.csv", None, "does not exist"),
    ],
)
def test_the_demo_stays_where_it_is_for_files_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("demo/shop"), "sample"))
    if content is not None:
        Path(name).write_bytes(content)
    assert words in str(refused(name))
    assert orders_in("regulars.duckdb") == ["sample"]
    assert not Path("regulars-demo.duckdb").exists()


def test_a_preset_or_mapping_that_does_not_fit_leaves_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("demo/shop"), "sample"))
    mine = str(write_shop(Path("mine"), "own") / "orders.csv")
    assert "has no column" in str(refused(mine, "--preset", "shopify-orders"))
    Path("m.yml").write_text("tables: [{table: products, match: '*', columns: {product_id: sku}}]")
    assert "has no column sku" in str(refused(mine, "--mapping", "m.yml"))
    assert "is no time zone" in str(refused(mine, "--time-zone", "Europe/Atlantis"))
    assert orders_in("regulars.duckdb") == ["sample"]


def test_where_the_demo_went_is_said_again_if_nothing_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("demo/shop"), "sample"))
    mine = write_shop(Path("mine"), "own") / "orders.csv"
    mine.write_text(ORDERS.format(id="own").replace("paid", "moon"))
    result = CliRunner().invoke(app, ["load", str(mine), "--database", "regulars.duckdb"])
    assert isinstance(result.exception, RegularsError)
    assert "Nothing was loaded. The sample shop is still there: regulars-demo.duckdb" in result.stderr
    assert orders_in("regulars-demo.duckdb") == ["sample"]


def test_what_is_not_yet_in_the_file_moves_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load(write_shop(Path("demo/shop"), "sample"))
    # A process that ends without closing leaves its last transaction in the log.
    code = (
        "import duckdb, os; c = duckdb.connect('regulars.duckdb'); c.execute('set checkpoint_threshold = \"1GB\"');"
        "c.execute('insert into raw.orders select * replace (''later'' as order_id) from raw.orders'); os._exit(0)"
    ).replace("''later''", "\\'later\\'")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Path("regulars.duckdb.wal").exists()
    load(write_shop(Path("mine"), "own"))
    assert orders_in("regulars-demo.duckdb") == ["later", "sample"]
    assert orders_in("regulars.duckdb") == ["own"]
