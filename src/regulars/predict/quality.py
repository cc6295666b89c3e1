"""The back-tests of all trained models as rows: what `prediction_quality` shows."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("model_version", pa.string()),
        ("trained_as_of", pa.date32()),
        ("prediction", pa.string()),
        ("horizon_days", pa.int32()),
        ("metric", pa.string()),
        ("metric_value", pa.float64()),
        ("baseline_value", pa.float64()),
        ("is_better", pa.bool_()),
        ("tested_as_of", pa.date32()),
        ("customer_count", pa.int64()),
    ]
)
LESS_IS_BETTER = (
    "log_loss",
    "calibration_error",
    "root_mean_square_error",
    "mean_absolute_error",
    "total_bias",
    "share_for_50",
    "share_for_70",
    "share_for_90",
)
"""The bias by its size, whatever its sign."""
COLUMNS = ("model_name", "model_version", "trained_as_of", "measures")


def quality_rows(trained: Iterable[Mapping[str, Any]]) -> pa.Table:
    """One row per measure of each trained model.

    ``trained`` holds `COLUMNS` of the artefact tables; ``measures`` is their JSON. Two trainings that made the same
    model are one version.
    """
    versions = {model["model_version"]: model for model in trained}
    rows = [
        {
            "model_name": model["model_name"],
            "model_version": model["model_version"],
            "trained_as_of": model["trained_as_of"],
            "prediction": measure["model"],
            "horizon_days": measure["horizon_days"],
            "metric": measure["metric"],
            "metric_value": known(measure["value"]),
            "baseline_value": known(measure["baseline_value"]),
            "is_better": is_better(measure["metric"], known(measure["value"]), known(measure["baseline_value"])),
            "tested_as_of": date.fromisoformat(measure["tested_as_of"]),
            "customer_count": measure["customer_count"],
        }
        for model in versions.values()
        for measure in json.loads(model["measures"])
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def is_better(metric: str, value: float | None, baseline: float | None) -> bool | None:
    """Whether a value is at least as good as the baseline's; None where one of them is not known."""
    if value is None or baseline is None:
        return None
    if metric in LESS_IS_BETTER:
        return abs(value) <= abs(baseline)
    return value >= baseline


def known(value: float | None) -> float | None:
    """None for what could not be measured."""
    return None if value is None or not math.isfinite(value) else value
