"""Trained models of purchase intent. Grain: one row per training. The mathematics lives in `regulars.predict`."""

from regulars.predict.intent.nodes import train_if_due


def model(dbt, session):
    # A release may add a column: what was trained before stays, without it.
    dbt.config(materialized="incremental", incremental_strategy="append", on_schema_change="append_new_columns")
    return train_if_due(
        dbt.ref("int_prediction_gate"),
        dbt.ref("int_intent_training"),
        dbt.ref("int_intent_scoring"),
        session.table(str(dbt.this)) if dbt.is_incremental else None,
    )
