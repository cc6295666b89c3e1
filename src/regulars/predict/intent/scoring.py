"""Scoring: from a trained model and what SQL counted of each buyer to the columns of `pred_purchase_intent`."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.predict.intent.design import Buyers, ShopView, buyers_of, design_matrix, expected_amounts
from regulars.predict.intent.snapshots import HORIZONS
from regulars.predict.intent.training import DATE_HORIZON, IntentModel

Floats = npt.NDArray[np.float64]

YEAR_DAYS = 365
DECIMALS = 6
"""Of probabilities and expectations. The seventh digit may differ with the processor's way to add; nobody acts on it."""

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("purchase_probability_30d", pa.float64()),
        ("purchase_probability_90d", pa.float64()),
        ("expected_orders_90d", pa.float64()),
        ("expected_orders_365d", pa.float64()),
        ("expected_order_amount", pa.float64()),
        ("expected_revenue_90d", pa.float64()),
        ("expected_revenue_365d", pa.float64()),
        ("customer_lifetime_value", pa.float64()),
        ("customer_lifetime_margin", pa.float64()),
        ("churn_probability", pa.float64()),
        ("expected_next_order_on", pa.date32()),
        ("next_order_within_90d_on", pa.date32()),
        ("churn_risk", pa.string()),
        ("basis", pa.string()),
        ("gate_reason", pa.string()),
        ("model_state", pa.string()),
        ("model_version", pa.string()),
        ("trained_as_of", pa.date32()),
    ]
)


def score(
    model: IntentModel, batch: pa.RecordBatch, *, version: str | None, state: str, churn_horizon_days: int,
    churn_medium_risk: float, churn_high_risk: float,
) -> pa.RecordBatch:  # fmt: skip
    """One row per row of `int_intent_scoring`; who never bought has no prediction.

    Parameters
    ----------
    model: trained, of this shop.
    batch: columns of `int_intent_scoring`; n rows.
    version, state: written beside every prediction.
    churn_horizon_days: at most 365; the horizon of ``churn_probability``.
    churn_medium_risk, churn_high_risk: where ``churn_risk`` turns medium and high.
    """
    has_bought = batch.column("order_day_count").is_valid()
    prospects = batch.filter(pc.invert(has_bought))
    batch = batch.filter(has_bought)
    count = batch.num_rows
    historic = np.asarray(batch.column("net_revenue_amount").cast(pa.float64()).to_numpy(zero_copy_only=False))
    margin = _doubles(batch, "gross_margin_amount")
    as_of = np.asarray(batch.column("snapshot_on").cast(pa.int32()).to_numpy(zero_copy_only=False))
    columns: dict[str, object] = {"customer_id": batch.column("customer_id"), "as_of_date": batch.column("snapshot_on")}
    if model.shop is None:
        orders = _doubles(batch, "valid_order_day_count")
        mean = np.where(orders > 0, historic / np.maximum(orders, 1.0), np.nan)
        columns |= {"expected_order_amount": _money(mean), "customer_lifetime_value": _money(historic)}
        columns |= {"customer_lifetime_margin": _money(margin)}
    else:
        buyers = buyers_of(batch)
        columns |= _predictions(model, model.shop, buyers, historic, margin, as_of, churn_horizon_days)
        churn = np.asarray(columns["churn_probability"])
        risk = np.where(churn >= churn_high_risk, "high", np.where(churn >= churn_medium_risk, "medium", "low"))
        columns["churn_risk"] = pa.array(risk, pa.string())
    columns |= {
        name: pa.array([value] * count, SCHEMA.field(name).type)
        for name, value in (
            ("basis", model.basis), ("gate_reason", model.gate_reason), ("model_state", state),
            ("model_version", version), ("trained_as_of", model.trained_as_of),
        )
    }  # fmt: skip
    arrays = []
    for field in SCHEMA:
        values = columns.get(field.name)
        array = pa.nulls(count, field.type) if values is None else values
        if isinstance(array, np.ndarray):
            array = pa.array(array, from_pandas=True)
        arrays.append(pa.concat_arrays([array.cast(field.type), _of_prospects(field, prospects)]))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _of_prospects(field: pa.Field, prospects: pa.RecordBatch) -> pa.Array:
    """A column for those who never bought."""
    if field.name in ("customer_id", "as_of_date"):
        return prospects.column("customer_id" if field.name == "customer_id" else "snapshot_on").cast(field.type)
    if field.name == "gate_reason":
        return pa.array(["has not bought yet"] * prospects.num_rows, field.type)
    return pa.nulls(prospects.num_rows, field.type)


