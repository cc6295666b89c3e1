"""The verb as a person meets it: what it says, what it refuses, and what a stopped run leaves behind."""

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from regulars.cli import main
from regulars.errors import UsageError
from regulars.load.landing import TABLES
from regulars.sample import shop as shop_module
from regulars.sample.settings import TABLE_NAMES, ShopSettings
from regulars.sample.shop import Chunk, write_shop


class Regulars:
    """Runs `regulars sample` in a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        self._monkeypatch.setattr(sys, "argv", ["regulars", *words])
        with pytest.raises(SystemExit) as left:
            main()
        printed = self._capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err


@pytest.fixture
def regulars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Regulars:
    monkeypatch.chdir(tmp_path)
    return Regulars(monkeypatch, capsys)


def test_words_and_files(tmp_path: Path, regulars: Regulars) -> None:
    code, words, complaints = regulars("sample", "--out", "shop", "--customers", "50", "--end", "2023-12-31")
    assert (code, complaints) == (0, "")
    assert "A shop with 50 customers, 2023-01-01 to 2023-12-31, is in shop" in words
    assert "Next: regulars load shop" in words
    names = {path.name for path in (tmp_path / "shop").iterdir()}
    assert names == {f"{name}.csv" for name in TABLE_NAMES} | {"truth"}
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_json_summary(tmp_path: Path, regulars: Regulars) -> None:
    options = ("--customers", "50", "--json", "--format", "parquet", "--only", "order_lines, orders", "--clean")
    code, words, _ = regulars("sample", "--out", "shop", *options)
    summary = json.loads(words)
    assert code == 0
    assert list(summary["rows"]) == ["orders", "order_lines"]
    assert summary["rejected"] == {}
    for name, count in summary["rows"].items():
        assert pq.read_metadata(tmp_path / "shop" / f"{name}.parquet").num_rows == count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--customers", "-1"), "--customers -1: expected a number from 0"),
        (("--customers", "100000001"), "--customers 100000001: expected"),
        (("--seed", "-1"), "--seed -1: expected"),
        (("--start", "2024-05-01", "--end", "2024-04-30"), "--end 2024-04-30 lies before --start 2024-05-01"),
        (("--start", "31/02/2024"), '--start "31/02/2024" is not a day; expected for example 2023-01-31'),
        (("--start", "1899-01-01"), "expected days from 1990-01-01"),
        (("--start", "1990-01-01", "--end", "2025-01-01"), "expected at most 30 years"),
        (("--format", "xlsx"), "--format xlsx: unknown; expected csv or parquet"),
        (("--only", "orders,oders"), "--only oders: unknown; expected names from orders, order_lines"),
        (("--only", ","), "--only: expected at least one of"),
        (("--lines-per-order", "0.5"), "--lines-per-order 0.5: expected a number from 1 to 50"),
        (("--lines-per-order", "nan"), "--lines-per-order nan: expected a number from 1 to 50"),
        (("--threads", "0"), "--threads 0: expected a number from 1 to 64"),
    ],
)
def test_an_option_out_of_range_is_refused_in_one_sentence(
    tmp_path: Path, regulars: Regulars, options: tuple[str, ...], message: str
) -> None:
    code, words, complaint = regulars("sample", "--out", "shop", *options)
    assert (code, words) == (2, "")
    assert complaint.startswith("error: ")
    assert message in complaint
    assert complaint.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_load_puts_aside_exactly_the_rows_that_the_truth_counts(
    tmp_path: Path, regulars: Regulars, file_format: str
) -> None:
    regulars("sample", "--out", "shop", "--customers", "700", "--format", file_format)
    code, _, complaint = regulars("load", "shop", "--database", "shop.duckdb")
    assert (code, complaint) == (0, "")
    truth = json.loads((tmp_path / "shop" / "truth" / "truth_shop.json").read_text("utf-8"))
    rejected: dict[str, dict[str, int]] = {}
    with duckdb.connect(tmp_path / "shop.duckdb", read_only=True) as connection:
        counts = "select table_name, reason_code, count(*) from raw.rejected_rows group by all"
        for table, reason, count in connection.execute(counts).fetchall():
            rejected.setdefault(table, {})[reason] = count
        for name, count in truth["rows"].items():
            loaded = connection.execute(f"select count(*) from raw.{name}").fetchone()
            assert loaded == (count - sum(rejected.get(name, {}).values()),)
    assert rejected == truth["rows_to_reject"]
    assert set(rejected) >= {"orders", "order_lines", "customers", "email_events", "web_events", "marketing_spend"}


KILLED = """
import os, signal
from pathlib import Path
from regulars.sample.settings import ShopSettings
from regulars.sample.shop import write_shop

