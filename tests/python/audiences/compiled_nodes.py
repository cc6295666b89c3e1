"""Two models of audiences, compiled by dbt in a project of nothing else: their inputs are tables that a test fills."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml
from conftest import ROOT
from project.dbt_runs import run_dbt

DATABASE = "shop"
FOLDER = "models/intermediate/audiences"
MODELS = ("int_audience_members", "int_audience_memory")
INPUTS = ("int_as_of", "int_audience_definitions", "int_audience_rows")

TABLES = f"""
attach ':memory:' as {DATABASE};
use {DATABASE};
create schema intermediate;
create table intermediate.int_as_of (as_of_date date, newest_loaded_at timestamp);
create table intermediate.int_audience_definitions (
    model_name varchar, audience varchar, definition_hash varchar, experiment_key varchar, is_family boolean,
    channel varchar, priority integer, experiment varchar, holdout_share double, control_below varchar,
    sample_share double, sample_at_least integer
);
create table intermediate.int_audience_rows (
    model_name varchar, audience varchar, customer_id varchar, member_value double
);
create table intermediate.int_audience_members (
    audience varchar, customer_id varchar, arm varchar, is_sampled boolean
);
create table intermediate.int_audience_memory (
    row_kind varchar, model_name varchar, audience varchar, customer_id varchar, entered_on date, left_on date,
    arm varchar, is_sampled boolean, definition_hash varchar, experiment_key varchar
);
"""


def connect() -> duckdb.DuckDBPyConnection:
    """An empty warehouse with every table the two models read."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(TABLES)
    return connection


@functools.cache
def _compiled(variables: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        little = Path(folder) / "project"
        shutil.copytree(ROOT / "macros", little / "macros")
        (little / FOLDER).mkdir(parents=True)
        settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
        kept = {key: settings[key] for key in ("name", "version", "profile", "flags", "models", "vars")}
        (little / "dbt_project.yml").write_text(yaml.safe_dump(kept), encoding="utf-8")
        for name in MODELS:
            shutil.copy(ROOT / FOLDER / f"{name}.sql", little / FOLDER)
        for name in INPUTS:
            (little / FOLDER / f"{name}.sql").write_text("select 1 as one", encoding="utf-8")
        database = little / f"{DATABASE}.duckdb"
        with duckdb.connect(database) as connection:
            # There is a memory already: with it the model reads itself.
            connection.execute("create schema intermediate; create table intermediate.int_audience_memory (one int)")
        given = json.loads(variables)
        run_dbt("compile", database=database, scratch=little, variables=given, project=little)
        made = little / "target" / "compiled" / settings["name"] / FOLDER
        return {name: (made / f"{name}.sql").read_text(encoding="utf-8") for name in MODELS}


def compiled_sql(name: str, **variables: Any) -> str:
    """The compiled select of one of the two models, with these vars on top of the defaults."""
    return _compiled(json.dumps(variables, sort_keys=True))[name]
