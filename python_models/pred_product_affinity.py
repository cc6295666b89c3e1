"""Interest in items. Grain: one row per customer, kind and item. The mathematics lives in `regulars.predict`."""

from regulars.predict.affinity.nodes import Tables, score_customers


def model(dbt, session):
    dbt.config(materialized="table")
    tables = Tables(
        snapshots=dbt.ref("int_affinity_snapshots"),
        customers=dbt.ref("int_affinity_scoring"),
        items=dbt.ref("int_affinity_items"),
        item_facts=dbt.ref("int_affinity_item_facts"),
        customer_items=dbt.ref("int_affinity_customer_items"),
    )
    return score_customers(
        dbt.ref("int_prediction_gate"),
        tables,
        dbt.ref("pred_affinity_models"),
        top=dbt.config.get("top"),
        neighbour_customers=dbt.config.get("neighbour_customers"),
        buckets=dbt.config.get("buckets"),
    )
