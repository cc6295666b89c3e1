"""From the sums of the arms to the rows of `experiment_results`."""

from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from scipy import stats

from regulars.audiences.nodes import SCHEMA, results

AS_OF = date(2026, 3, 11)


def arm(audience, name, share, people, bought, **changes):
    return {
        "audience": audience,
        "arm": name,
        "intended_share": share,
        "window_days": 30,
        "customer_count": people,
        "waiting_count": 7,
        "conversion_count": bought,
        "net_revenue_amount": Decimal(20 * bought),
        "net_revenue_square_sum": Decimal(500 * bought),
        "net_revenue_amount_before": Decimal(0),
        "net_revenue_before_square_sum": Decimal(0),
        "converted_net_revenue_amount_before": Decimal(0),
        "net_revenue_product_sum": Decimal(0),
        "as_of_date": AS_OF,
    } | changes


def stratum(audience, kind, name, of_arm, people):
    return {"audience": audience, "stratum_kind": kind, "stratum": name, "arm": of_arm, "customer_count": people}


def rows_of(sums, balance):
    found = results(*(duckdb.from_arrow(pa.Table.from_pylist(table)) for table in (sums, balance)))
    assert found.schema == SCHEMA
    return {(row["audience"], row["comparison_arm"], row["metric"]): row for row in found.to_pylist()}


TEA = [
    arm("tea", "held_out", 0.05, 500, 0),
    arm("tea", "treatment", 0.855, 9_000, 500),
    arm("tea", "control", 0.095, 1_000, 20),
]
STRATA = [
    stratum("tea", kind, name, of_arm, people)
    for kind, table in {
        "spend_before": {"nothing": (8_000, 880, 450), "highest_third": (1_000, 120, 50)},
        "entered_month": {"2026-01": (4_500, 400, 500), "2026-02": (4_500, 600, 0)},
        "orders_before": {"0": (9_000, 1_000, 500)},
    }.items()
    for name, counts in table.items()
    for of_arm, people in zip(("treatment", "control", "held_out"), counts, strict=True)
]


def test_each_arm_that_was_left_alone_is_compared_by_each_metric() -> None:
    mugs = [arm("mugs", "treatment", 0.9, 0, 0), arm("mugs", "control", 0.1, 0, 0)]
    alone = [arm("cups", "held_out", 0.1, 900, 3)]
    assert list(rows_of([*TEA, *mugs, *alone], STRATA)) == [
        ("mugs", "control", "conversion"),
        ("mugs", "control", "net_revenue"),
        ("tea", "control", "conversion"),
        ("tea", "control", "net_revenue"),
        ("tea", "held_out", "conversion"),
        ("tea", "held_out", "net_revenue"),
    ]


def test_a_row_has_the_figures_of_its_two_arms() -> None:
    row = rows_of(TEA, STRATA)["tea", "control", "conversion"]
    assert (row["treatment_count"], row["comparison_count"]) == (9_000, 1_000)
    assert row["treatment_mean"] == pytest.approx(500 / 9_000)
    assert row["comparison_mean"] == pytest.approx(0.02)
    assert row["difference"] == pytest.approx(500 / 9_000 - 0.02)
    assert row["relative_difference"] == pytest.approx(25 / 9 - 1)
    assert row["waiting_count"] == 14
    assert (row["window_days"], row["as_of_date"], row["verdict"]) == (30, AS_OF, "better")
    revenue = rows_of(TEA, STRATA)["tea", "control", "net_revenue"]
    assert revenue["treatment_mean"] == pytest.approx(10_000 / 9_000)
    assert revenue["verdict"] == "not_enough_data"


def test_p_values_are_of_the_two_arms_compared() -> None:
    found = rows_of(TEA, STRATA)
    control, held_out = found["tea", "control", "conversion"], found["tea", "held_out", "conversion"]
    assert control["sample_ratio_p_value"] == pytest.approx(1.0)
    assert held_out["sample_ratio_p_value"] == pytest.approx(
        stats.chisquare([9_000, 500], [9_500 * 0.855 / 0.905, 9_500 * 0.05 / 0.905]).pvalue
    )
    months = stats.chi2_contingency([[4_500, 400], [4_500, 600]], correction=False).pvalue
    # Of two kinds: all of the third are in one stratum.
    assert control["balance_p_value"] == pytest.approx(2 * months)
    assert control["reason"].endswith("Do not trust it: the arms were not alike before anything was sent.")


@pytest.mark.parametrize("adjusted", ["conversion", "net_revenue"])
def test_spend_before_goes_with_the_metric_it_was_multiplied_by(adjusted) -> None:
    """One metric goes with it; of the other the product is as if by chance: Σx·Σy/n."""
    spent = {"net_revenue_amount_before": Decimal(300), "net_revenue_before_square_sum": Decimal(300)}
    sums = []
    for name, share, people in (("treatment", 0.9, 9_000), ("control", 0.1, 1_000)):
        bought = Decimal(250 if adjusted == "conversion" else 300 * 300 / people)
        paid = Decimal(5_000 if adjusted == "net_revenue" else 300 * 6_000 / people)
        products = {"converted_net_revenue_amount_before": bought, "net_revenue_product_sum": paid}
        sums.append(arm("tea", name, share, people, 300, **spent, **products))
    found = rows_of(sums, STRATA)
    for metric in ("conversion", "net_revenue"):
        assert found["tea", "control", metric]["is_adjusted"] == (metric == adjusted)


def test_no_experiment_is_no_row() -> None:
    sums, balance = (duckdb.from_arrow(pa.Table.from_pylist(table)) for table in (TEA, STRATA))
    found = results(sums.limit(0), balance.limit(0))
    assert found.num_rows == 0
    assert found.schema == SCHEMA
