"""Back-tests. Grain: one row per trained model, prediction, horizon and metric."""

from regulars.predict.quality import COLUMNS, quality_rows
from regulars.runtime import rows


def model(dbt, session):
    dbt.config(materialized="table")
    gate = dbt.ref("int_prediction_gate")
    intent = dbt.ref("pred_intent_models")
    affinity = dbt.ref("pred_affinity_models")
    as_of = rows(gate)[0]["as_of_date"]
    trained = [*rows(intent, COLUMNS), *rows(affinity, COLUMNS)]
    # A build for a day of the past knows nothing of later trainings.
    return quality_rows(row for row in trained if row["trained_as_of"] <= as_of)
