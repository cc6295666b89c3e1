"""What the dbt models `pred_affinity_models` and `pred_product_affinity` do, with relations at the border."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from regulars.predict import artefacts
from regulars.predict.affinity.audience import (
    CAPTURES,
    AudienceSize,
    asked_items,
    audience_size,
    set_factors,
    share_before,
)
from regulars.predict.affinity.calibration import Calibration
from regulars.predict.affinity.model import DECIMALS, SCHEMA, score
from regulars.predict.affinity.neighbours import Neighbours, item_neighbours
from regulars.predict.affinity.ranker import TrainingLimits
from regulars.predict.affinity.snapshot import Floats, Snapshot, from_tables
from regulars.predict.affinity.training import HISTORY, LEARNT, InterestModel, train
from regulars.predict.intent.gate import gate_of
from regulars.predict.threads import use_one_thread
from regulars.runtime import from_parts, rows, table

NAME = "product_affinity"
PART_CUSTOMERS = 20_000
KINDS = ("product", "category", "brand")
SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of_date", pa.date32()),
        *[field for field in SCHEMA if field.name != "customer_id"],
        ("basis", pa.string()),
        ("model_version", pa.string()),
        ("trained_as_of", pa.date32()),
        ("model_state", pa.string()),
    ]
)


INTERESTS = pa.schema(
    [
        ("interest", pa.string()),
        ("customer_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("kind", pa.string()),
        ("score", pa.float64()),
        ("purchase_probability_90d", pa.float64()),
        ("capture_share", pa.float64()),
        ("basis", pa.string()),
        ("held_out_buyer_count", pa.int64()),
        ("model_version", pa.string()),
        ("trained_as_of", pa.date32()),
        ("model_state", pa.string()),
    ]
)


@dataclass(frozen=True)
class Tables:
    """Relations of the models `int_affinity_*`, by the ends of their names."""

    snapshots: Any
    customers: Any
    items: Any
    item_facts: Any
    customer_items: Any
    outcomes: Any = None
    past_customers: Any = None


def train_if_due(
    gate: Any,  # noqa: ANN401
    tables: Tables,
    stored: Any | None,  # noqa: ANN401
    *,
    training_rows: int,
) -> pa.Table:
    """One row with a trained model, or none while a stored one is young enough.

    Parameters
    ----------
    gate: relation of `int_prediction_gate`.
    tables: with the outcomes.
    stored: the models trained so far; None on the first build.
    training_rows: pairs of a customer and an item that a ranker learns from.
    """
    facts = rows(gate)[0]
    as_of, fingerprint = facts["as_of_date"], facts["settings_fingerprint"]
    trained = artefacts.listed(stored) if stored is not None else []
    before = artefacts.newest(trained, NAME, as_of)
    if artefacts.is_fresh(before, as_of, facts["retrain_after_days"], fingerprint):
        return pa.Table.from_batches([artefacts.no_row()])
    dates = sorted(row["snapshot_on"] for row in rows(tables.snapshots) if row["snapshot_role"] == "training")

    def past_of(kind: str) -> list[Snapshot]:
        return [_snapshot(tables, on, kind) for on in dates]

    use_one_thread()
    model = train(_kinds(tables), past_of, gate_of(facts), as_of, TrainingLimits(rows=training_rows))
    return pa.Table.from_batches([artefacts.row_of(NAME, model, fingerprint, artefacts.next_number(trained))])


def score_customers(
    gate: Any,  # noqa: ANN401
    tables: Tables,
    stored: Any,  # noqa: ANN401
    *,
    top: int,
    neighbour_customers: int,
    buckets: int,
) -> pa.RecordBatchReader:
    """The ``top`` items of every kind for every customer who has bought, one bucket of customers at a time.

    Parameters
    ----------
    tables: ``customers`` is `int_affinity_scoring`, which knows whether she comes at all; no outcomes.
    neighbour_customers: from so many customers it is learnt which items go together.
    buckets: `customer_bucket` is below it.
    """
    facts = rows(gate)[0]
    as_of = facts["as_of_date"]
    model, version, state = model_of(facts, stored)

    def parts() -> Iterator[pa.Table]:
        for kind in _kinds(tables):
            if kind not in model.rankers:
                continue
            use_one_thread()
            ranker = model.rankers[kind]
            basis = LEARNT if ranker.boosting is not None else HISTORY
            names = dict(_pairs(tables.items.filter(f"kind = '{kind}'")))
            neighbours = neighbours_of(tables, as_of, kind, neighbour_customers)
            item_facts = _of(tables.item_facts, as_of, kind, "item_key")
            for which in bucket_parts(facts, buckets):
                use_one_thread()
                now, coming = scored_part(tables, as_of, kind, which, item_facts)
                if not len(now.customers):
                    continue
                items = [names[key] for key in now.item_keys.tolist()]
                found = score(ranker, now, neighbours, items, top, coming)
                labels = {
                    "as_of_date": as_of,
                    "basis": basis,
                    "model_version": version,
                    "trained_as_of": model.trained_as_of,
                    "model_state": state,
                }
                yield labelled(found, labels, SCORES)

    return from_parts(parts(), schema=SCORES)


def score_interests(
    gate: Any,  # noqa: ANN401
    tables: Tables,
    stored: Any,  # noqa: ANN401
    interest_items: Any,  # noqa: ANN401
    *,
    neighbour_customers: int,
    buckets: int,
) -> pa.RecordBatchReader:
    """The audience of every interest, down to the size that captured 90 % of the held-out buyers.

    Memory: 8 bytes for each customer who has bought and each interest, and one part of the customers.

    Parameters
    ----------
    tables: ``customers`` is `int_affinity_scoring`, ``past_customers`` `int_affinity_customers`; with outcomes.
    interest_items: relation of `int_interest_items`.
    """
    facts = rows(gate)[0]
    as_of = facts["as_of_date"]
    model, version, state = model_of(facts, stored)
    asked: dict[tuple[str, str], list[int]] = {}
    for row in table(interest_items, order_by="interest, kind, item_key").to_pylist():
        asked.setdefault((row["kind"], row["interest"]), []).append(row["item_key"])

    def parts() -> Iterator[pa.Table]:
        for kind in sorted({kind for kind, _ in asked} & model.audiences.keys()):
            keys = {interest: found for (of_kind, interest), found in asked.items() if of_kind == kind}
            for interest, found in _audiences(facts, tables, kind, model, keys, neighbour_customers, buckets):
                labels = {
                    "interest": interest,
                    "as_of_date": as_of,
                    "kind": kind,
                    "model_version": version,
                    "trained_as_of": model.trained_as_of,
                    "model_state": state,
                }
                yield labelled(found, labels, INTERESTS)

    return from_parts(parts(), schema=INTERESTS)


def _audiences(
    facts: dict[str, Any],
    tables: Tables,
    kind: str,
    model: InterestModel,
    asked: dict[str, list[int]],
    neighbour_customers: int,
    buckets: int,
) -> Iterator[tuple[str, pa.Table]]:
    """Where nothing was learnt (basis `history`) they are only ranked, unless a back-test calibrates the ranking; and
    whom purchase intent gives no probability, this gives none either. Nobody is interested in what nobody ever bought.
    """
    use_one_thread()
    as_of, fitted = facts["as_of_date"], model.audiences[kind]
    item_facts = _of(tables.item_facts, as_of, kind, "item_key")
    neighbours = neighbours_of(tables, as_of, kind, neighbour_customers)
    dates = sorted(row["snapshot_on"] for row in rows(tables.snapshots) if row["snapshot_role"] == "training")
    held_out = None
    if dates:
        past = replace(tables, customers=tables.past_customers)
        held_out = _snapshot(past, dates[-1], kind)
    customer_ids: list[pa.Array] = []
    foretold: list[npt.NDArray[np.bool_]] = []
    scores: dict[str, list[Floats]] = {interest: [] for interest in asked}
    bases: dict[str, str] = {}
    keys: dict[str, list[int]] = {}
    for which in bucket_parts(facts, buckets):
        use_one_thread()
        now, coming = scored_part(tables, as_of, kind, which, item_facts)
        if not len(now.customers):
            continue
        foretold.append(~np.isnan(coming))
        coming = np.where(np.isnan(coming), fitted.returning.probability(now), np.clip(coming, 1e-6, 1 - 1e-6))
        customer_ids.append(now.customer_ids.cast(pa.string()))
        for interest, item_keys in asked.items():
            positions, bases[interest] = asked_items(now, neighbours, item_keys)
            if not len(positions):
                continue
            keys[interest] = now.item_keys[positions].tolist()
            scores[interest].append(fitted.log_odds(set_factors(now, neighbours, coming, positions)))
    if not customer_ids:
        return
    ids, is_foretold = pa.concat_arrays(customer_ids), np.concatenate(foretold)
    for interest, found in scores.items():
        if not found:
            continue
        score_of_all = np.asarray(np.round(np.concatenate(found), DECIMALS), dtype=np.float64)
        use_one_thread()
        size = AudienceSize(dict.fromkeys(CAPTURES), 0)
        if held_out is not None:
            before = np.flatnonzero(np.isin(held_out.item_keys, keys[interest]))
            size = audience_size(fitted, held_out, before)
        expected = np.asarray(1 / (1 + np.exp(-score_of_all)), dtype=np.float64)
        place = share_before(score_of_all, expected)
        is_read = is_foretold & (fitted.is_learnt or size.calibration != Calibration())
        probability = np.where(is_read, np.round(size.calibration.probability(expected), DECIMALS), np.nan)
        tier = np.full(len(place), np.nan)
        for capture in sorted(CAPTURES, reverse=True):
            share = size.shares[capture]
            # Where nothing says how many, the shares of what is expected themselves.
            tier[place <= (capture if share is None else share)] = capture
        taken = np.flatnonzero(~np.isnan(tier))
        yield (
            interest,
            pa.table(
                {
                    "customer_id": ids.take(pa.array(taken)),
                    "score": score_of_all[taken],
                    "purchase_probability_90d": pa.array(probability[taken], pa.float64(), from_pandas=True),
                    "capture_share": tier[taken],
                    "basis": [bases[interest] if fitted.is_learnt else HISTORY] * len(taken),
                    "held_out_buyer_count": np.full(len(taken), size.held_out_buyers),
                }
            ),
        )


def model_of(
    facts: dict[str, Any],
    stored: Any,  # noqa: ANN401
) -> tuple[InterestModel, str | None, str]:
    """The newest stored model that is not from after the as-of date, its version and its state."""
    as_of = facts["as_of_date"]
    found = artefacts.newest(artefacts.listed(stored), NAME, as_of)
    if found is None:
        reason = "no trained model: pred_affinity_models was not built for this day or an earlier one"
        return InterestModel(as_of, None, reason), None, "missing"
    kept = artefacts.read(stored, found)
    # 0 means every build trains; a model of today is never stale.
    days = max(facts["retrain_after_days"], 1)
    is_fresh = artefacts.is_fresh(found, as_of, days, facts["settings_fingerprint"])
    return kept.model, kept.version, "fresh" if is_fresh else "stale"


def neighbours_of(tables: Tables, as_of: date, kind: str, most_customers: int) -> Neighbours:
    """Which items go together today, from a fixed random sample of the customers."""
    return item_neighbours(scored_part(tables, as_of, kind, f"random_rank <= {most_customers}")[0])


def bucket_parts(facts: dict[str, Any], buckets: int) -> list[str]:
    """Conditions that part the customers, some ten thousand each where the buckets are fine enough."""
    count = int(np.clip(int(facts["buyer_count"] or 0) // PART_CUSTOMERS, 1, buckets))
    edges = [round(number * buckets / count) for number in range(count + 1)]
    return [f"customer_bucket >= {first} and customer_bucket < {last}" for first, last in pairwise(edges)]


def scored_part(
    tables: Tables, as_of: date, kind: str, which: str, item_facts: pa.Table | None = None
) -> tuple[Snapshot, Floats]:
    """Some customers as of today, and the probability that each comes within the horizon; NaN where nobody says.

    ``which``: a condition over columns that both the customers and their items have.
    """
    customers = table(tables.customers.filter(which), order_by="customer_id")
    snapshot = from_tables(
        as_of,
        customers,
        _of(tables.item_facts, as_of, kind, "item_key") if item_facts is None else item_facts,
        _of(tables.customer_items.filter(which), as_of, kind, "customer_id, item_key"),
    )
    coming = customers["purchase_probability_90d"].cast(pa.float64()).to_numpy()
    return snapshot, np.asarray(coming, dtype=np.float64)


def labelled(found: pa.Table, labels: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """The same rows with columns that say the same in all of them, in the order of the schema."""
    columns = [
        found[field.name]
        if field.name in found.column_names
        else pa.array([labels[field.name]] * len(found), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _snapshot(tables: Tables, on: date, kind: str) -> Snapshot:
    customers = table(tables.customers.filter(f"snapshot_on = date '{on}'"), order_by="customer_id")
    facts = _of(tables.item_facts, on, kind, "item_key")
    pairs = _of(tables.customer_items, on, kind, "customer_id, item_key")
    return from_tables(on, customers, facts, pairs, _of(tables.outcomes, on, kind, "customer_id, item_key"))


def _of(relation: Any, on: date, kind: str, order_by: str) -> pa.Table:  # noqa: ANN401
    return table(relation.filter(f"snapshot_on = date '{on}' and kind = '{kind}'"), order_by=order_by)


def _kinds(tables: Tables) -> list[str]:
    """Those of which anything was sold before some date."""
    return [kind for kind in KINDS if rows(tables.item_facts.filter(f"kind = '{kind}'").limit(1), ("kind",))]


def _pairs(items: Any) -> list[tuple[int, str]]:  # noqa: ANN401
    found = table(items, order_by="item_key")
    return list(zip(found["item_key"].to_pylist(), found["item"].to_pylist(), strict=True))
