"""Checks that need a warehouse of their own: the SQL linter (its dbt templater compiles), and builds one upon another.

Run from the project's root. The warehouse, dbt's target and its logs live in a temporary folder, so that nobody's
`regulars.duckdb` is touched and the two runs of a developer and of CI cannot meet.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

BIN = Path(sys.executable).parent
SINCE = "timestamptz '2025-12-01 00:00:00+00'"
# what the second load brings: some of it is about older orders and customers
LATER = {
    "order_lines": f"order_id in (select order_id from raw.orders where ordered_at >= {SINCE})",
    "orders": f"ordered_at >= {SINCE}",
    "refunds": f"refunded_at >= {SINCE}",
    "customers": "hash(customer_id) % 20 = 0",
    "products": "hash(product_id) % 20 = 0",
    "email_events": f"occurred_at >= {SINCE}",
    "web_events": f"occurred_at >= {SINCE}",
}

KEEPS_EVERY_TRAINING = ("pred_intent_models", "pred_affinity_models", "prediction_quality")
# Learnt although the shop is small, and by every build: else a daily build scores with the model of the day before.
VARS = ("--vars", '{"prediction_min_buyers": 300, "retrain_after_days": 0}')


def run(*words: str) -> None:
    """Run one command; leave with its exit code if it fails."""
    print("+", *(Path(word).name if word.startswith(str(BIN)) else word for word in words), flush=True)
    code = subprocess.run(words).returncode
    if code != 0:
        sys.exit(code)


def load_sample(folder: Path) -> None:
    """A small sample shop with every kind of row, its dirty ones left out."""
    shop = folder / "shop"
    run(str(BIN / "regulars"), "sample", "--out", str(shop), "--customers", "600", "--clean")
    run(str(BIN / "regulars"), "load", str(shop))


def marts(database: Path) -> dict[str, tuple[int, int]]:
    """Rows of each mart, and a sum of row hashes that does not depend on their order.

    The stored models are left out, and their back-tests: they keep every training there was.
    """
    with duckdb.connect(database, read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
        content = {}
        for (table,) in tables:
            if table in KEEPS_EVERY_TRAINING:
                continue
            row = connection.execute(f"select count(*), sum(hash(rows)) from marts.{table} as rows").fetchone()
            assert row is not None
            content[table] = row
    return content


def put_off(database: Path) -> None:
    """Take what happened in the last weeks out of the landing tables, as if it had not been loaded yet."""
    with duckdb.connect(database) as connection:
        connection.execute("create schema later")
        for table, condition in LATER.items():
            connection.execute(f"create table later.{table} as select * from raw.{table} where {condition}")
            connection.execute(f"delete from raw.{table} where {condition}")


def bring_back(database: Path) -> None:
    """Load it after all, as one more load."""
    with duckdb.connect(database) as connection:
        for table in LATER:
            rows = f"select * replace (_loaded_at + interval 1 day as _loaded_at) from later.{table}"
            connection.execute(f"insert into raw.{table} {rows}")
        connection.execute("drop schema later cascade")


def check_builds(database: Path) -> None:
    """A whole build with every test, one on top of it, one more load and its daily build; the same as all at once.

    Each comparison is of every row of every mart. The history of RFM tiers is the exception by design: it is kept by a
    full refresh, so the marts that show it are the same too.
    """
    dbt = str(BIN / "dbt")
    models_only = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    put_off(database)
    run(dbt, "--warn-error", "--quiet", "build", *VARS)
    first = marts(database)
    run(dbt, "--warn-error", "--quiet", "build", *VARS, *models_only)
    expect_same("a second build of the same rows", first, marts(database))
    bring_back(database)
    run(dbt, "--warn-error", "--quiet", "build", *VARS, "--exclude-resource-type", "unit_test")
    daily = marts(database)
    if daily == first:
        sys.exit("error: the load that was brought back changed nothing; the check would prove nothing")
    run(dbt, "--warn-error", "--quiet", "build", *VARS, "--full-refresh", *models_only)
    expect_same("a full refresh after the daily build", daily, marts(database))
    print(f"{len(daily)} marts: a second build changes none, and a daily build makes them what a full refresh makes")


def expect_same(what: str, before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> None:
    """Leave with a sentence that names the marts which are different."""
    if before != after:
        sys.exit(f"error: {what} changed {[table for table in before if before[table] != after[table]]}")


def main() -> None:
    """`lint`: sqlfluff over all SQL. `build`: the builds."""
    what = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="regulars-") as name:
        folder = Path(name)
        database = folder / "scratch.duckdb"
        os.environ["REGULARS_DATABASE"] = str(database)
        os.environ["DBT_TARGET_PATH"] = str(folder / "target")
        os.environ["DBT_LOG_PATH"] = str(folder / "logs")
        load_sample(folder)
        if what == "lint":
            run(str(BIN / "sqlfluff"), "lint", "--processes", "1", "--disable-progress-bar", "models", "tests/dbt")
        else:
            check_builds(database)


if __name__ == "__main__":
    main()
