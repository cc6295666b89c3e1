"""Two computations of one rule book, and a comparison that can tell them apart."""

import shutil

import duckdb
import pandas as pd
import pytest
from conftest import build

from .agreement import assert_agrees, differences
from .computation import compute
from .raw_shop import AS_OF, ago, segments


def test_sample_shop_agrees_with_the_warehouse(built_sample_shop):
    assert_agrees(compute(built_sample_shop), built_sample_shop)


@pytest.mark.parametrize(
    "variables",
    [
        # a summer day begins an hour before UTC's there, and the night of the change has 23 or 25 hours
        {"shop_timezone": "Europe/London", "merge_customers_by_email": False, "customer_type_value": "margin"},
        {"as_of_date": "2025-07-01", "shop_timezone": "America/New_York", "aov_window_days": None, "peak_years": 1},
    ],
    ids=lambda variables: variables["shop_timezone"],
)
def test_sample_shop_agrees_under_other_vars(built_sample_shop, tmp_path, variables):
    database = tmp_path / "shop.duckdb"
    shutil.copyfile(built_sample_shop, database)
    build(database, **variables)
    assert_agrees(compute(database, **variables), database)


@pytest.fixture
def reference():
    return segments(
        {"a": [(ago(45), "10"), (ago(5), "20.5")], "b": [(ago(9), "7")]},
        AS_OF,
        tables={"customers": [{"customer_id": "z"}]},
        with_changes=True,
    )


@pytest.fixture
def warehouse(tmp_path, reference):
    """A file whose marts hold exactly what the reference says."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create schema intermediate")
        for name, frame in _flat(reference).items():
            relation = {"as_of": "intermediate.int_as_of", "orders": "marts.fct_orders"}.get(name, f"marts.{name}")
            amounts = [column for column in frame.columns if column.endswith("_amount")]
            replaced = ", ".join(
                f"cast(cast({column} as decimal(38,4)) / 10000 as decimal(18,4)) as {column}" for column in amounts
            )
            columns = f"* replace ({replaced})" if amounts else "*"
            connection.register("frame", _without_null_columns(frame))
            connection.execute(f"create table {relation} as select {columns} from frame")
            connection.unregister("frame")
    return path


def _flat(reference):
    single = ("orders", "as_of", "customer_category_facts", "customer_ad_segments")
    return {name: frame if name in single else frame.reset_index() for name, frame in reference.items()}


def _without_null_columns(frame):
    return frame.astype(
        {column: "str" for column in frame.columns if frame[column].isna().all() and frame[column].dtype == object}
    )


def change(path, statement):
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)


def test_equal_sides_agree(reference, warehouse):
    assert differences(_flat(reference), warehouse) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "update marts.fct_orders set net_amount = 7.0001 where order_id = 'b-0'",
            "marts.fct_orders.net_amount: 1 of 3",
        ),
        (
            "update marts.customer_rfm set rfm_tier = null where customer_id = 'a'",
            "marts.customer_rfm.rfm_tier: 1 of 3",
        ),
        (
            "update marts.customer_lifecycle set gap_ratio = gap_ratio * 1.00000001",
            "customer_lifecycle.gap_ratio: 2 of 3",
        ),
        (
            "delete from marts.customer_types where customer_id = 'z'",
            "lacks the keys that the reference has (1): ['z']",
        ),
        ("insert into marts.customer_rfm select * from marts.customer_rfm where customer_id = 'a'", "repeats 1 keys"),
        (
            "insert into marts.customer_ad_segments values ('z', 'all_customers')",
            "has keys that the reference has not (1)",
        ),
        ("alter table marts.customer_facts drop country", "marts.customer_facts has no column country"),
        ("drop table marts.customer_importance", "marts.customer_importance is not there"),
        ("alter table marts.fct_orders alter net_amount type double", "marts.fct_orders.net_amount is DOUBLE"),
        ("update intermediate.int_as_of set as_of_date = as_of_date + 1", "int_as_of.as_of_date: 1 of 1"),
        (
            "update marts.customer_facts set last_ordered_at = first_ordered_at - interval 1 day where order_count = 1",
            "marts.customer_facts.last_ordered_at: 1 of 3",
        ),
    ],
)
def test_a_difference_is_told_with_both_sides(reference, warehouse, statement, said):
    change(warehouse, statement)
    with pytest.raises(AssertionError) as failure:
        assert_agrees(_flat(reference), warehouse)
    assert said in str(failure.value)


def test_only_the_frames_asked_for_are_compared(reference, warehouse):
    change(warehouse, "drop table marts.customer_importance")
    frames = [name for name in reference if name != "customer_importance"]
    assert differences(_flat(reference), warehouse, frames) == []
    assert isinstance(reference["customer_importance"], pd.DataFrame)
