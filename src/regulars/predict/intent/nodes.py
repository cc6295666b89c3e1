"""What the dbt models `pred_intent_models` and `pred_purchase_intent` do, with relations at the border."""

from typing import Any

import pyarrow as pa

from regulars.errors import FitError
from regulars.predict import artefacts
from regulars.predict.intent import scoring
from regulars.predict.intent.design import FEATURE_COLUMNS, buyers_of
from regulars.predict.intent.gate import gate_of
from regulars.predict.intent.scoring import Churn, Origin
from regulars.predict.intent.snapshots import TODAY, Snapshot, shop_view, snapshots_of
from regulars.predict.intent.training import IntentModel, train
from regulars.predict.threads import use_one_thread
from regulars.runtime import map_batches, rows, sample, table

NAME = "purchase_intent"


def train_if_due(gate: Any, training: Any, scored: Any, stored: Any | None) -> pa.Table:  # noqa: ANN401
    """One row with a trained model, or none while a stored one is young enough.

    Parameters
    ----------
    gate, training, scored: relations of `int_prediction_gate`, `int_intent_training`, `int_intent_scoring`.
    stored: the models trained so far; None on the first build.
    """
    facts = rows(gate)[0]
    as_of = facts["as_of_date"]
    fingerprint = facts["settings_fingerprint"]
    trained = artefacts.listed(stored) if stored is not None else []
    before = artefacts.newest(trained, NAME, as_of)
    if artefacts.is_fresh(before, as_of, facts["retrain_after_days"], fingerprint):
        return pa.Table.from_batches([artefacts.no_row()])
    use_one_thread()
    today = _today(scored, facts)
    past = () if today is None else snapshots_of(table(training, order_by="customer_id, snapshot_on"), today)
    model = train(past, today, gate_of(facts), as_of)
    return pa.Table.from_batches([artefacts.row_of(NAME, model, fingerprint, artefacts.next_number(trained))])


def score_customers(gate: Any, scored: Any, stored: Any) -> pa.RecordBatchReader:  # noqa: ANN401
    """A row for every customer, from the newest stored model that is not from after the as-of date."""
    facts = rows(gate)[0]
    as_of = facts["as_of_date"]
    found = artefacts.newest(artefacts.listed(stored), NAME, as_of)
    if found is None:
        reason = "no trained model: pred_intent_models was not built for this day or an earlier one"
        model, version, state = IntentModel(as_of, None, reason, None), None, "missing"
    else:
        kept = artefacts.read(stored, found)
        model, version = kept.model, kept.version
        # 0 means every build trains; a model of today is never stale.
        days = max(facts["retrain_after_days"], 1)
        is_fresh = artefacts.is_fresh(found, as_of, days, facts["settings_fingerprint"])
        state = "fresh" if is_fresh else "stale"

    churn = Churn(facts["churn_horizon_days"], facts["churn_medium_risk"], facts["churn_high_risk"])

    def scores(batch: pa.RecordBatch) -> pa.RecordBatch:
        use_one_thread()
        return scoring.score(model, batch, Origin(version, state), churn)

    return map_batches(scored, scores, schema=scoring.SCHEMA)


def _today(scored: Any, facts: dict[str, Any]) -> Snapshot | None:  # noqa: ANN401
    """The shop's buyers as of today, a sample where they are many; None where there is nothing to fit."""
    buyers = sample(
        scored.filter("order_day_count is not null"), key="customer_id", max_rows=facts["prediction_training_rows"]
    )
    columns = buyers_of(buyers, FEATURE_COLUMNS)
    try:
        return Snapshot(TODAY, int(facts["history_days"] or 0), columns, {}, shop_view(columns))
    except FitError:
        return None
