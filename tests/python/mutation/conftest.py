import os
import subprocess
import sys
from pathlib import Path

import pytest
from project.compiled import compiled_project

from .cases import OTHER_VARS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def project():
    return compiled_project()


@pytest.fixture(scope="session")
def other_project():
    return compiled_project(**OTHER_VARS)


@pytest.fixture(scope="session")
def sample_of_200(tmp_path_factory):
    """A database file with the landing tables of a small sample shop."""
    folder = tmp_path_factory.mktemp("sample-of-200")
    database = folder / "shop.duckdb"
    for words in (("sample", "--out", str(folder / "shop"), "--customers", "200"), ("load", str(folder / "shop"))):
        subprocess.run(
            [str(Path(sys.executable).parent / "regulars"), *words],
            cwd=ROOT,
            env=os.environ | {"REGULARS_DATABASE": str(database)},
            check=True,
            capture_output=True,
        )
    return database