settings = ShopSettings(customer_count=300, chunk_size=100)
write_shop(settings, Path("shop"), on_progress=lambda customers: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_run_leaves_no_half_shop(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    assert not (tmp_path / "shop").exists()
    write_shop(ShopSettings(customer_count=5), tmp_path / "shop")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty; choose another folder or replace its shop with --overwrite"):
        write_shop(ShopSettings(customer_count=5), tmp_path)
    with pytest.raises(UsageError, match=r"holds files that are no part of a sample shop \(notes.txt\)"):
        write_shop(ShopSettings(customer_count=5), tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_strange_files_in_the_truth_folder_are_left_alone_too(tmp_path: Path) -> None:
    write_shop(ShopSettings(customer_count=5), tmp_path / "shop")
    (tmp_path / "shop" / "truth" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"truth/notes.txt"):
        write_shop(ShopSettings(customer_count=5), tmp_path / "shop", overwrite=True)
    assert (tmp_path / "shop" / "truth" / "notes.txt").read_text() == "mine"


def test_a_target_that_is_a_file_or_lies_in_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        write_shop(ShopSettings(customer_count=5), tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be written"):
        write_shop(ShopSettings(customer_count=5), tmp_path / "file" / "shop")


def test_overwriting_replaces_the_whole_shop(tmp_path: Path) -> None:
    write_shop(ShopSettings(customer_count=5, file_format="csv"), tmp_path / "shop")
    write_shop(
        ShopSettings(customer_count=5, file_format="parquet", only=("orders",)), tmp_path / "shop", overwrite=True
    )
    assert {path.name for path in (tmp_path / "shop").iterdir()} == {"orders.parquet", "truth"}
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    write_shop(ShopSettings(customer_count=5, only=("orders",)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"orders.csv", "truth"}


def test_a_run_that_fails_half_way_leaves_the_old_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shop(ShopSettings(customer_count=5), tmp_path / "shop")
    before = (tmp_path / "shop" / "orders.csv").read_bytes()
    settings = ShopSettings(customer_count=300, chunk_size=100)
    original = shop_module.chunk_of

    def fails_at_the_last(*arguments: Any) -> Chunk:
        if arguments[-1] == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(shop_module, "chunk_of", fails_at_the_last)
    for threads in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            write_shop(settings, tmp_path / "shop", overwrite=True, threads=threads)
        assert (tmp_path / "shop" / "orders.csv").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["shop"]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_no_customers_is_an_empty_shop(tmp_path: Path, file_format: str) -> None:
    summary = write_shop(ShopSettings(customer_count=0, file_format=file_format), tmp_path / "shop")
    assert set(summary.rows.values()) == {0}
    for table in TABLES:
        path = tmp_path / "shop" / f"{table.name}.{file_format}"
        if file_format == "csv":
            assert path.read_text("utf-8") == ",".join(table.column_names) + "\n"
        else:
            assert pq.read_table(path).num_rows == 0
    assert pq.read_table(tmp_path / "shop" / "truth" / "truth.parquet").num_rows == 0


@pytest.mark.parametrize("customers", [1, 2, 3, 20])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(2024, 12, 30), date(2025, 1, 2)),
        (date(2025, 3, 1), date(2025, 6, 30)),
        (date(1999, 1, 1), date(2028, 12, 31)),
    ],
)
@pytest.mark.parametrize("lines_per_order", [1.0, 6.0])
def test_tiny_and_short_and_long_shops(
    tmp_path: Path, customers: int, start: date, end: date, lines_per_order: float
) -> None:
    settings = ShopSettings(
        customer_count=customers, start_on=start, end_on=end, lines_per_order=lines_per_order, file_format="parquet"
    )
    summary = write_shop(settings, tmp_path / "shop")
    assert pq.read_table(tmp_path / "shop" / "truth" / "truth.parquet").num_rows == customers
    for name, reasons in summary.rejected.items():
        assert sum(reasons.values()) <= 0.006 * summary.rows[name]


def test_the_mean_number_of_lines_is_the_one_asked_for(tmp_path: Path) -> None:
    for asked in (1.5, 2.4, 5.0):
        settings = ShopSettings(
            customer_count=4000, lines_per_order=asked, only=("orders", "order_lines"), is_dirty=False
        )
        rows = write_shop(settings, tmp_path / f"{asked}").rows
        assert rows["order_lines"] / rows["orders"] == pytest.approx(asked, rel=0.05)
