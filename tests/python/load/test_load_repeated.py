"""Loading again: the same adds nothing, a correction adds a version, and a process that dies leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

LINES = "order_id,line_number,quantity,unit_price"


def test_the_same_file_twice_adds_nothing(shop) -> None:
    path = shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR")
    assert shop.load(path).exit_code == 0
    before = shop.dump()
    outcome = shop.load(path)
    assert "already loaded, nothing changed" in outcome.output
    assert shop.dump() == before


def test_the_same_file_with_rejected_rows_twice_adds_nothing(shop) -> None:
    path = shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR", "3,c,,paid,EUR", "4,c")
    shop.load(path, "--max-reject-share", "1")
    before = shop.dump()
    outcome = shop.load(path, "--max-reject-share", "1", "--json")
    assert outcome.summary["files"][0]["tables"] == [
        {"table": "orders", "rows": 4, "loaded": 0, "unchanged": 2, "rejected": 2}
    ]
    assert shop.dump() == before


def test_the_same_rows_under_another_name_add_no_rows(shop) -> None:
    rows = ["1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR"]
    shop.load(shop.orders(*rows))
    shop.load(shop.orders(*reversed(rows), name="orders-copy.csv"))
    assert shop.count("orders") == 2
    assert shop.query("select loaded_count, unchanged_count from raw.loaded_files order by _loaded_at") == [
        (2, 0),
        (0, 2),
    ]


def test_a_correction_adds_a_newer_version_and_only_that(shop) -> None:
    shop.load(shop.orders("1,c,2024-01-15,pending,EUR", "2,c,2024-01-15,paid,EUR"))
    shop.load(shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR"))
    versions = shop.query("select order_id, status, _loaded_at from raw.orders order by order_id, _loaded_at")
    assert [(order, status) for order, status, _ in versions] == [("1", "pending"), ("1", "paid"), ("2", "paid")]
    # The clock of both loads is the same; the version is newer all the same.
    assert versions[1][2] - versions[0][2] == timedelta(microseconds=1)


def test_going_back_to_the_first_content_is_a_third_version(shop) -> None:
    first = shop.orders("1,c,2024-01-15,pending,EUR", name="orders-a.csv")
    second = shop.orders("1,c,2024-01-15,paid,EUR", name="orders-b.csv")
    for path in (first, second, first):
        shop.load(path)
    assert [row[0] for row in shop.query("select status from raw.orders order by _loaded_at")] == [
        "pending",
        "paid",
        "pending",
    ]


def test_a_change_from_and_to_empty_is_a_change(shop) -> None:
    for customer in ("c", "", "", "c"):
        shop.load(shop.orders(f"1,{customer},2024-01-15,paid,EUR"))
    assert [row[0] for row in shop.query("select customer_id from raw.orders order by _loaded_at")] == ["c", None, "c"]


def test_the_same_bytes_read_with_another_option_are_another_load(shop) -> None:
    path = shop.orders("1,c,2024-01-15 10:00,paid,EUR")
    shop.load(path)
    shop.load(path, "--time-zone", "America/New_York")
    assert shop.count("orders") == 2


def test_lines_are_judged_when_the_whole_batch_is_read(shop) -> None:
    # Named so that the lines come first in the folder; their order is in a file that is read later.
    lines = shop.write("order_lines.csv", f"{LINES}\n7,1,1,1\n")
    late = shop.orders("7,c,2024-01-15,paid,EUR", name="orders-late.csv")
    assert shop.load(lines, late).exit_code == 0
    assert shop.count("order_lines") == 1
    assert shop.reasons() == []


def test_a_rejected_line_is_loaded_once_its_order_has_come(shop) -> None:
    lines = shop.write("order_lines.csv", f"{LINES}\n7,1,1,1\n8,1,1,1\n")
    shop.load(shop.orders("7,c,2024-01-15,paid,EUR"), lines, "--max-reject-share", "1")
    assert shop.reasons() == [(3, "order_line_without_order")]
    shop.load(shop.orders("8,c,2024-01-15,paid,EUR", name="orders-2.csv"))
    shop.load(lines)
    assert shop.count("order_lines") == 2


def test_all_rows_of_a_file_share_one_time_and_later_files_have_a_later_one(shop) -> None:
    shop.orders("1,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,EUR", name="orders-1.csv")
    shop.orders("3,c,2024-01-15,paid,EUR", name="orders-2.csv")
    shop.load(shop.folder)
    times = [row[0] for row in shop.query("select distinct _loaded_at from raw.orders order by 1")]
    assert len(times) == 2


def test_json_summary_has_every_count(shop) -> None:
    path = shop.orders("1,c,2024-01-15,paid,EUR")
    summary = shop.load(path, "--json").summary
    assert summary["files"][0]["file"] == str(path)
    assert summary["files"][0]["rows"] == 1
    assert summary["error"] is None
    refused = shop.load(shop.write("refunds.csv", "x\n1\n"), "--json")
    assert "refunds needs the columns" in json.loads(refused.output)["error"]


KILLED = """
    import os, signal, sys
    from regulars.load import store
    from regulars.cli import app

    def dies(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    if sys.argv.pop(1) == "after the rows":
        store.record_file = dies
    else:
        insert = store.insert_new
        store.insert_new = lambda *args: (insert(*args), dies())
    app()
"""


@pytest.mark.parametrize("moment", ["after the first table", "after the rows"])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_9_in_the_middle_leaves_nothing_half_written(shop, fixtures, moment) -> None:
    sample = fixtures / "online_retail_sample.csv"
    shop.load(shop.orders("1,c,2024-01-15,paid,EUR"))
    before = shop.dump()
    words = ["load", "--preset", "online-retail", "--database", str(shop.database), str(sample)]
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), moment, *words],
        env=dict(os.environ),
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert shop.dump() == before
    assert shop.load("--preset", "online-retail", sample).exit_code == 0
    assert shop.count("order_lines") == 5


def test_a_second_writer_is_told_so(shop) -> None:
    path = shop.orders("1,c,2024-01-15,paid,EUR")
    code = f"""
        import subprocess, sys, duckdb
        connection = duckdb.connect({str(shop.database)!r})
        run = subprocess.run(
            [sys.executable, "-c", "from regulars.cli import main; main()", "load",
             "--database", {str(shop.database)!r}, {str(path)!r}], capture_output=True, text=True)
        print(run.returncode, run.stderr)
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    ).stdout
    assert output.startswith("2 ")
    assert "is in use by another process" in output


def test_sources_are_never_touched(shop, fixtures) -> None:
    def state(folder: Path) -> dict[str, tuple[int, bytes]]:
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    before = state(fixtures)
    shop.load("--preset", "online-retail", fixtures / "online_retail_sample.csv")
    shop.load("--preset", "shopify-orders", fixtures / "shopify_orders_export.csv")
    assert state(fixtures) == before
