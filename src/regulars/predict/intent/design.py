"""From what SQL counted of a customer's history to what the models see: logarithms, rhythm, the purchase model's view.

The columns come from `macros/predictions/purchase_history_features.sql`. Most behaviour is multiplicative (twice as
long silent, half as likely), so counts, days and amounts enter as logarithms; "is she overdue by her own rhythm" is
told outright, as the ratio of her silence to her gaps and as the chance that such a gap ends within the horizon.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import log_ndtr, ndtr

from regulars.predict.btyd import gamma_gamma, mbgnbd
from regulars.predict.btyd.gamma_gamma import GammaGammaFit
from regulars.predict.btyd.mbgnbd import Parameters
from regulars.predict.btyd.statistics import Histories

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MILLION = 1e6
"""SQL adds up logarithms and fading as whole millionths."""
CENTS = 100.0
PRIOR_GAPS = 3.0
"""A customer's own mean gap is drawn to the shop's as if by this many gaps."""
PRIOR_GAP_SPREAD = 0.9
PRIOR_SPREADS = 4.0
"""And the spread of its logarithm to 0.9 as if by four."""
FURTHEST = 4.0
"""Standard deviations beyond which a feature says no more."""
SMALLEST_EXPECTATION = 0.01
"""Of orders: what the purchase model calls next to nothing is no exposure to learn a ratio from."""


@dataclass(frozen=True)
class Buyers:
    """The columns of n (customer, snapshot) pairs as numbers."""

    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.columns["order_day_count"])

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]

    def taken(self, rows: npt.NDArray[np.bool_] | Ints) -> "Buyers":
        """Some of the rows."""
        return Buyers({name: values[rows] for name, values in self.columns.items()})

    @property
    def histories(self) -> Histories:
        """Frequency, recency and age, as the purchase models take them."""
        frequency, recency, age = (
            self[name].astype(np.int64) for name in ("order_day_count", "recency_days", "age_days")
        )
        return Histories(frequency - 1, age - recency, age)

    @property
    def mean_paid_amount(self) -> Floats:
        """What an order day came to, in the reporting currency."""
        amount: Floats = self["paid_cents"] / CENTS / self["order_day_count"]
        return amount


FEATURE_COLUMNS = (
    "order_day_count", "recency_days", "age_days", "last_gap_days", "longest_gap_days", "log_gap_sum",
    "log_gap_square_sum", "order_days_14d", "order_days_30d", "order_days_60d", "order_days_90d", "order_days_180d",
    "order_days_365d", "order_days_year_ago_30d", "order_days_year_ago_90d", "faded_order_days_40d",
    "faded_order_days_125d", "paid_cents", "paid_cents_365d", "paid_cents_90d", "last_paid_cents", "line_count",
    "last_line_count",
)  # fmt: skip


def buyers_of(table: pa.Table | pa.RecordBatch, columns: tuple[str, ...] = FEATURE_COLUMNS) -> Buyers:
    """The named columns as doubles, nulls as NaN."""
    return Buyers(
        {
            name: np.asarray(table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
            for name in columns
        }
    )


@dataclass(frozen=True)
class ShopView:
    """What a customer's history is measured against on one snapshot day."""

    purchases: Parameters
    amounts: GammaGammaFit
    mean_log_gap: float
    """Of all gaps between order days of the shop."""
    has_converged: bool
    """Whether the purchase model's fit found a top: inside its bounds, or at one, as where all stop equally often."""


def design_matrix(buyers: Buyers, shop: ShopView) -> Floats:
    """What the models see of n customers: n rows, one column a feature of `design_names`, all finite."""
    features = _features(buyers, shop)
    matrix = np.column_stack(list(features.values())) if len(buyers) else np.zeros((0, len(features)))
    return np.nan_to_num(matrix, nan=0.0, posinf=0.0, neginf=0.0)


def design_names() -> tuple[str, ...]:
    """The names of the columns of `design_matrix`."""
    nobody = Buyers({name: np.zeros(0) for name in FEATURE_COLUMNS})
    nothing = GammaGammaFit(1.0, 2.0, 1.0, 0.0, 0, 1.0, 1.0, True, True, ())
    return tuple(_features(nobody, ShopView(mbgnbd.parameters_of(1.0, 1.0, 1.0, 1.0), nothing, 0.0, True)))


def expected_orders(buyers: Buyers, shop: ShopView, horizon_days: int) -> Floats:
    """The purchase model's expectation, at least `SMALLEST_EXPECTATION`."""
    expected: Floats = mbgnbd.expected_orders(shop.purchases, buyers.histories, horizon_days)
    return np.maximum(expected, SMALLEST_EXPECTATION)


def expected_amounts(buyers: Buyers, shop: ShopView) -> Floats:
    """The gamma-gamma model's expectation of one order day's paid amount."""
    return gamma_gamma.expected_amount(
        shop.amounts, buyers["order_day_count"].astype(np.int64), buyers.mean_paid_amount
    )


