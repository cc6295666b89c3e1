"""What a person can get wrong with a warehouse is one sentence and exit code 2, in every verb that reads it."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

from regulars.docs.project import run_dbt

ROOT = Path(__file__).resolve().parents[3]
REGULARS = Path(sys.executable).parent / "regulars"
VERBS = [["summary"], ["explain", "anybody"], ["docs", "site", "--out", "site.html"]]


def call(database: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"REGULARS_DATABASE": str(database), "DBT_LOG_PATH": str(database.parent / "logs")}
    project = ["--project-dir", str(ROOT)] if words[0] == "docs" else []
    return subprocess.run(
        [REGULARS, *words, *project],
        cwd=database.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(database: Path, *words: str) -> str:
    done = call(database, *words)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_folder_is_no_warehouse(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder", *verb)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_another_file_is_no_warehouse(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("not a database")
    assert "cannot be opened as a DuckDB database" in refusal(tmp_path / "notes.txt", *verb)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_warehouse_in_use_is_named(tmp_path: Path, verb: list[str]) -> None:
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(database):
        assert "is in use by another process" in refusal(database, *verb)


@pytest.mark.parametrize("verb", VERBS[:2], ids=lambda verb: verb[0])
def test_a_missing_warehouse_says_what_to_run(tmp_path: Path, verb: list[str]) -> None:
    assert "regulars load FILES" in refusal(tmp_path / "none.duckdb", *verb)


@pytest.mark.parametrize("verb", VERBS[:2], ids=lambda verb: verb[0])
def test_a_warehouse_of_another_version_says_what_to_run(hand_made: Path, write, verb: list[str]) -> None:
    write("alter table marts.customer_segments drop column lifecycle_state")
    assert "dbt build --full-refresh" in refusal(hand_made, *verb)


def test_dbt_speaks_in_one_sentence_too(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: [")
    done = subprocess.run([REGULARS, "docs", "dictionary"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "dbt parse failed" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


INTERRUPTED = """
import signal
from regulars.summary import command

# Whoever was started in the background of a shell ignores the signal, and its children do.
signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupted(*_, **__):
    signal.raise_signal(signal.SIGINT)

command.connect = interrupted
from regulars.cli import main
main()
"""


def test_ctrl_c_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "summary"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "stopped; nothing is half-written, and what was not finished is done by the next run\n"


def test_ctrl_c_stops_dbt_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> dbtRunnerResult:
        return dbtRunnerResult(success=False, exception=KeyboardInterrupt())

    monkeypatch.setattr(dbtRunner, "invoke", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_dbt(ROOT, "parse")


HEAVY = ("pandas", "numpy", "pyarrow", "dbt", "rich")


def test_summary_imports_nothing_heavy(hand_made: Path) -> None:
    """2.5 of the 3 seconds that `regulars summary` once took were imports for other verbs."""
    program = (
        "import sys\nfrom regulars.cli import app\n"
        "try: app()\nexcept SystemExit: pass\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "summary", "--database", str(hand_made)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "\n"


def test_help_does_not_import_dbt() -> None:
    program = (
        "import sys\nfrom regulars.cli import app\ntry: app()\nexcept SystemExit: pass\nassert 'dbt' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("load", "sample", "summary", "explain", "docs"):
        assert f"\n  {verb} " in done.stdout


def test_a_misspelt_verb_is_guessed() -> None:
    done = subprocess.run([REGULARS, "sumary"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean 'summary'?" in done.stderr


@pytest.mark.parametrize("verb", VERBS[:2], ids=lambda verb: verb[0])
def test_a_build_that_stopped_half_way_is_not_read_as_one(hand_made: Path, write, verb: list[str]) -> None:
    write(
        "insert into marts.customer_segments (customer_id) values ('anybody')",
        "update intermediate.int_shop_facts set as_of_date = date '2026-02-01'",
    )
    assert "the last dbt build stopped half-way: orders and shop are as of 2026-02-01" in refusal(hand_made, *verb)
    write(
        "update intermediate.int_shop_facts set as_of_date = date '2026-01-01'",
        "insert into marts.fct_orders (order_id, customer_id, net_amount) values ('1', 'anybody', 5)",
    )
    assert "stopped half-way" in refusal(hand_made, *verb)
