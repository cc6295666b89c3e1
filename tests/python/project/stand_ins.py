"""What stands for the Python models where only SQL runs: made-up predictions, for some customers and not for others.

Nothing is learnt from tiny shops, so real predictions would leave every rule that reads them untried. These are as good
for trying the rules: the same for the same customer, of many sizes, some of them equal. A test of one boundary says its
predictions itself (`given_intent`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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
# Of what she did, not of her id or of the size of money: both may change without changing a label.
HISTORY = "order_day_count, age_days, recency_days"
HAS_PREDICTION = f"order_day_count is not null and hash({HISTORY}) % 5 > 0"
MADE_UP = {
    "customer_id": "customer_id",
    "as_of_date": "snapshot_on",
    "purchase_probability_30d": f"case when {HAS_PREDICTION} then (hash({HISTORY}, 'probability') % 20) / 20.0 end",
    "expected_orders_365d": f"case when {HAS_PREDICTION} then (hash({HISTORY}, 'orders') % 50) / 8.0 end",
    "expected_revenue_365d": (
        f"case when {HAS_PREDICTION} then net_revenue_amount * (hash({HISTORY}, 'revenue') % 8) / 2 end"
    ),
    "expected_order_amount": f"case when {HAS_PREDICTION} then net_revenue_amount * (1 + order_day_count % 3) end",
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
    "pred_interested_in": _select(affinity.INTERESTS, {}, "(select 1 where false)"),
    "prediction_quality": _select(quality.SCHEMA, {}, "(select 1 where false)"),
}


def given_intent(rows: Iterable[Mapping[str, Any]]) -> str:
    """The SQL of a `pred_purchase_intent` that holds these rows and no others. What a row does not name is null."""
    selects = [
        _select(scoring.SCHEMA, {name: f"'{value}'" for name, value in row.items()}, "(select 1) as given")
        for row in rows
    ]
    return " union all ".join(selects or [_select(scoring.SCHEMA, {}, "(select 1 where false) as given")])
