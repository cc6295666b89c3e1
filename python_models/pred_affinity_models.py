"""Trained models of interest in items. Grain: one row per training. The mathematics lives in `regulars.predict`."""

from regulars.predict.affinity.nodes import Tables, train_if_due


def model(dbt, session):
    # A release may add a column: what was trained before stays, without it.
    dbt.config(materialized="incremental", incremental_strategy="append", on_schema_change="append_new_columns")
    tables = Tables(
        snapshots=dbt.ref("int_affinity_snapshots"),
        customers=dbt.ref("int_affinity_customers"),
        items=dbt.ref("int_affinity_items"),
        item_facts=dbt.ref("int_affinity_item_facts"),
        customer_items=dbt.ref("int_affinity_customer_items"),
        outcomes=dbt.ref("int_affinity_outcomes"),
    )
    return train_if_due(
        dbt.ref("int_prediction_gate"),
        tables,
        session.table(str(dbt.this)) if dbt.is_incremental else None,
        training_rows=dbt.config.get("training_rows"),
    )
