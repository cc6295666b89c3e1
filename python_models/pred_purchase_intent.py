"""Purchase intent. Grain: one row per customer. The mathematics lives in `regulars.predict`."""

from regulars.predict.intent.nodes import score_customers


def model(dbt, session):
    dbt.config(materialized="table")
    return score_customers(dbt.ref("int_prediction_gate"), dbt.ref("int_intent_scoring"), dbt.ref("pred_intent_models"))
