"""What stands for the Python models where only SQL runs: made-up predictions, for some customers and not for others.

Nothing is learnt from tiny shops, so real predictions would leave every rule that reads them untried. These are as good
for trying the rules: the same for the same customer, of many sizes, some of them equal.
"""

from __future__ import annotations

from regulars.predict import artefacts, quality
from regulars.predict.affinity import nodes as affinity
from regulars.predict.intent import scoring

SQL_TYPES = {
    "string": "varchar",
    "double": "double",
    "date32[day]": "date",
    "int32": "integer",
    "int64": "bigint",
    "bool": "boolean",
    "binary": "blob",
    "decimal128(18, 4)": "decimal(18, 4)",
}
HAS_PREDICTION = "order_day_count is not null and hash(customer_id) % 5 > 0"
MADE_UP = {
    "customer_id": "customer_id",
    "as_of_date": "snapshot_on",
    "purchase_probability_30d": f"case when {HAS_PREDICTION} then (hash(customer_id, 'probability') % 20) / 20.0 end",
    "expected_orders_365d": f"case when {HAS_PREDICTION} then (hash(customer_id, 'orders') % 50) / 8.0 end",
    "expected_revenue_365d": f"case when {HAS_PREDICTION} then (hash(customer_id, 'revenue') % 4000) / 4.0 end",
    "expected_order_amount": f"case when {HAS_PREDICTION} then 5 + hash(customer_id, 'amount') % 30 end",
    "basis": f"case when {HAS_PREDICTION} then 'blend' when order_day_count is not null then 'history' end",
}


def _select(schema, columns, source):
    chosen = [
        f"cast({columns.get(field.name, 'null')} as {SQL_TYPES[str(field.type)]}) as {field.name}" for field in schema
    ]
    return f"select {', '.join(chosen)} from {source}"


STAND_INS = {
    "pred_intent_models": _select(artefacts.SCHEMA, {}, "(select 1 where false)"),
    "pred_purchase_intent": _select(scoring.SCHEMA, MADE_UP, '"regulars"."intermediate"."int_intent_scoring"'),
    "pred_affinity_models": _select(artefacts.SCHEMA, {}, "(select 1 where false)"),
    "pred_product_affinity": _select(affinity.SCORES, {}, "(select 1 where false)"),
    "prediction_quality": _select(quality.SCHEMA, {}, "(select 1 where false)"),
}
