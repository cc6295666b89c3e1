from pathlib import Path

import pytest

from regulars.docs.project import read_tables

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="package")
def scratch(tmp_path_factory):
    """dbt writes its target and logs here, not into the project."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        yield folder


@pytest.fixture(scope="package")
def project():
    return ROOT


@pytest.fixture(scope="package")
def tables(scratch, project):
    """Every model, seed and landing table, as dbt reads the project's YAML."""
    return read_tables(project)
