"""The YAML says what is there: columns of the warehouse, landing tables of the loader, arguments of the macros."""

import re

import duckdb
import jinja2
import pytest
import yaml

from regulars.load.landing import LOADED_AT, LOADED_FILES, REJECTED_ROWS, SQL_TYPES, TABLES

ENGINE_BRANCH = re.compile(r"(default|duckdb|spark)__")


def numeric(sql_type):
    return sql_type.replace("decimal", "numeric")


def landing_types(table):
    """Names and types of a landing table as the loader makes it."""
    columns = {column.name: numeric(column.sql_type) for column in table.columns}
    return columns | {LOADED_AT: SQL_TYPES["timestamp"]}


def landing_columns_of_the_macro(project, table):
    """What the macro `landing_columns` returns, without dbt around it."""
    returned = []
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    text = (project / "macros" / "landing" / "landing_columns.sql").read_text(encoding="utf-8")
    environment.from_string(text, globals={"return": returned.append}).module.landing_columns(table)
    return returned[0]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_macro_has_the_columns_of_the_loader(project, table):
    in_macro = landing_columns_of_the_macro(project, table.name)
    assert list(in_macro.items()) == list(landing_types(table).items())


@pytest.mark.parametrize("table", [*TABLES, REJECTED_ROWS, LOADED_FILES], ids=lambda table: table.name)
def test_the_sources_describe_the_columns_of_the_loader(tables, table):
    source = next(found for found in tables if found.name == table.name and found.part[0] == "landing")
    assert {column.name: column.data_type for column in source.columns} == landing_types(table)
    words = {column.name: column.description for column in source.columns if column.name != LOADED_AT}
    assert words == {column.name: column.description for column in table.columns}


def test_the_yaml_has_the_columns_of_the_warehouse(tables, built_sample_shop):
    """All of them and in their order: a reader compares the two side by side."""
    with duckdb.connect(built_sample_shop, read_only=True) as connection:

        def as_duckdb_says(sql_type):
            return connection.execute(f"select typeof(cast(null as {sql_type}))").fetchone()[0]

        types = {column.data_type for table in tables for column in table.columns}
        spelled = {sql_type: as_duckdb_says(sql_type) for sql_type in types}
        built = {}
        for schema, table, column, sql_type in connection.execute(
            "select table_schema, table_name, column_name, data_type from information_schema.columns "
            "where table_schema in ('staging', 'intermediate', 'audiences', 'marts', 'seeds') "
            "order by table_name, ordinal_position"
        ).fetchall():
            built.setdefault(f"{schema}.{table}", []).append((column, sql_type))
    said = {
        table.relation: [(column.name, spelled[column.data_type]) for column in table.columns]
        for table in tables
        if table.part[0] != "landing"
    }
    assert {name: said[name] for name in sorted(said)} == {name: built.get(name) for name in sorted(said)}


def test_every_macro_is_described_with_its_arguments(project):
    """One public macro a file, of that name; the branches for single engines need no words of their own."""
    for folder in sorted(path for path in (project / "macros").iterdir() if path.is_dir()):
        described = {
            macro["name"]: macro
            for macro in yaml.safe_load((folder / "_macros.yml").read_text(encoding="utf-8"))["macros"]
        }
        defined = {}
        for file in folder.glob("*.sql"):
            for name, arguments in re.findall(r"\{%-?\s*macro (\w+)\(([^)]*)\)", file.read_text(encoding="utf-8")):
                if not ENGINE_BRANCH.match(name):
                    assert name == file.stem, f"{file}: one public macro a file, named as the file"
                    defined[name] = [part.split("=")[0].strip() for part in arguments.split(",") if part.strip()]
        assert set(described) == set(defined), folder
        for name, macro in described.items():
            assert macro["description"], name
            arguments = macro.get("arguments", [])
            assert [argument["name"] for argument in arguments] == defined[name], name
            assert all(argument["type"] and argument["description"] for argument in arguments), name
