"""What is kept, stretched, held back and measured, on made-up customers whose answer is known; no dbt build."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest
from scipy.special import expit, logit

from regulars.predict import metrics
from regulars.predict.btyd import mbgnbd
from regulars.predict.btyd.gamma_gamma import GammaGammaFit
from regulars.predict.intent import horizon, training
from regulars.predict.intent.design import FEATURE_COLUMNS, MILLION, Buyers, ShopView, expected_amounts
from regulars.predict.intent.gate import Gate
from regulars.predict.intent.horizon import purchase_log_odds
from regulars.predict.intent.snapshots import HORIZONS, TODAY, Snapshot

AS_OF = date(2026, 1, 1)
CUSTOMERS = 1_000
BTYD = Gate(buyer_count=CUSTOMERS, min_history_days=180, blend_reason="few", purchase_model_reason=None)
SHOP = ShopView(
    mbgnbd.parameters_of(0.8, 60.0, 0.8, 2.5),
    GammaGammaFit(4.0, 3.0, 30.0, 0.0, CUSTOMERS, 20.0, 20.0, True, True, ()),
    4.0,
    True,
)
LADDER = (("simple",), ("better",), ("best",))


def buyers(seed: int) -> Buyers:
    """Between one and nine order days, whatever the silence since."""
    random = np.random.default_rng(seed)
    columns = {name: np.ones(CUSTOMERS) for name in FEATURE_COLUMNS}
    columns["order_day_count"] = random.integers(1, 10, CUSTOMERS).astype(np.float64)
    columns["recency_days"] = random.integers(1, 300, CUSTOMERS).astype(np.float64)
    columns["age_days"] = columns["recency_days"] + 60.0 * (columns["order_day_count"] - 1)
    columns["log_gap_sum"] = columns["log_gap_square_sum"] = 4.0 * MILLION * (columns["order_day_count"] - 1)
    columns["paid_cents"] = columns["order_day_count"] * random.integers(1_000, 9_000, CUSTOMERS)
    return Buyers(columns)


def snapshot(days_ago: int, chance=lambda who: np.full(CUSTOMERS, 0.4), worth: float = 1.0) -> Snapshot:
    """Every customer orders with that chance on one day, at ``worth`` times what the spend model expects of her."""
    who = buyers(days_ago)
    outcomes = {"days_to_next_order": np.full(CUSTOMERS, 10.0)}
    came = (np.random.default_rng(days_ago + 1).random(CUSTOMERS) < chance(who)).astype(np.float64)
    for days in HORIZONS:
        outcomes[f"order_days_next_{days}d"] = came
        outcomes[f"net_cents_next_{days}d"] = 100.0 * came * expected_amounts(who, SHOP) * worth
    return Snapshot(days_ago, 600 - days_ago, who, outcomes, SHOP, np.arange(CUSTOMERS))


def now() -> Snapshot:
    return Snapshot(TODAY, 600, buyers(0), {}, SHOP)


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ((1.0, 1.0, 1.0), "simple"),
        ((1.0, 1.1, 1.2), "simple"),
        ((1.0, 0.9, 0.95), "better"),
        ((1.0, 1.1, 0.9), "best"),
        ((1.0, 0.9, 0.8), "best"),
        ((1.0,), "simple"),
    ],
)
def test_a_step_up_is_taken_only_where_its_loss_is_lower_than_the_best_before(
    losses: tuple[float, ...], kept: str
) -> None:
    def loss(*_: object) -> Mapping[tuple[str, ...], float]:
        return dict(zip(LADDER, losses, strict=False))

    chosen, judged_on = horizon._choose([snapshot(90), snapshot(120)], TODAY, 90, LADDER, loss)
    assert chosen == (kept,)
    assert judged_on == "the other customers of 90, 120 days ago"


@pytest.mark.parametrize(("needed", "found"), [(0.2, 0.85), (0.8, 0.9), (1.0, 1.0), (1.2, 1.1), (3.0, 1.15)])
def test_half_of_the_stretch_that_fits_within_bounds(needed: float, found: float) -> None:
    # A fifth and four fifths ordered: log odds of -1.386 and 1.386, foretold too far out or too near by `needed`.
    truth = np.repeat([logit(0.2), logit(0.8)], 100)
    happened = np.tile(np.repeat([1.0, 0.0], [20, 80]), 2)
    happened[100:] = 1.0 - happened[100:]
    assert horizon.fit_slope(truth / needed + 0.3, happened) == pytest.approx(found, abs=2e-3)
    assert horizon.fit_slope(truth, np.zeros(200)) == 1.0
    assert horizon.fit_slope(truth, np.ones(200)) == 1.0


def test_the_slope_stretches_the_log_odds_of_the_day_it_is_fitted_for() -> None:
    past, today = [snapshot(90), snapshot(120)], now()
    means = []
    for slope in (1.0, 0.85):
        model = horizon.fit_probability(past, today, 90, ("purchase_model",), slope=slope, full_history_days=None)
        found = model.probability(today.buyers, today.matrix, today.shop)
        odds = purchase_log_odds(today.buyers, SHOP, 90)
        assert np.diff(logit(found)) == pytest.approx(slope * np.diff(odds), abs=1e-9)
        means.append(found.mean())
    # And how busy the shop is does not hang on it.
    assert means[1] == pytest.approx(means[0])


def test_odds_that_were_too_sure_at_the_held_out_day_ship_shrunk() -> None:
    def half_as_sure(who: Buyers) -> np.ndarray:
        return expit(0.5 * purchase_log_odds(who, SHOP, 90))

    model = training.train([snapshot(ago, half_as_sure) for ago in (90, 180)], now(), BTYD, AS_OF)
    assert model.probabilities[90].kept_parts == ("purchase_model",)
    assert model.probabilities[90].slope == pytest.approx(0.85, abs=1e-3)


def test_a_baseline_that_is_a_little_better_ships() -> None:
    def by_silence_alone(who: Buyers) -> np.ndarray:
        return expit(2.0 - who["recency_days"] / 60)

    model = training.train([snapshot(ago, by_silence_alone) for ago in (90, 180)], now(), BTYD, AS_OF)
    [area] = [each for each in model.measures if (each.horizon_days, each.metric) == (90, "auc")]
    assert 0.0 < area.baseline_value - area.value < 0.09
    assert model.probabilities[90].kept_parts == ("recency",)
    assert any(warning.startswith("purchase_probability_90d") for warning in model.warnings)


def test_a_baseline_that_is_a_little_worse_does_not() -> None:
    def by_both(who: Buyers) -> np.ndarray:
        return expit(0.7 * purchase_log_odds(who, SHOP, 90) - who["recency_days"] / 150)

    model = training.train([snapshot(ago, by_both) for ago in (90, 180)], now(), BTYD, AS_OF)
    [area] = [each for each in model.measures if (each.horizon_days, each.metric) == (90, "auc")]
    assert 0.0 < area.value - area.baseline_value < 0.09
    assert model.probabilities[90].kept_parts == ("purchase_model",)


def test_an_order_brings_in_what_it_lately_did_of_what_was_expected() -> None:
    model = training.train([snapshot(90, worth=0.8), snapshot(180, worth=0.8)], now(), BTYD, AS_OF)
    assert model.amount_factor == pytest.approx(0.8)
    # The newest counts most, and nothing more than e-fold is believed.
    mixed = training._amount_factor([snapshot(90, worth=0.8), snapshot(180, worth=1.2)])
    assert 0.8 < mixed < 0.95
    assert training._amount_factor([snapshot(90, worth=9.0)]) == pytest.approx(np.e)
    assert training._amount_factor([snapshot(90, lambda who: np.zeros(len(who)))]) == 1.0


def test_the_back_test_never_expects_less_orders_than_the_chance_of_one() -> None:
    past, held_out = [snapshot(180)], snapshot(90)
    run = training._Run((held_out, *past), now(), AS_OF, 180, is_learnt=False)
    # Half of the customers are said to be as good as sure, more than the model expects; of the others nothing is said.
    chance = np.where(np.arange(CUSTOMERS) < CUSTOMERS // 2, 30.0, 0.0)
    fitted = horizon.fit_counts(run.snapshots, held_out, 90, ("purchase_model",), full_history_days=180)
    expected = fitted.orders(held_out.buyers, held_out.matrix, SHOP)
    assert 0 < expected.min() <= expected.max() < 30
    measures, _ = training._test_counts(run, held_out, 90, chance)
    found = {each.metric: each.value for each in measures if each.model == "expected_orders"}
    floored = np.where(chance > 0, chance, expected)
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(held_out.orders(90), floored))
    assert found["total_bias"] == pytest.approx(metrics.total_bias(held_out.orders(90), floored))
