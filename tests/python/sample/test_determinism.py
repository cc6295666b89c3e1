"""The same arguments give the same bytes, whoever computes them and in whatever order."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from regulars.sample.catalogue import catalogue_of
from regulars.sample.seasons import seasons_of
from regulars.sample.settings import TABLE_NAMES, ShopSettings
from regulars.sample.shop import chunk_of, write_shop

SMALL = ShopSettings(customer_count=500, seed=3, start_on=date(2024, 1, 1), end_on=date(2025, 6, 30), chunk_size=120)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_same_settings_same_bytes_whatever_the_threads(tmp_path: Path, file_format: str) -> None:
    settings = replace(SMALL, file_format=file_format)
    for name, threads in (("one", 1), ("two", 2), ("five", 5)):
        write_shop(settings, tmp_path / name, threads=threads)
    first = digests(tmp_path / "one")
    assert len(first) == len(TABLE_NAMES) + 2
    assert digests(tmp_path / "two") == first
    assert digests(tmp_path / "five") == first


def test_another_seed_is_another_shop(tmp_path: Path) -> None:
    write_shop(SMALL, tmp_path / "three")
    write_shop(replace(SMALL, seed=4), tmp_path / "four")
    three, four = digests(tmp_path / "three"), digests(tmp_path / "four")
    assert all(three[name] != four[name] for name in three)


def test_a_chunk_alone_is_the_chunk_in_the_shop() -> None:
    seasons, catalogue = seasons_of(SMALL), catalogue_of(SMALL)
    in_order = [chunk_of(SMALL, seasons, catalogue, number) for number in range(SMALL.chunk_count)]
    alone = chunk_of(SMALL, seasons_of(SMALL), catalogue_of(SMALL), 3)
    assert SMALL.chunk_count == 5
    for name, table in alone.tables.items():
        assert table.equals(in_order[3].tables[name]), name
    assert alone.truth.equals(in_order[3].truth)


def test_chunks_do_not_repeat_each_other() -> None:
    seasons, catalogue = seasons_of(SMALL), catalogue_of(SMALL)
    one, two = (chunk_of(SMALL, seasons, catalogue, number) for number in (0, 1))
    rates = [chunk.truth["purchase_rate_per_day"].to_pylist() for chunk in (one, two)]
    assert not set(rates[0]) & set(rates[1]) - {None}


def test_leaving_tables_out_changes_no_other_table(tmp_path: Path) -> None:
    write_shop(SMALL, tmp_path / "all")
    write_shop(replace(SMALL, only=("orders", "order_lines")), tmp_path / "two")
    everything, two = digests(tmp_path / "all"), digests(tmp_path / "two")
    assert set(two) == {"orders.csv", "order_lines.csv", "truth/truth.parquet", "truth/truth_shop.json"}
    for name in ("orders.csv", "order_lines.csv", "truth/truth.parquet"):
        assert two[name] == everything[name]


def test_unusable_rows_only_come_on_top(tmp_path: Path) -> None:
    write_shop(SMALL, tmp_path / "dirty")
    write_shop(replace(SMALL, is_dirty=False), tmp_path / "clean")
    truth = json.loads((tmp_path / "dirty" / "truth" / "truth_shop.json").read_text("utf-8"))
    for name in TABLE_NAMES:
        clean = (tmp_path / "clean" / f"{name}.csv").read_text("utf-8").split("\n")
        dirty = (tmp_path / "dirty" / f"{name}.csv").read_text("utf-8").split("\n")
        kept = iter(dirty)
        assert all(line in kept for line in clean), name
        assert len(dirty) - len(clean) == sum(truth["rows_to_reject"].get(name, {}).values()), name
