"""A small shop with its audiences, built once; and a project's skeleton for what needs no warehouse."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, build, run_in_warehouse
from typer.testing import CliRunner

from regulars.audiences.refusals import CODES, SEGMENTS
from regulars.cli import app

Say = Callable[..., str]
LIST = Path("macros") / "audiences" / "audience_models.sql"


@pytest.fixture(scope="session")
def built_audiences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample shop with 300 customers, loaded and built; to be copied before anything is written to it."""
    folder = tmp_path_factory.mktemp("audiences")
    database = folder / "shop.duckdb"
    run_in_warehouse(database, "regulars", "sample", "--customers", "300", "--out", str(folder / "shop"))
    run_in_warehouse(database, "regulars", "load", str(folder / "shop"))
    build(database)
    return database


@pytest.fixture
def shop(built_audiences: Path, tmp_path: Path) -> Path:
    """A copy of the built shop that a test may write to."""
    return Path(shutil.copy(built_audiences, tmp_path / "shop.duckdb"))


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run `regulars …`; return what it printed."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: object) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A folder with as much of the project as `audience new` reads."""
    project = tmp_path / "project"
    (project / "models" / "audiences").mkdir(parents=True)
    shutil.copy(ROOT / "dbt_project.yml", project)
    for name in (LIST, CODES, SEGMENTS):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    for ending in ("sql", "yml"):
        shutil.copy(ROOT / "models" / "audiences" / f"aud_lost_vips.{ending}", project / "models" / "audiences")
    return project


def copy_project(target: Path) -> Path:
    """What dbt needs of the project, in a folder of its own."""
    target.mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(ROOT / name, target)
    for name in ("macros", "models", "seeds", "python_models", "tests/dbt"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target
