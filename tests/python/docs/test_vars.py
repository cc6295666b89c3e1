"""docs/vars.md is about the vars there are, with the defaults they have, and names models that exist."""

import re

import pytest
import yaml

ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| `(?P<default>[^`]*)` \| (?P<meaning>[^|]+) \| (?P<allowed>[^|]+) \| (?P<models>[^|]+) \|$"
)


@pytest.fixture(scope="module")
def rows(project):
    lines = (project / "docs" / "vars.md").read_text(encoding="utf-8").splitlines()
    found = [ROW.match(line) for line in lines if line.startswith("| `")]
    assert all(found), "every row has five columns: var, default, meaning, allowed, used in"
    return [match.groupdict() for match in found]


@pytest.fixture(scope="module")
def project_vars(project):
    return yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def test_the_table_has_every_var_once_in_the_order_of_the_project(rows, project_vars):
    assert [row["name"] for row in rows] == list(project_vars)


def test_the_defaults_are_those_of_the_project(rows, project_vars):
    assert {row["name"]: yaml.safe_load(row["default"]) for row in rows} == project_vars


def test_the_models_named_exist_and_need_the_var(rows, project):
    """Directly or through a macro that reads it."""
    models = {path.stem: path.read_text(encoding="utf-8") for path in (project / "models").rglob("*.sql")}
    macros = {path.stem: path.read_text(encoding="utf-8") for path in (project / "macros").rglob("*.sql")}

    def reads(sql, name):
        if re.search(rf"""['"]{name}['"]""", sql):
            return True
        called = {word for word in re.findall(r"\b(\w+)\(", sql) if word in macros and macros[word] != sql}
        return any(reads(macros[word], name) for word in called)

    for row in rows:
        for model in re.findall(r"`(\w+)`", row["models"]):
            if model != "stg_":
                assert model in models, row["name"]
                assert reads(models[model], row["name"]) or row["name"].startswith("has_"), f"{row['name']}: {model}"
