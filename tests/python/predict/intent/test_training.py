"""What is learnt from which customers and windows, on snapshots of the simulated shop."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from regulars.predict.intent import horizon
from regulars.predict.intent.design import FEATURE_COLUMNS, buyers_of
from regulars.predict.intent.gate import Gate
from regulars.predict.intent.snapshots import TODAY, Snapshot, shop_view, snapshots_of
from regulars.predict.intent.training import NOT_OVER_YET, train
from regulars.runtime import table

from .shops import Shop
from .simulated_shop import AS_OF, HISTORY_DAYS

BTYD = Gate(buyer_count=300, min_history_days=180, blend_reason="300 buyers", purchase_model_reason=None)


@pytest.fixture(scope="module")
def training(trained: Shop) -> pa.Table:
    return table(trained.relation("int_intent_training"), order_by="customer_id, snapshot_on")


@pytest.fixture(scope="module")
def today(trained: Shop) -> Snapshot:
    scored = table(trained.relation("int_intent_scoring").filter("order_day_count is not null"), order_by="customer_id")
    buyers = buyers_of(scored, FEATURE_COLUMNS)
    return Snapshot(TODAY, HISTORY_DAYS, buyers, {}, shop_view(buyers))


@pytest.fixture(scope="module")
def past(training: pa.Table, today: Snapshot) -> Sequence[Snapshot]:
    return snapshots_of(training, today)


def test_who_learns_on_one_snapshot_judges_on_none(training: pa.Table, past: Sequence[Snapshot]) -> None:
    names = np.unique(training.column("customer_id").to_numpy(zero_copy_only=False))
    ago = training.column("days_ago").to_numpy()
    for snapshot in past:
        here = training.filter(pa.array(ago == snapshot.days_ago))
        assert names[snapshot.customer_ranks].tolist() == here.column("customer_id").to_pylist()
    learns, judges = ({n for s in past for n in s.half(which).customer_ranks.tolist()} for which in (0, 1))
    assert not learns & judges
    assert learns | judges == set(range(len(names)))


def test_a_few_customers_of_whom_none_came_back_do_not_drown_the_shop(today: Snapshot) -> None:
    few = today.buyers.taken(np.arange(3))
    nobody = Snapshot(90, 600, few, {"order_days_next_90d": np.zeros(3), "net_cents_next_90d": np.zeros(3)}, today.shop)
    fitted = horizon.fit_probability([nobody], today, 90, ("purchase_model",), full_history_days=None)
    assert -4 < fitted.level.value < 0
    counted = horizon.fit_counts([nobody], today, 90, ("purchase_model",), full_history_days=None)
    assert -3 < counted.level.value < 0
    assert counted.revenue_level.value == 0


def test_a_young_shop_is_as_busy_as_the_purchase_model_foresees(past: Sequence[Snapshot], today: Snapshot) -> None:
    # Seven months: what was learnt tells customers apart, but has seen none as old as today's.
    young = [snapshot for snapshot in past if snapshot.days_ago <= 210]
    learnt = horizon.fit_probability(young, today, 90, ("regression",), full_history_days=180)
    bare = horizon.fit_probability(young, today, 90, ("purchase_model",), full_history_days=180)
    assert learnt.kept_parts == ("regression",)
    assert learnt.level == bare.level
    rates = [model.probability(today.buyers, today.matrix, today.shop).mean() for model in (learnt, bare)]
    assert rates[0] == pytest.approx(rates[1])
    counted = [
        horizon.fit_counts(young, today, 90, kept, full_history_days=180).orders(today.buyers, today.matrix, today.shop)
        for kept in (("purchase_model", "regression"), ("purchase_model",))
    ]
    assert counted[0].sum() == pytest.approx(counted[1].sum())
    assert np.corrcoef(*counted)[0, 1] < 0.9999


def test_below_the_gate_the_purchase_model_alone_is_used_at_the_level_of_the_shop(
    past: Sequence[Snapshot], today: Snapshot
) -> None:
    model = train([snapshot for snapshot in past if snapshot.days_ago <= 210], today, BTYD, AS_OF)
    assert (model.basis, model.gate_reason, model.dates) == ("btyd", "300 buyers", None)
    assert {kept.kept_parts for kept in model.probabilities.values()} == {("purchase_model",)}
    # No year is over: that horizon takes the level that 90 days have shown, and says so.
    assert [NOT_OVER_YET in choice for choice in model.choices] == [False, False, True, False, True]
    assert model.probabilities[365].level == pytest.approx(model.probabilities[90].level)
    assert {measure.horizon_days for measure in model.measures} == {30, 90}
    ninety, year = (
        partial(model.probabilities[days].probability, matrix=today.matrix, shop=today.shop)(today.buyers)
        for days in (90, 365)
    )
    # Only 90 days have been stretched by a slope; scoring holds the year above them.
    assert np.mean(year > ninety) > 0.95


def test_without_any_past_there_is_the_purchase_model_as_it_is(today: Snapshot) -> None:
    model = train([], today, BTYD, AS_OF)
    assert [kept.shift for kept in model.probabilities.values()] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    assert (model.measures, model.warnings, model.amount_factor) == ((), (), 1.0)


def test_what_did_not_converge_is_not_trusted_below_the_gate(today: Snapshot) -> None:
    astray = replace(today, shop=replace(today.shop, has_converged=False))
    model = train([], astray, BTYD, AS_OF)
    assert (model.basis, model.shop) == ("history", None)
    assert model.gate_reason == "300 buyers; and the purchase model's fit did not converge"
    assert train([], None, replace(BTYD, blend_reason=None), AS_OF).basis == "history"
    assert train([], None, replace(BTYD, buyer_count=0), AS_OF).basis is None


def test_recency_alone_ships_where_it_was_better(past: Sequence[Snapshot], today: Snapshot) -> None:
    def backwards(snapshot: Snapshot) -> Snapshot:
        # Whoever the purchase model and the last period foresee, stays away: only silence is left to go by.
        orders = (snapshot.buyers["recency_days"] > np.median(snapshot.buyers["recency_days"])).astype(np.float64)
        changed = {name: orders for name in snapshot.outcomes if name.startswith("order_days_next")}
        return replace(snapshot, outcomes=snapshot.outcomes | changed)

    model = train([backwards(s) for s in past if s.days_ago <= 210], today, BTYD, AS_OF)
    assert model.probabilities[90].kept_parts == ("recency",)
    assert model.probabilities[90].slope == 1.0
    assert any("purchase_probability_90d" in warning and "baseline is shipped" in warning for warning in model.warnings)
    shipped = model.probabilities[90].probability(today.buyers, today.matrix, today.shop)
    silent = today.buyers["recency_days"] > np.median(today.buyers["recency_days"])
    assert shipped[silent].mean() > 0.7 > 0.3 > shipped[~silent].mean()
