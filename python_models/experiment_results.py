"""What audiences brought. Grain: one row per audience, comparison arm and metric. Mathematics: `regulars.audiences`."""

from regulars.audiences.nodes import results


def model(dbt, session):
    dbt.config(materialized="table")
    return results(dbt.ref("int_experiment_sums"), dbt.ref("experiment_balance"))
