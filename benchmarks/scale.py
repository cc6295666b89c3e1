"""How long the project takes for a shop of any size, beside the limit: one hand-written script for the same result.

Five steps: make the landing tables, run the full build, run the limit, compare the two results, load one more day and
run the daily build. Each run is a process of its own, so its memory is its own. See README.md in this folder.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import psutil

from regulars.load.landing import create_tables

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
THREADS = 2
LINES_PER_ORDER = 2.5
LABELS = ("rfm_tier", "lifecycle_state", "importance", "persona", "customer_type")
MIN_LINES_PER_CUSTOMER = 5
SAMPLE_SECONDS = 0.05


@dataclass
class Run:
    """What one process took. ``cpu_seconds`` is steadier than ``seconds`` where others use the machine too."""

    seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    others_load: float
    """Processors that everybody else kept busy meanwhile."""


@dataclass
class Report:
    """All that is printed, and written with ``--json``."""

    customers: int
    orders: int = 0
    lines: int = 0
    landing_gigabytes: float = 0.0
    limit: Run | None = None
    full: Run | None = None
    daily: Run | None = None
    fixed: Run | None = None
    differing_rows: int = 0
    slowest_full: dict[str, float] = field(default_factory=dict)
    slowest_daily: dict[str, float] = field(default_factory=dict)


def say(text: str) -> None:
    """One progress line."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def measured(command: list[str], environment: dict[str, str], log: Path) -> Run:
    """Run a command to its end, its output to a file; stop with the end of that file if it fails."""
    started = time.perf_counter()
    machine_before = psutil.cpu_times()
    peak = 0
    cpu = 0.0
    with log.open("w", encoding="utf-8") as output:
        process = psutil.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        watched = threading.Event()
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
                times = process.cpu_times()
                cpu = times.user + times.system
            except psutil.Error:
                break
            watched.wait(SAMPLE_SECONDS)
        code = process.wait()
    seconds = time.perf_counter() - started
    machine = psutil.cpu_times()
    busy = sum(
        getattr(machine, name) - getattr(machine_before, name) for name in ("user", "nice", "system", "irq", "softirq")
    )
    if code != 0:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-25:])
        raise SystemExit(f"{' '.join(command[:3])} ended with code {code}; the end of {log}:\n{tail}")
    return Run(
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
        peak_gigabytes=round(peak / 1e9, 2),
        others_load=round(max(0.0, busy - cpu) / seconds, 1),
    )


def make_shop(database: Path, customers: int, lines_per_customer: float) -> None:
    """The landing tables of a shop, by SQL and from hashes: the same options give the same shop."""
    orders_per_customer = lines_per_customer / LINES_PER_ORDER
    # shop.sql: 10 % never order, 35 % once, 55 % twice or more. A floored exponential means 1 / (e^(1/mean) - 1).
    more_orders = (orders_per_customer - 0.35 - 2 * 0.55) / 0.55
    with duckdb.connect(database) as connection:
        connection.execute(f"set timezone = 'UTC'; set threads = {THREADS}")
        create_tables(connection)
        connection.execute(f"set variable customer_count = {customers}")
        connection.execute(f"set variable orders_per_regular = {1 / math.log(1 + 1 / more_orders)}")
        connection.execute(f"set variable lines_per_order_limit = {2 * LINES_PER_ORDER - 1:.0f}")
        connection.execute((HERE / "shop.sql").read_text(encoding="utf-8"))


def load_next_day(database: Path, customers: int) -> None:
    """One more load: 1 % new orders of the day after."""
    with duckdb.connect(database) as connection:
        connection.execute(f"set timezone = 'UTC'; set threads = {THREADS}")
        connection.execute(f"set variable customer_count = {customers}")
        connection.execute((HERE / "next_day.sql").read_text(encoding="utf-8"))


