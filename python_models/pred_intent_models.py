"""Trained models of purchase intent. Grain: one row per training. The mathematics lives in `regulars.predict`."""

from regulars.predict.intent.nodes import train_if_due


def model(dbt, session):
    dbt.config(materialized="incremental", incremental_strategy="append")
    return train_if_due(
        dbt.ref("int_prediction_gate"),
        dbt.ref("int_intent_training"),
        dbt.ref("int_intent_scoring"),
        session.table(str(dbt.this)) if dbt.is_incremental else None,
    )
