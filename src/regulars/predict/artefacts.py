"""Trained models as rows of the warehouse: with a version, the day they describe, and the back-test they passed.

A model is stored as a pickle: whoever can write the shop's warehouse can run code where predictions are made, as
whoever can change the project can. A model of another version of Regulars or scikit-learn is not read but trained anew.
"""

import json
import math
import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import joblib
import pyarrow as pa
import sklearn

import regulars
from regulars.runtime import rows

FORMAT = 3
"""Of what is pickled: raise it with every change to a class that a model holds."""
SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("model_version", pa.string()),
        ("trained_as_of", pa.date32()),
        ("training_number", pa.int64()),
        ("settings_fingerprint", pa.string()),
        ("software", pa.string()),
        ("basis", pa.string()),
        ("gate_reason", pa.string()),
        ("choices", pa.string()),
        ("warnings", pa.string()),
        ("measures", pa.string()),
        ("model", pa.binary()),
    ]
)


LISTED = ("model_name", "model_version", "trained_as_of", "training_number", "settings_fingerprint", "software")


@dataclass(frozen=True)
class Stored:
    """One trained model, read back."""

    version: str
    trained_as_of: date
    model: Any


def listed(relation: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """`LISTED` of every stored model, without the models; none where the table is of a release without one of them."""
    return rows(relation, LISTED) if set(LISTED) <= set(relation.columns) else []


def software() -> str:
    """What wrote a model and must read it."""
    return f"regulars {regulars.__version__}, format {FORMAT}, scikit-learn {sklearn.__version__}"


def row_of(
    name: str,
    model: Any,  # noqa: ANN401  (any picklable dataclass)
    fingerprint: str,
    training_number: int,
) -> pa.RecordBatch:
    """A trained model as one row of `SCHEMA`.

    Parameters
    ----------
    name: which kind of model.
    model: has ``trained_as_of``, ``basis``, ``gate_reason``, ``choices``, ``warnings`` and ``measures``.
    fingerprint: of the settings it was trained under.
    training_number: counts the trainings, from `next_number`: which of two models of one day is the newer.
    """
    payload = pickle.dumps(model, protocol=5)
    # Of what it holds: two pickles of one model differ by which equal strings happen to be one object.
    digest = str(joblib.hash(model))[:10]
    measures = [_plain(asdict(measure)) for measure in model.measures]
    row = {
        "model_name": name,
        "model_version": f"{model.trained_as_of.isoformat()}-{digest}",
        "trained_as_of": model.trained_as_of,
        "training_number": training_number,
        "settings_fingerprint": fingerprint,
        "software": software(),
        "basis": model.basis,
        "gate_reason": model.gate_reason,
        "choices": json.dumps(list(model.choices)),
        "warnings": json.dumps(list(model.warnings)),
        "measures": json.dumps(measures, allow_nan=False),
        "model": payload,
    }
    return pa.RecordBatch.from_pylist([row], schema=SCHEMA)


def _plain(measure: dict[str, Any]) -> dict[str, Any]:
    """In what JSON has: no dates, and null for NaN."""
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in measure.items()
    }


def next_number(trained: Sequence[dict[str, Any]]) -> int:
    """The number of the training to come, after those of ``trained``."""
    return max((row["training_number"] for row in trained), default=0) + 1


def no_row() -> pa.RecordBatch:
    """Nothing trained, in the shape of `SCHEMA`."""
    return pa.RecordBatch.from_pylist([], schema=SCHEMA)


def newest(trained: Sequence[dict[str, Any]], name: str, as_of: date) -> dict[str, Any] | None:
    """The newest row of a model that this software wrote, trained on or before a day.

    ``trained`` hold at least ``model_name``, ``trained_as_of``, ``training_number`` and ``software``. Of two trained
    for the same day it is the one trained last: settings or orders have changed since the other.
    """
    usable = [
        row
        for row in trained
        if row["model_name"] == name and row["software"] == software() and row["trained_as_of"] <= as_of
    ]
    return max(usable, key=lambda row: (row["trained_as_of"], row["training_number"]), default=None)


def is_fresh(row: dict[str, Any] | None, as_of: date, retrain_after_days: int, fingerprint: str) -> bool:
    """Whether a stored model may still score: trained less than so many days before, under the same settings."""
    return (
        row is not None
        and row["settings_fingerprint"] == fingerprint
        and as_of - row["trained_as_of"] < timedelta(days=retrain_after_days)
    )


def stored(row: dict[str, Any]) -> Stored:
    """A row with its ``model``, read back."""
    return Stored(row["model_version"], row["trained_as_of"], pickle.loads(row["model"]))


def read(relation: Any, found: dict[str, Any]) -> Stored:  # noqa: ANN401
    """The model of a row that `newest` has found; by its number, as two trainings of one day may share a version."""
    condition = f"model_name = '{found['model_name']}' and training_number = {int(found['training_number'])}"
    return stored(rows(relation.filter(condition))[0])
