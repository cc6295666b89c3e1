"""What the dbt model `experiment_results` does, with relations at the border."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from regulars.audiences.experiments import (
    ArmSums,
    Metric,
    balance_p_value,
    difference_of_means,
    difference_of_shares,
    find,
    sample_ratio_p_value,
    smallest_of_several,
)
from regulars.runtime import rows

SCHEMA = pa.schema(
    [
        ("audience", pa.string()),
        ("comparison_arm", pa.string()),
        ("metric", pa.string()),
        ("window_days", pa.int32()),
        ("treatment_count", pa.int64()),
        ("comparison_count", pa.int64()),
        ("treatment_mean", pa.float64()),
        ("comparison_mean", pa.float64()),
        ("difference", pa.float64()),
        ("difference_low", pa.float64()),
        ("difference_high", pa.float64()),
        ("relative_difference", pa.float64()),
        ("standard_error", pa.float64()),
        ("is_adjusted", pa.bool_()),
        ("minimal_detectable_effect", pa.float64()),
        ("minimal_detectable_relative_effect", pa.float64()),
        ("sample_ratio_p_value", pa.float64()),
        ("balance_p_value", pa.float64()),
        ("waiting_count", pa.int64()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("as_of_date", pa.date32()),
    ]
)
METRICS: tuple[Metric, ...] = ("conversion", "net_revenue")
COMPARISON_ARMS = ("control", "held_out")

Row = Mapping[str, Any]
Strata = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Kind of stratum, stratum, arm: people."""


def results(sums: Any, balance: Any) -> pa.Table:  # noqa: ANN401
    """One row per audience, arm that was not written to, and metric.

    Parameters
    ----------
    sums, balance: relations of `int_experiment_sums` and `experiment_balance`. An audience has at most three arms, so
        both are small, however many people were counted.

    Raises
    ------
    ExperimentError: if the sums contradict each other.
    """
    arms: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows(sums):
        arms[row["audience"]][row["arm"]] = row
    strata: dict[str, dict[str, dict[str, dict[str, int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    )
    for row in rows(balance):
        strata[row["audience"]][row["stratum_kind"]][row["stratum"]][row["arm"]] += row["customer_count"]
    found = [
        row
        for audience, of_arm in sorted(arms.items())
        for arm in COMPARISON_ARMS
        # Without a treatment arm nobody is to be written to: there is nothing to compare.
        if arm in of_arm and "treatment" in of_arm
        for row in _compared(of_arm["treatment"], of_arm[arm], strata[audience])
    ]
    return pa.Table.from_pylist(found, schema=SCHEMA)


def arm_sums(row: Row, metric: Metric) -> ArmSums:
    """The sums of one arm for one metric."""
    before = row["net_revenue_amount_before"], row["net_revenue_before_square_sum"]
    if metric == "conversion":
        bought = row["conversion_count"]
        return ArmSums(row["customer_count"], bought, bought, *before, row["converted_net_revenue_amount_before"])
    outcome = row["net_revenue_amount"], row["net_revenue_square_sum"]
    return ArmSums(row["customer_count"], *outcome, *before, row["net_revenue_product_sum"], row["conversion_count"])


def _compared(treatment: Row, comparison: Row, strata: Strata) -> Iterable[dict[str, Any]]:
    both = treatment, comparison
    sizes = sample_ratio_p_value([row["customer_count"] for row in both], [row["intended_share"] for row in both])
    balance = smallest_of_several(
        balance_p_value({name: [people.get(row["arm"], 0) for row in both] for name, people in strata_of_kind.items()})
        for strata_of_kind in strata.values()
    )
    for metric in METRICS:
        compare = difference_of_shares if metric == "conversion" else difference_of_means
        difference = compare(arm_sums(treatment, metric), arm_sums(comparison, metric))
        finding = find(
            metric,
            difference,
            comparison["arm"],
            people=(treatment["customer_count"], comparison["customer_count"]),
            buyers=(treatment["conversion_count"], comparison["conversion_count"]),
            window_days=treatment["window_days"],
            p_values=(sizes, balance),
        )
        yield {
            "audience": treatment["audience"],
            "comparison_arm": comparison["arm"],
            "metric": metric,
            "window_days": treatment["window_days"],
            "treatment_count": treatment["customer_count"],
            "comparison_count": comparison["customer_count"],
            "treatment_mean": difference.treatment_mean,
            "comparison_mean": difference.comparison_mean,
            "difference": difference.difference,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "relative_difference": difference.relative_difference,
            "standard_error": difference.standard_error,
            "is_adjusted": difference.is_adjusted,
            "minimal_detectable_effect": difference.minimal_detectable_effect,
            "minimal_detectable_relative_effect": difference.relative_detectable_effect,
            "sample_ratio_p_value": sizes,
            "balance_p_value": balance,
            "waiting_count": treatment["waiting_count"] + comparison["waiting_count"],
            "verdict": finding.verdict,
            "reason": finding.reason,
            "as_of_date": treatment["as_of_date"],
        }
