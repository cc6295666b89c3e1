"""Which stored model may score: of this software, of these settings, not from the future, the last of its day."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from regulars.predict import artefacts
from regulars.predict.intent.training import IntentModel, Measure

DAY = date(2024, 3, 10)


def model(day: date = DAY, value: float = 0.5) -> IntentModel:
    measure = Measure("purchase_probability", 30, "auc", value, 0.25, date(2024, 2, 9), 12)
    return IntentModel(day, "btyd", "too few", None, measures=(measure,), choices=("a",), warnings=("b",))


def row(day: date = DAY, number: int = 1, **changed: Any) -> dict[str, Any]:
    return artefacts.row_of("purchase_intent", model(day), "settings", number).to_pylist()[0] | changed


def test_a_model_comes_back_as_it_was_stored() -> None:
    batch = artefacts.row_of("purchase_intent", model(), "settings", 3)
    assert batch.schema == artefacts.SCHEMA == artefacts.no_row().schema
    stored = artefacts.stored(batch.to_pylist()[0])
    assert stored.model == model()
    assert stored.trained_as_of == DAY
    assert stored.version.startswith("2024-03-10-")
    assert artefacts.row_of("purchase_intent", model(), "other", 4).column("model_version")[0].as_py() == stored.version
    assert row(value := date(2024, 3, 11))["model_version"].startswith(value.isoformat())


def test_measures_are_json_that_every_engine_reads() -> None:
    batch = artefacts.row_of("purchase_intent", model(value=float("nan")), "settings", 1)

    def refused(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    measures = json.loads(batch.column("measures")[0].as_py(), parse_constant=refused)
    assert measures == [
        {
            "model": "purchase_probability", "horizon_days": 30, "metric": "auc", "value": None, "baseline_value": 0.25,
            "tested_as_of": "2024-02-09", "customer_count": 12,
        }
    ]  # fmt: skip


def test_newest_is_the_last_one_up_to_the_day_by_this_software() -> None:
    rows = [
        row(date(2024, 3, 1)),
        row(date(2024, 3, 8), number=2),
        row(date(2024, 3, 9), number=3, software="regulars 0.0.1"),
        row(date(2024, 3, 9), number=4, model_name="product_affinity"),
        row(date(2024, 3, 11), number=5),
    ]
    assert artefacts.newest(rows, "purchase_intent", DAY) == rows[1]
    assert artefacts.newest(rows, "purchase_intent", date(2024, 3, 8)) == rows[1]
    assert artefacts.newest(rows, "purchase_intent", date(2024, 3, 7)) == rows[0]
    assert artefacts.newest(rows, "purchase_intent", date(2024, 2, 29)) is None
    assert artefacts.newest([], "purchase_intent", DAY) is None


@pytest.mark.parametrize("versions", [("a", "b"), ("b", "a")])
def test_of_two_of_one_day_the_one_trained_last_is_newest(versions: tuple[str, str]) -> None:
    rows = [row(number=number, model_version=version) for number, version in enumerate(versions, start=1)]
    assert artefacts.newest(rows, "purchase_intent", DAY) == rows[1]
    assert artefacts.newest(rows[::-1], "purchase_intent", DAY) == rows[1]
    assert artefacts.next_number(rows) == 3
    assert artefacts.next_number([]) == 1


@pytest.mark.parametrize(
    ("stored", "days", "is_fresh"),
    [
        (None, 7, False),
        (row(DAY), 7, True),
        (row(DAY), 1, True),
        (row(DAY), 0, False),
        (row(date(2024, 3, 4)), 7, True),
        (row(date(2024, 3, 3)), 7, False),
        (row(DAY, settings_fingerprint="others"), 7, False),
    ],
)
def test_fresh_means_young_and_of_the_same_settings(stored: dict[str, Any] | None, days: int, is_fresh: bool) -> None:
    assert artefacts.is_fresh(stored, DAY, days, "settings") is is_fresh


def test_software_names_what_must_agree() -> None:
    import sklearn

    import regulars

    assert regulars.__version__ in artefacts.software()
    assert sklearn.__version__ in artefacts.software()


@dataclass(frozen=True)
class Unfit:
    trained_as_of: date = DAY


def test_what_is_no_model_is_not_stored() -> None:
    with pytest.raises(AttributeError):
        artefacts.row_of("purchase_intent", Unfit(), "settings", 1)
    assert pa.Table.from_batches([artefacts.no_row()]).num_rows == 0


class Table:
    """What a relation is asked for."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = list(columns)


def test_a_table_of_another_release_holds_no_model() -> None:
    assert artefacts.listed(Table(("model_name", "model_version", "model"))) == []
