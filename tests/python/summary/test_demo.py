"""`make demo` makes room for itself, and for nobody else's shop."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from regulars.errors import WarehouseError

DEMO = Path(__file__).resolve().parents[3] / "scripts" / "demo.py"
LOADED = "create schema raw; create table raw.loaded_files (file varchar); insert into raw.loaded_files values ('{}')"


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "REGULARS_DATABASE"}
    return subprocess.run(
        [sys.executable, DEMO], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def warehouse(path: Path, *statements: str) -> Path:
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def make_room(database: Path) -> None:
    runpy.run_path(str(DEMO))["make_room"](database)


@pytest.mark.parametrize(
    "statement",
    [
        LOADED.format("mine/orders.csv"),
        LOADED.format("demo/shop/orders.csv") + "; insert into raw.loaded_files values ('mine/orders.csv')",
        "create schema shop; create table shop.orders (order_id varchar)",
    ],
    ids=["own files", "own files beside the demo's", "own tables"],
)
def test_the_shop_of_a_person_is_left_alone(tmp_path: Path, statement: str) -> None:
    database = warehouse(tmp_path / "regulars.duckdb", statement)
    before = database.read_bytes()
    done = demo(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: regulars.duckdb holds a shop of yours; the demo leaves it alone.")
    assert done.stderr.count("\n") == 1
    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["regulars.duckdb"]


def test_a_warehouse_in_use_is_named(tmp_path: Path) -> None:
    database = warehouse(tmp_path / "regulars.duckdb", LOADED.format("demo/shop/orders.csv"))
    with duckdb.connect(database):
        done = demo(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is in use by another process" in done.stderr
    assert database.exists()


def test_a_folder_in_the_place_of_the_warehouse_is_named(tmp_path: Path) -> None:
    (tmp_path / "regulars.duckdb").mkdir()
    done = demo(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: regulars.duckdb is a folder")


def test_an_earlier_demo_makes_room(tmp_path: Path) -> None:
    database = warehouse(tmp_path / "regulars.duckdb", LOADED.format("demo/shop/orders.csv"))
    make_room(database)
    assert list(tmp_path.iterdir()) == []
    make_room(database)


KILLED = f"""
import duckdb, os, signal
connection = duckdb.connect("regulars.duckdb")
connection.execute("{LOADED.format("demo/shop/orders.csv")}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_demo_killed_half_way_makes_room_with_its_log(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["regulars.duckdb", "regulars.duckdb.wal"]
    make_room(tmp_path / "regulars.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_own_files_in_the_log_of_a_killed_load_are_seen(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED.replace("demo/shop", "mine")], cwd=tmp_path, check=False)
    with pytest.raises(WarehouseError, match="holds a shop of yours"):
        make_room(tmp_path / "regulars.duckdb")
    assert (tmp_path / "regulars.duckdb.wal").exists()
