"""Checks that need a warehouse of their own: the SQL linter (its dbt templater compiles), and `dbt build` twice.

Run from the project's root. The warehouse, dbt's target and its logs live in a temporary folder, so that nobody's
`regulars.duckdb` is touched and the two runs of a developer and of CI cannot meet.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

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
            run(str(BIN / "sqlfluff"), "lint", "--processes", "1", "models", "tests/dbt", "macros")
        else:
            load_sample(folder)
            run(str(BIN / "dbt"), "--warn-error", "build", "--quiet")
            run(str(BIN / "dbt"), "--warn-error", "build", "--quiet")


if __name__ == "__main__":
    main()