class Bench:
    """One scratch folder with one shop in it."""

    def __init__(self, folder: Path) -> None:
        """Logs, dbt's target folder and the databases go into the folder."""
        self.folder = folder
        self.database = folder / "regulars.duckdb"

    def dbt_build(self, name: str, database: Path) -> tuple[Run, dict[str, float]]:
        """`dbt build` without tests: the run, and the seconds of its slowest models."""
        # One target folder for all: a shop that builds every day has dbt's parsed project from the day before.
        target = self.folder / "target"
        environment = {
            **os.environ,
            "REGULARS_DATABASE": str(database),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        command = [
            str(Path(sys.executable).parent / "dbt"), "build", "--exclude", "test_type:data", "test_type:unit"
        ]  # fmt: skip
        run = measured(command, environment, self.folder / f"{name}.log")
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        seconds = {row["unique_id"].split(".")[-1]: round(row["execution_time"], 2) for row in results}
        return run, dict(sorted(seconds.items(), key=lambda item: -item[1])[:12])

    def limit(self) -> Run:
        """The hand-written script, on the same file with the same number of threads."""
        command = [
            sys.executable, str(HERE / "run_script.py"), str(self.database), str(HERE / "limit.sql"), str(THREADS)
        ]  # fmt: skip
        return measured(command, dict(os.environ), self.folder / "limit.log")

    def differences(self) -> int:
        """Rows of `customer_segments` that only one of the two made; prints the label counts that differ."""
        with duckdb.connect(self.database, read_only=True) as connection:
            only = [
                connection.sql(
                    f"select count(*) from (select * from {one}.customer_segments"
                    f" except all select * from {other}.customer_segments)"
                ).fetchall()[0][0]
                for one, other in (("marts", "speed_limit"), ("speed_limit", "marts"))
            ]
            for label in LABELS:
                rows = connection.sql(
                    f"select coalesce(a.{label}, b.{label}), a.n, b.n"
                    f" from (select {label}, count(*) as n from marts.customer_segments group by all) as a"
                    f" full join (select {label}, count(*) as n from speed_limit.customer_segments group by all) as b"
                    f" on a.{label} is not distinct from b.{label} where a.n is distinct from b.n"
                ).fetchall()
                for value, ours, limits in rows:
                    say(f"{label} {value}: {ours} customers in the project, {limits} in the limit")
        return sum(only)


def table(report: Report) -> str:
    """The report as people read it."""
    lines = [
        f"{report.customers:,} customers, {report.orders:,} order rows, {report.lines:,} line rows,"
        f" {report.landing_gigabytes:.2f} GB of landing tables; {os.cpu_count()} processors",
        "",
        f"{'':<28}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'others':>8}",
    ]
    for name, run in (
        ("limit (limit.sql)", report.limit),
        ("full build", report.full),
        ("daily build, 1 % new orders", report.daily),
        ("dbt's fixed part (1 customer)", report.fixed),
    ):
        if run is not None:
            lines.append(
                f"{name:<28}{run.seconds:>9.1f}{run.cpu_seconds:>9.1f}{run.peak_gigabytes:>9.2f}{run.others_load:>8.1f}"
            )
    if report.limit and report.full:
        lines += [
            "",
            f"full build / limit: {report.full.seconds / report.limit.seconds:.2f} by the clock,"
            f" {report.full.cpu_seconds / report.limit.cpu_seconds:.2f} by processor time (goal: at most 3)",
            "rows that differ from the limit's: "
            + (f"{report.differing_rows:,}" if report.differing_rows else "none, in any column"),
        ]
    if report.daily and report.full:
        lines.append(
            f"daily build / full build: {report.daily.seconds / report.full.seconds:.0%} by the clock,"
            f" {report.daily.cpu_seconds / report.full.cpu_seconds:.0%} by processor time (goal: at most 20%)"
        )
    for title, models in (("full", report.slowest_full), ("daily", report.slowest_daily)):
        if models:
            lines += ["", f"slowest models of the {title} build, seconds:"]
            lines += [f"  {seconds:>8.2f}  {name}" for name, seconds in models.items()]
    return "\n".join(lines)


def bench(customers: int, lines_per_customer: float, folder: Path) -> Report:
    """All five steps."""
    report = Report(customers=customers)
    runs = Bench(folder)
    say("dbt's fixed part: a shop of one customer")
    small = folder / "one-customer.duckdb"
    make_shop(small, 1, lines_per_customer)
    report.fixed, _ = runs.dbt_build("fixed", small)

    started = time.perf_counter()
    landing = folder / f"landing-{customers}-{lines_per_customer:g}.duckdb"
    if not landing.exists():
        say(f"landing tables of {customers:,} customers")
        unfinished = landing.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        make_shop(unfinished, customers, lines_per_customer)
        unfinished.rename(landing)
    shutil.copyfile(landing, runs.database)
    report.landing_gigabytes = round(runs.database.stat().st_size / 1e9, 3)
    with duckdb.connect(runs.database, read_only=True) as connection:
        report.orders, report.lines = connection.sql(
            "select (select count(*) from raw.orders), (select count(*) from raw.order_lines)"
        ).fetchall()[0]
    say(f"{report.lines:,} line rows in {time.perf_counter() - started:.0f} s; the full build")
    report.full, report.slowest_full = runs.dbt_build("full", runs.database)
    say(f"full build {report.full.seconds:.1f} s; the limit")
    report.limit = runs.limit()
    say(f"limit {report.limit.seconds:.1f} s; comparing")
    report.differing_rows = runs.differences()
    say(f"{report.differing_rows:,} rows differ; one more day")
    load_next_day(runs.database, customers)
    report.daily, report.slowest_daily = runs.dbt_build("daily", runs.database)
    say(f"daily build {report.daily.seconds:.1f} s")
    return report


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200_000, help="customers of the shop (default 200000)")
    parser.add_argument("--lines-per-customer", type=float, default=10, help="order lines for each (default 10)")
    parser.add_argument(
        "--dir",
        type=Path,
        help="folder to work in; keeps the landing tables for another run (default: a temporary one)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    if given.customers < 1:
        parser.error(f"--customers {given.customers}: expected 1 or more")
    if given.lines_per_customer < MIN_LINES_PER_CUSTOMER:
        parser.error(f"--lines-per-customer {given.lines_per_customer:g}: expected {MIN_LINES_PER_CUSTOMER} or more")
    return given


def main() -> None:
    """Run it and print the table or the JSON."""
    given = options()
    folder = given.dir or Path(tempfile.mkdtemp(prefix="regulars-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    for database in ("regulars.duckdb", "one-customer.duckdb"):
        (folder / database).unlink(missing_ok=True)
    try:
        report = bench(given.customers, given.lines_per_customer, folder)
    finally:
        if given.dir is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(asdict(report), indent=2) if given.json else table(report))


if __name__ == "__main__":
    main()
