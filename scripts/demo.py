"""`make demo`: a sample shop from files to segments, and a summary of it.

The demo uses the warehouse that dbt and `regulars` use by default, so that what a reader tries next works at once. It
never touches a warehouse that holds anything but the sample shop.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from regulars.errors import RegularsError, WarehouseError
from regulars.load.demo_shop import holds_only_demo_shop
from regulars.publish.fakes.webhook import receiver
from regulars.warehouse import connect, database_path

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


def make_room(database: Path) -> None:
    """Remove the warehouse of an earlier demo, finished or not.

    Raises
    ------
    RegularsError: it holds anything else, or another process has it open.
    """
    if not database.exists():
        return
    if not holds_only_demo_shop(database):
        raise WarehouseError(
            f"{database} holds a shop of yours; the demo leaves it alone. "
            "Give the demo another file: REGULARS_DATABASE=demo.duckdb make demo"
        )
    with connect(database):
        pass  # Refused while anybody else has it open; and takes up the log that a killed process left beside it.
    database.unlink()


def main() -> None:
    """Sample, load, build, summarise; say where things are."""
    folder = Path("demo")
    make_room(database_path())
    os.environ["DBT_LOG_PATH"] = str(folder / "logs")
    shop = folder / "shop"
    for left in (shop, *folder.glob(".shop.*.partial")):
        shutil.rmtree(left, ignore_errors=True)
    run("Making up a shop: 2,000 customers, three years", "regulars", "sample", "--out", str(shop))
    run("Loading its files", "regulars", "load", str(shop))
    run(
        "Building the segments, with every test of the data (dbt build)",
        *("dbt", "build", "--exclude-resource-type", "unit_test"),
    )
    publish(folder)
    sys.exit(subprocess.run([str(BIN / "regulars"), "summary"]).returncode)


def publish(folder: Path) -> None:
    """Send two audiences: one to a file, one to a receiver on this machine that stands in for an account."""
    os.environ["REGULARS_RECEIVER_SECRET"] = "made up for the demo"
    for left in folder.glob("publish_ledger.duckdb*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    with receiver(os.environ["REGULARS_RECEIVER_SECRET"]) as heard:
        said = Path("publish.example.yml").read_text(encoding="utf-8")
        settings = folder / "publish.yml"
        said = re.sub(r"http://127\.0\.0\.1:\d+/audiences", heard.url, said)
        # A place of its own, so that nobody's first ledger beside it is taken for the demo's that was lost.
        said = said.replace("folder: published", f"folder: {json.dumps(str((folder / 'published').resolve()))}")
        settings.write_text(said, encoding="utf-8")
        run("Publishing two audiences", "regulars", "publish", "apply", "--settings", str(settings))
    people = sum(len(each) for each in heard.people.values())
    print(f"  {folder / 'published'} has one of them; a receiver on this machine took {people} people of the other")


if __name__ == "__main__":
    try:
        main()
    except RegularsError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; make demo begins anew")
