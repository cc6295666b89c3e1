"""`regulars summary` and `regulars explain` say what the marts hold."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.errors import RegularsError, UsageError, WarehouseError
from regulars.summary.inputs import INPUTS


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def warehouse(built_sample_shop: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(built_sample_shop, read_only=True)


def one_row(warehouse: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    row = warehouse.execute(query).fetchone()
    assert row is not None
    return row


def test_json_has_every_customer_in_every_partition(
    built_sample_shop: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    found = json.loads(run("summary", "--database", str(built_sample_shop), "--json"))
    (customers,) = one_row(warehouse, "select count(*) from marts.customer_segments")
    assert found["customer_count"] == customers
    assert {partition["kind"] for partition in found["partitions"]} == {
        "lifecycle_state",
        "importance",
        "persona",
        "customer_type",
        "rfm_tier",
    }
    for partition in found["partitions"]:
        assert sum(segment["customer_count"] for segment in partition["segments"]) == customers
        assert sum(segment["revenue_share"] for segment in partition["segments"]) == pytest.approx(1)


def test_every_input_of_the_build_has_words(built_sample_shop: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    codes = [code for (code,) in warehouse.execute("select input_name from intermediate.int_inputs").fetchall()]
    assert codes
    assert set(codes) <= set(INPUTS)
    assert "Not known" not in run("summary", "--database", str(built_sample_shop))


def test_text_speaks_the_language_asked_for(built_sample_shop: Path) -> None:
    assert "Slipping away" in run("summary", "--database", str(built_sample_shop))
    assert "Slipping away" not in run("summary", "--database", str(built_sample_shop), "--language", "it")


def test_an_unknown_language_is_refused(built_sample_shop: Path) -> None:
    with pytest.raises(UsageError, match="en, da, sv, nb, it, ru"):
        run("summary", "--database", str(built_sample_shop), "--language", "de")


def test_explain_gives_the_reasons_of_the_marts(built_sample_shop: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    customer, reason, changes_on = one_row(
        warehouse,
        "select customer_id, lifecycle_reason, lifecycle_changes_on from marts.customer_segments"
        " where lifecycle_state = 'active' order by customer_id limit 1",
    )
    said = run("explain", str(customer), "--database", str(built_sample_shop))
    assert str(reason) in said
    assert f"Changes on {changes_on}" in said


def test_explain_follows_a_merged_id(built_sample_shop: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    merged, customer = one_row(
        warehouse,
        "select source_customer_id, customer_id from marts.customer_identities"
        " where match_rule = 'merged_by_shared_email' and source_customer_id is not null order by 1 limit 1",
    )
    with pytest.raises(UsageError, match=f"regulars explain {customer}"):
        run("explain", str(merged), "--database", str(built_sample_shop))


@pytest.mark.parametrize("verb", [["summary"], ["explain", "anybody"]])
def test_an_unbuilt_warehouse_says_what_to_run(tmp_path: Path, verb: list[str]) -> None:
    database = tmp_path / "empty.duckdb"
    duckdb.connect(database).close()
    with pytest.raises(WarehouseError, match="dbt build"):
        run(*verb, "--database", str(database))


def test_a_missing_warehouse_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match="regulars load"):
        run("summary", "--database", str(tmp_path / "none.duckdb"))
