"""Audiences of interests. Grain: one row per interest and customer. The mathematics lives in `regulars.predict`."""

from regulars.predict.affinity.nodes import Tables, score_interests


def model(dbt, session):
    dbt.config(materialized="table")
    tables = Tables(
        snapshots=dbt.ref("int_affinity_snapshots"),
        customers=dbt.ref("int_affinity_scoring"),
        items=dbt.ref("int_affinity_items"),
        item_facts=dbt.ref("int_affinity_item_facts"),
        customer_items=dbt.ref("int_affinity_customer_items"),
        outcomes=dbt.ref("int_affinity_outcomes"),
        past_customers=dbt.ref("int_affinity_customers"),
    )
    return score_interests(
        dbt.ref("int_prediction_gate"),
        tables,
        dbt.ref("pred_affinity_models"),
        dbt.ref("int_interest_items"),
        neighbour_customers=dbt.config.get("neighbour_customers"),
        buckets=dbt.config.get("buckets"),
    )
