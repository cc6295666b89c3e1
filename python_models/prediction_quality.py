"""Back-tests. Grain: one row per trained model, prediction, horizon and metric."""

from regulars.predict.quality import COLUMNS, quality_rows
from regulars.runtime import rows


def model(dbt, session):
    dbt.config(materialized="table")
    intent = dbt.ref("pred_intent_models")
    affinity = dbt.ref("pred_affinity_models")
    return quality_rows([*rows(intent, COLUMNS), *rows(affinity, COLUMNS)])