def _predictions(
    model: IntentModel, shop: ShopView, buyers: Buyers, historic: Floats, margin: Floats,
    as_of: npt.NDArray[np.int32], churn_horizon_days: int,
) -> dict[str, object]:  # fmt: skip
    matrix = design_matrix(buyers, shop)
    probability: dict[int, Floats] = {}
    least = np.zeros(len(buyers))
    for days in HORIZONS:
        # A longer horizon holds the shorter one.
        least = np.maximum(model.probabilities[days].probability(buyers, matrix, shop), least)
        probability[days] = least
    paid = expected_amounts(buyers, shop)
    orders = {days: counts.orders(buyers, matrix, shop) for days, counts in model.counts.items()}
    revenue = {
        days: orders[days] * paid * np.exp(counts.revenue_level.value) for days, counts in model.counts.items()
    }
    churn = 1.0 - probability_by(probability, churn_horizon_days)
    amount = paid * model.amount_factor
    # What the customer brings a year from now keeps the share of margin it had.
    share = np.where(historic > 0, margin / np.where(historic > 0, historic, 1.0), np.nan)
    found: dict[str, object] = {
        "purchase_probability_30d": np.round(probability[30], DECIMALS),
        "purchase_probability_90d": np.round(probability[90], DECIMALS),
        "expected_orders_90d": np.round(orders[90], DECIMALS),
        "expected_orders_365d": np.round(np.maximum(orders[365], orders[90]), DECIMALS),
        "expected_order_amount": _money(amount),
        "expected_revenue_90d": _money(revenue[90]),
        "expected_revenue_365d": _money(np.maximum(revenue[365], revenue[90])),
        "customer_lifetime_value": _money(historic + np.maximum(revenue[365], revenue[90])),
        "customer_lifetime_margin": _money(margin + np.maximum(revenue[365], revenue[90]) * share),
        "churn_probability": np.round(churn, DECIMALS),
        "expected_next_order_on": _dates(as_of, median_days(probability)),
    }
    if model.dates is not None:
        found["next_order_within_90d_on"] = _dates(as_of, model.dates.days(matrix))
    else:
        found["next_order_within_90d_on"] = _dates(as_of, median_days(probability, within=DATE_HORIZON))
    return found


def probability_by(probability: dict[int, Floats], days: int) -> Floats:
    """P(at least one order within some days), between the horizons by a constant chance a day.

    ``probability`` by horizon, rising; ``days`` above 0 and at most the longest horizon.
    """
    earlier, silent = 0, np.zeros(len(next(iter(probability.values()))))
    for horizon, by_then in sorted(probability.items()):
        log_silent = np.log(np.maximum(1.0 - by_then, 1e-12))
        if days <= horizon:
            share = (days - earlier) / (horizon - earlier)
            found: Floats = -np.expm1(silent + share * (log_silent - silent))
            return found
        earlier, silent = horizon, log_silent
    return probability[max(probability)]


def median_days(probability: dict[int, Floats], within: int | None = None) -> Floats:
    """Days until the chance of an order is a half; NaN where it is less within the longest horizon.

    With ``within``, until it is half of the chance within that horizon: the median of those who order in it.
    """
    wanted = np.full(len(next(iter(probability.values()))), 0.5)
    if within is not None:
        wanted = 0.5 * probability[within]
    target = np.log1p(-wanted)
    days = np.full(len(wanted), np.nan)
    earlier, silent = 0, np.zeros(len(wanted))
    for horizon, by_then in sorted(probability.items()):
        log_silent = np.log(np.maximum(1.0 - by_then, 1e-12))
        here = np.isnan(days) & (log_silent <= target) & (log_silent < silent)
        share = np.where(here, (silent - target) / np.where(here, silent - log_silent, 1.0), 0.0)
        days = np.where(here, earlier + share * (horizon - earlier), days)
        earlier, silent = horizon, log_silent
    return days


def _dates(as_of: npt.NDArray[np.int32], days: Floats) -> pa.Array:
    """The as-of date plus whole days; null for NaN and beyond a year."""
    is_known = np.isfinite(days) & (days <= YEAR_DAYS)
    whole = as_of + np.where(is_known, np.floor(days), 0).astype(np.int32)
    return pa.array(whole.astype(np.int32), pa.int32(), mask=~is_known).cast(pa.date32())


def _money(amount: Floats) -> Floats:
    """To the hundredth, as a double."""
    rounded: Floats = np.round(amount, 2)
    return rounded


def _doubles(batch: pa.RecordBatch, name: str) -> Floats:
    return np.asarray(batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

