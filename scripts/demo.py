"""`make demo`: a sample shop from files to segments, and a summary of it.

The demo uses the warehouse that dbt and `regulars` use by default, so that what a reader tries next works at once. It
never touches a warehouse that holds anything but the sample shop.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from regulars.load.demo_shop import holds_only_demo_shop
from regulars.warehouse import database_path

BIN = Path(sys.executable).parent


def run(title: str, *words: str) -> None:
    """Say what happens, do it, and show its output only if it fails."""
    print(f"{title} … ", end="", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        print("failed", flush=True)
        print(done.stdout)
        sys.exit(done.returncode)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    """Sample, load, build, summarise; say where things are."""
    folder = Path("demo")
    database = database_path()
    if database.exists():
        if not holds_only_demo_shop(database):
            sys.exit(
                f"error: {database} holds a shop of yours; the demo leaves it alone. "
                "Give the demo another file: REGULARS_DATABASE=demo.duckdb make demo"
            )
        database.unlink()
    os.environ["DBT_LOG_PATH"] = str(folder / "logs")
    shop = folder / "shop"
    shutil.rmtree(shop, ignore_errors=True)
    run("Making up a shop: 2,000 customers, three years", "regulars", "sample", "--out", str(shop))
    run("Loading its files", "regulars", "load", str(shop))
    run(
        "Building the segments, with every test of the data (dbt build)",
        *("dbt", "build", "--exclude-resource-type", "unit_test"),
    )
    sys.exit(subprocess.run([str(BIN / "regulars"), "summary"]).returncode)


if __name__ == "__main__":
    main()
