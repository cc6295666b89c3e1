"""Run one SQL script on one DuckDB file, in a process of its own so that its memory can be measured."""

import sys
from pathlib import Path

import duckdb


def main() -> None:
    """Arguments: the database, the script, the number of threads."""
    database, script, threads = sys.argv[1:]
    with duckdb.connect(database) as connection:
        connection.execute(f"set threads = {int(threads)}")
        connection.execute(Path(script).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
