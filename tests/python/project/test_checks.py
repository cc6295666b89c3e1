"""What a build says before its first model and after its last: vars that make no sense, and inputs that are absent."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import yaml

from regulars.load.landing import create_tables

from .dbt_runs import PROJECT, DbtFailedError, run_dbt

# each value beside words of the sentence it must bring
ALONE = {
    "recent_engagement_days": (-1, "must be a whole number of at least 1"),
    "new_customer_days": ("many", "must be a whole number of at least 0"),
    "sale_reference_percent": (101, "must be a whole number of at most 100"),
    "gift_clues": (4, "must be a whole number of at most 3"),
    "vip_percent_rank": (1.5, "must be a number from 0 to 1"),
    "slipping_ratio": (0, "must be a positive number or a fraction"),
    "lost_ratio": ("0/5", "must be a positive number or a fraction"),
    "peak_week_ratio": ("1/0", "must be a positive number or a fraction"),
    "has_refunds": ("perhaps", "must be true or false"),
    "gift_tags": ("gift", "must be a list"),
    "aov_window_days": (0, "must be a whole number of at least 1, or null"),
    "average_order_value": (0, "must be a number above 0, or null"),
    "customer_type_value": ("clv", "must be aov or margin"),
    "reporting_currency": ("EURO", "must be a three-letter ISO 4217 code"),
    "shop_country": ("DNK", "must be a two-letter ISO 3166 code"),
    "as_of_date": ("2026-02-30", "must be a date as in 2026-01-31"),
    "shop_timezone": ("Europe/Kopenhagen", "must be an IANA name"),
    "landing_tables": ({"order": "x"}, "names 'order'; there are: orders"),
}
TOGETHER = {
    "slipping_floor_days": (61, "lost_floor_days is 60; it must not be below slipping_floor_days"),
    "frequent_percent_rank": (0.91, "vip_percent_rank is 0.9; it must not be below frequent_percent_rank"),
    "lost_ratio": ("5/4", "lost_ratio is 5/4; it must not be below slipping_ratio (4/3)"),
    "just_passing_from_days": (391, "lapsed_purchase_days is 390; it must not be below just_passing_from_days"),
}


@pytest.fixture
def empty_shop(tmp_path: Path) -> Path:
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(database) as connection:
        create_tables(connection)
    return database


@pytest.mark.parametrize("cases", [ALONE, TOGETHER], ids=["alone", "together"])
def test_every_var_that_makes_no_sense_is_named_before_anything_is_built(empty_shop, tmp_path, cases):
    with pytest.raises(DbtFailedError):
        run_dbt(
            "run", database=empty_shop, scratch=tmp_path, variables={name: value for name, (value, _) in cases.items()}
        )
    said = (tmp_path / "logs" / "dbt.log").read_text(encoding="utf-8")
    unsaid = [name for name, (_, words) in cases.items() if words not in said]
    assert not unsaid
    with duckdb.connect(empty_shop) as connection:
        assert not connection.sql("select 1 from information_schema.tables where table_schema <> 'raw'").fetchall()


def test_a_var_nobody_reads_and_a_day_that_has_not_come_are_warnings_and_absent_inputs_are_said(empty_shop, tmp_path):
    variables = {"slippng_ratio": 2, "as_of_date": "2999-01-01"}
    run_dbt(
        *(
            "build",
            "--select",
            "+int_inputs",
            "--exclude-resource-type",
            "test",
            "--exclude-resource-type",
            "unit_test",
        ),
        database=empty_shop,
        scratch=tmp_path,
        variables=variables,
    )
    said = (tmp_path / "logs" / "dbt.log").read_text(encoding="utf-8")
    assert "--vars names 'slippng_ratio', which is no var of Regulars" in said
    assert "as_of_date is 2999-01-01, a day that has not come" in said
    assert "No web events, so not known: site intent, window shoppers, abandoned and open carts." in said


def test_the_check_knows_every_var_of_the_project():
    check = (PROJECT / "macros" / "checks" / "check_vars.sql").read_text(encoding="utf-8")
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    assert not [name for name in declared if not re.search(rf"'{name}'", check)]
