"""How long predictions take for a shop of any size, on one processor, and the memory they need.

    python benchmarks/predictions_scale.py --customers 1000000

The shop is that of scale.py. Everything that predictions read is built first and not measured. Then each part runs in a
process of its own: features, training and scoring of purchase intent, and the scoring of the next day, which finds a
model that is young enough; the same for product affinity. See README.md in this folder.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
from scale import Run, make_shop, measured, say

INTENT = (
    "int_purchase_days", "int_prediction_dates", "int_prediction_gate", "int_intent_training", "int_intent_scoring",
    "pred_intent_models", "pred_purchase_intent",
)  # fmt: skip
AFFINITY = (
    "int_affinity_snapshots", "int_affinity_purchases", "int_affinity_item_days", "int_affinity_items",
    "int_affinity_item_facts", "int_affinity_customers", "int_affinity_customer_items", "int_affinity_outcomes",
    "int_affinity_scoring", "pred_affinity_models", "pred_product_affinity",
)  # fmt: skip
PARTS = {"purchase intent": INTENT, "product affinity": AFFINITY}


@dataclass
class Part:
    """What the parts took: with training, and the day after."""

    trained: Run
    scored: Run
    slowest: dict[str, float] = field(default_factory=dict)


@dataclass
class Report:
    """All that is printed, and written with ``--json``."""

    customers: int
    lines: int = 0
    buyers: int = 0
    fixed: Run | None = None
    parts: dict[str, Part] = field(default_factory=dict)


def run_dbt(folder: Path, name: str, words: list[str]) -> tuple[Run, dict[str, float]]:
    """One dbt command without tests: the run, and the seconds of its slowest models."""
    target = folder / "target"
    environment = os.environ | {
        "REGULARS_DATABASE": str(folder / "regulars.duckdb"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(folder / "logs"),
        "OMP_NUM_THREADS": "1",
    }
    run = measured([str(Path(sys.executable).parent / "dbt"), *words], environment, folder / f"{name}.log")
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    seconds = {row["unique_id"].split(".")[-1]: round(row["execution_time"], 1) for row in results}
    return run, dict(sorted(seconds.items(), key=lambda item: -item[1])[:12])


def bench(customers: int, lines_per_customer: float, folder: Path, parts: list[str]) -> Report:
    """Make the shop, build what is not measured, measure the parts."""
    report = Report(customers=customers)
    landing = folder / f"landing-{customers}-{lines_per_customer:g}.duckdb"
    if not landing.exists():
        say(f"landing tables of {customers:,} customers")
        unfinished = landing.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        make_shop(unfinished, customers, lines_per_customer)
        unfinished.rename(landing)
    shutil.copyfile(landing, folder / "regulars.duckdb")
    say("what predictions read (not measured)")
    predicted = [name for part in parts for name in PARTS[part]]
    wanted = [f"+{name}" for name in predicted]
    no_tests = ["test_type:data", "test_type:unit"]
    run_dbt(folder, "before", ["build", "--select", *wanted, "--exclude", *predicted, *no_tests])
    with duckdb.connect(folder / "regulars.duckdb", read_only=True) as connection:
        report.lines = connection.sql("select count(*) from raw.order_lines").fetchall()[0][0]
    # From here on one processor: what DuckDB and the libraries start sees no other.
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    report.fixed, _ = run_dbt(folder, "fixed", ["run", "--select", "int_as_of"])
    for part in parts:
        say(f"{part}: features, training and scoring")
        trained, slowest = run_dbt(folder, part.replace(" ", "_"), ["run", "--select", *PARTS[part]])
        say(f"{part}: {trained.seconds:.1f} s; once more, with the stored model")
        scored, _ = run_dbt(folder, f"{part.replace(' ', '_')}_again", ["run", "--select", *PARTS[part]])
        report.parts[part] = Part(trained, scored, slowest)
    with duckdb.connect(folder / "regulars.duckdb", read_only=True) as connection:
        report.buyers = connection.sql(
            "select count(distinct customer_id) from intermediate.int_purchase_days"
        ).fetchall()[0][0]
    return report


def table(report: Report) -> str:
    """The report as people read it."""
    lines = [
        f"{report.customers:,} customers, {report.buyers:,} buyers, {report.lines:,} order lines; one processor",
        "",
        f"{'':<44}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'others':>8}",
    ]
    rows = [("dbt's fixed part", report.fixed)]
    for name, part in report.parts.items():
        rows += [(f"{name}, with training", part.trained), (f"{name}, with the stored model", part.scored)]
    lines += [
        f"{name:<44}{run.seconds:>9.1f}{run.cpu_seconds:>9.1f}{run.peak_gigabytes:>9.2f}{run.others_load:>8.1f}"
        for name, run in rows
        if run is not None
    ]
    for name, part in report.parts.items():
        lines += ["", f"{name}, slowest models, seconds:"]
        lines += [f"  {seconds:>8.1f}  {model}" for model, seconds in part.slowest.items()]
    return "\n".join(lines)


def main() -> None:
    """Run it and print the table or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers of the shop (default 1000000)")
    parser.add_argument("--lines-per-customer", type=float, default=10, help="order lines for each (default 10)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (default: both)")
    parser.add_argument("--dir", type=Path, help="folder to work in; keeps the landing tables (default: temporary)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    folder = given.dir or Path(tempfile.mkdtemp(prefix="regulars-predictions-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = bench(given.customers, given.lines_per_customer, folder, given.part or list(PARTS))
    finally:
        if given.dir is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(asdict(report), indent=2) if given.json else table(report))


if __name__ == "__main__":
    main()
