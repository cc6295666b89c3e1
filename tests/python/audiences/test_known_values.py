"""The macro `known_values` in a project of two nodes: when it asks the warehouse, and what it does where it cannot."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from conftest import BIN, ROOT

FILES = {
    "dbt_project.yml": "{name: little, profile: little, flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "little: {target: it, outputs: {it: {type: duckdb, path: 'little.duckdb'}}}",
    "seeds/colours.csv": "colour,number\nred,10\nblue,9\nred,9\n,8\n",
    "models/answers.sql": (
        "select cast('{{ known_values(ref('colours'), 'colour') | tojson }}' as varchar) as colours,"
        " cast('{{ known_values(ref('colours'), 'number', where=\"colour = \\'red\\' or false\")"
        " | tojson }}' as varchar) as numbers,"
        " cast('{{ known_values(ref('colours'), 'part', joined='unnest([colour, colour || 1]) as parts(part)', most=3)"
        " | tojson }}' as varchar) as parts,"
        " (select count(*) from {{ ref('colours') }}) as row_count"
    ),
    "models/unit_tests.yml": (
        "unit_tests:\n- name: is_not_asked\n  model: answers\n"
        "  given: [{input: ref('colours'), rows: [{colour: green}]}]\n"
        "  expect: {rows: [{colours: 'null', numbers: 'null', parts: 'null', row_count: 1}]}\n"
    ),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "macros").mkdir()
    for macro in ("known_values", "can_be_asked"):
        shutil.copy(ROOT / "macros" / "audiences" / f"{macro}.sql", tmp_path / "macros")
    return tmp_path


def dbt(project: Path, *words: str) -> str:
    others = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    done = subprocess.run(
        [str(BIN / "dbt"), "--quiet", "--no-use-colors", *words],
        cwd=project, env=others, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def answers(project: Path) -> tuple[list[str] | None, ...]:
    with duckdb.connect(str(project / "little.duckdb"), read_only=True) as connection:
        row = connection.execute("select colours, numbers, parts from answers").fetchone()
    assert row is not None
    return tuple(json.loads(each) for each in row)


def test_parsing_compiling_and_unit_tests_ask_nobody(project: Path) -> None:
    dbt(project, "parse")
    assert "cast('null' as varchar) as colours" in dbt(project, "compile", "--select", "answers")
    dbt(project, "seed")
    assert "cast('null' as varchar) as colours" in dbt(project, "compile", "--select", "answers")
    dbt(project, "test", "--select", "test_type:unit")
    dbt(project, "run", "--empty")
    assert answers(project) == (None, None, None)


def test_a_build_gets_sorted_texts_without_nulls(project: Path) -> None:
    dbt(project, "build")
    assert answers(project) == (["blue", "red"], ["10", "9"], ["blue", "blue1", "red"])
    with duckdb.connect(str(project / "little.duckdb")) as connection:
        connection.execute("insert into colours values ('yellow', 1)")
    assert "yellow" in dbt(project, "show", "--select", "answers", "--output", "json")
