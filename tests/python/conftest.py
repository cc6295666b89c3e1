"""Warehouses that several tests look at: built once a session, read only afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data"
BIN = Path(sys.executable).parent

# The same examples every time: a red test in CI is red on the desk.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests share a worker: those of a built warehouse, else those of a file; the longest begin.

    A worker builds its own session fixtures, so a warehouse that two workers look at would be built twice.
    """
    for item in items:
        built = [name for name in getattr(item, "fixturenames", ()) if name.startswith("built_")]
        item.add_marker(pytest.mark.xdist_group(built[0] if built else str(item.path.relative_to(HERE))))
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] != "project")


def run_in_warehouse(database: Path, *words: str) -> str:
    """Run one of the project's commands against a warehouse of its own; return what it printed."""
    environment = os.environ | {
        "REGULARS_DATABASE": str(database),
        "DBT_TARGET_PATH": str(database.with_name(f"{database.stem}-target")),
        "DBT_LOG_PATH": str(database.with_name(f"{database.stem}-logs")),
    }
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)} left with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


NOTHING_LEARNT = {"prediction_min_buyers": 1_000_000_000}
"""Learning takes longer than all the rest; where only its consumers matter, the purchase model alone is enough."""


def build(database: Path, **variables: object) -> None:
    """`dbt build` without tests: what it makes is tested here, and its own tests run in `make build-check`."""
    run_in_warehouse(
        database,
        "dbt",
        "--quiet",
        "build",
        "--exclude-resource-type",
        "test",
        "--exclude-resource-type",
        "unit_test",
        "--vars",
        json.dumps(NOTHING_LEARNT | variables),
    )


def real_data(name: str) -> Path:
    """A file of the real data sets; the test is skipped where the folder is absent, as in a user's clone."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name} in ../shared/data, which a clone does not have")
    return path


@pytest.fixture(scope="session")
def built_sample_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample shop of 2,000 customers, loaded and built."""
    folder = tmp_path_factory.mktemp("sample-shop")
    database = folder / "shop.duckdb"
    run_in_warehouse(database, "regulars", "sample", "--out", str(folder / "shop"))
    run_in_warehouse(database, "regulars", "load", str(folder / "shop"))
    build(database)
    return database


@pytest.fixture(scope="session")
def built_online_retail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 541,909 lines of the UCI Online Retail file, loaded and built."""
    database = tmp_path_factory.mktemp("online-retail") / "shop.duckdb"
    run_in_warehouse(database, "regulars", "load", "--preset", "online-retail", str(real_data("online_retail.csv.gz")))
    build(database)
    return database


@pytest.fixture(scope="session")
def built_online_retail_ii(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 919,636 lines of two years of the same shop, loaded and built."""
    database = tmp_path_factory.mktemp("online-retail-ii") / "shop.duckdb"
    run_in_warehouse(
        database, "regulars", "load", "--preset", "online-retail", str(real_data("online_retail_ii.parquet"))
    )
    build(database)
    return database