def _features(buyers: Buyers, shop: ShopView) -> dict[str, Floats]:
    histories = buyers.histories
    recency = np.log1p(buyers["recency_days"])
    orders = np.log1p(buyers["order_day_count"])
    age = np.log1p(buyers["age_days"])
    features = {
        f"purchase_model_{horizon}d": log_odds_of(mbgnbd.probability_of_order(shop.purchases, histories, horizon))
        for horizon in (30, 90, 365)
    }
    features["purchase_model_active"] = log_odds_of(mbgnbd.probability_alive(shop.purchases, histories))
    features["purchase_model_orders_90d"] = np.log(expected_orders(buyers, shop, 90))
    features |= _rhythm(buyers, shop.mean_log_gap)
    features |= {"recency": recency, "age": age, "orders": orders}
    features |= {"recency_squared": recency**2, "recency_orders": recency * orders, "recency_age": recency * age}
    features["bought_once"] = (buyers["order_day_count"] == 1).astype(np.float64)
    for name in FEATURE_COLUMNS:
        if name.startswith("order_days_"):
            features[name] = np.log1p(buyers[name])
        elif name.startswith("faded_"):
            features[name] = np.log1p(buyers[name] / MILLION)
        elif name.endswith(("_cents", "_cents_365d", "_cents_90d")):
            features[name] = np.log1p(np.maximum(buyers[name], 0.0) / CENTS)
    features["mean_paid"] = np.log1p(np.maximum(buyers.mean_paid_amount, 0.0))
    features["expected_amount"] = np.log(np.maximum(expected_amounts(buyers, shop), 0.01))
    features["mean_lines"] = np.log1p(buyers["line_count"] / np.maximum(buyers["order_day_count"], 1.0))
    features["last_lines"] = np.log1p(buyers["last_line_count"])
    is_old = (buyers["age_days"] > 365).astype(np.float64)
    features["known_for_a_year"] = is_old
    features["known_year_ago_30d"] = is_old * features["order_days_year_ago_30d"]
    features["known_year_ago_90d"] = is_old * features["order_days_year_ago_90d"]
    return features


def _rhythm(buyers: Buyers, shop_mean: float) -> dict[str, Floats]:
    """How a silence of this length compares with the customer's gaps, taken as log-normal and drawn to the shop's."""
    gaps = buyers["order_day_count"] - 1.0
    has_gaps = gaps > 0
    own_gaps = np.maximum(gaps, 1.0)
    log_sum = np.nan_to_num(buyers["log_gap_sum"]) / MILLION
    square_sum = np.nan_to_num(buyers["log_gap_square_sum"]) / MILLION
    own_mean = np.where(has_gaps, log_sum / own_gaps, shop_mean)
    mean = (log_sum + PRIOR_GAPS * shop_mean) / (gaps + PRIOR_GAPS)
    squares = np.maximum(square_sum - own_gaps * own_mean**2, 0.0) * has_gaps
    freedom = np.maximum(gaps - 1.0, 0.0)
    spread = np.sqrt((squares + PRIOR_SPREADS * PRIOR_GAP_SPREAD**2) / (freedom + PRIOR_SPREADS))
    silence = np.maximum(buyers["recency_days"], 0.5)
    longer = log_ndtr(-(np.log(silence) - mean) / spread)
    features = {"silence_survival": np.maximum(longer, -8.0)}
    for horizon in (30, 90):
        later = log_ndtr(-(np.log(silence + horizon) - mean) / spread)
        features[f"rhythm_{horizon}d"] = log_odds_of(-np.expm1(np.minimum(later - longer, 0.0)))
    features["silence_rank"] = log_odds_of(ndtr((np.log(silence) - mean) / spread))
    features["silence_by_gap"] = np.where(has_gaps, np.clip(np.log(silence) - own_mean, -4.0, 4.0), 0.0)
    longest = np.where(has_gaps, np.nan_to_num(buyers["longest_gap_days"], nan=1.0), 1.0)
    features["silence_by_longest_gap"] = np.where(has_gaps, np.clip(np.log(silence / longest), -4.0, 4.0), 0.0)
    features["mean_log_gap"] = mean
    features["spread_log_gap"] = spread
    features["last_gap"] = np.where(has_gaps, np.log1p(np.nan_to_num(buyers["last_gap_days"])), shop_mean)
    features["longest_gap"] = np.where(has_gaps, np.log1p(longest), shop_mean)
    return features


def log_odds_of(probability: Floats, least: float = 1e-4) -> Floats:
    """Of n probabilities, each taken as no nearer to 0 and 1 than the least."""
    held = np.clip(probability, least, 1.0 - least)
    odds: Floats = np.log(held) - np.log1p(-held)
    return odds
