"""Checks that need a warehouse of their own: the SQL linter (its dbt templater compiles), and `dbt build` twice.

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
    """Rows of each mart, and a sum of row hashes that does not depend on their order."""
    with duckdb.connect(database, read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
        content = {}
        for (table,) in tables:
            row = connection.execute(f"select count(*), sum(hash(rows)) from marts.{table} as rows").fetchone()
            assert row is not None
            content[table] = row
    return content


def main() -> None:
    """`lint`: sqlfluff over all SQL. `build`: full build with every test, then an incremental one, equal outputs."""
    what = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="regulars-") as name:
        folder = Path(name)
        os.environ["REGULARS_DATABASE"] = str(folder / "scratch.duckdb")
        os.environ["DBT_TARGET_PATH"] = str(folder / "target")
        os.environ["DBT_LOG_PATH"] = str(folder / "logs")
        if what == "lint":
            load_sample(folder)
            run(str(BIN / "sqlfluff"), "lint", "--processes", "1", "--disable-progress-bar", "models", "tests/dbt")
        else:
            load_sample(folder)
            run(str(BIN / "dbt"), "--warn-error", "--quiet", "build")
            full = marts(folder / "scratch.duckdb")
            run(str(BIN / "dbt"), "--warn-error", "--quiet", "build")
            again = marts(folder / "scratch.duckdb")
            if full != again:
                sys.exit(f"error: a second build changed {[table for table in full if full[table] != again[table]]}")
            print(f"{len(full)} marts, the same after a second, incremental build")


if __name__ == "__main__":
    main()
