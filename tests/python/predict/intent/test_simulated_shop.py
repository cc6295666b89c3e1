"""A shop with a known truth, from the landing tables through dbt to its predictions; and what must not matter."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from regulars.predict import artefacts, metrics
from regulars.predict.intent.scoring import Churn, Origin, score

from .conftest import BuiltShop, before, build_predictions
from .shops import Shop, orders_of
from .simulated_shop import AS_OF, FUTURE_DAYS, name_of, oracle

Floats = np.ndarray


@pytest.fixture(scope="module")
def predicted(built_simulated_shop: BuiltShop) -> pa.Table:
    return built_simulated_shop.predictions()


@pytest.fixture(scope="module")
def came(built_simulated_shop: BuiltShop, predicted: pa.Table) -> dict[int, Floats]:
    """Order days of each predicted customer within 30 and 90 days, as the simulation went on."""
    orders = built_simulated_shop.simulated.orders
    days = pc.days_between(
        pa.scalar(AS_OF, pa.date32()), orders.column("ordered_at").cast(pa.timestamp("us")).cast(pa.date32())
    ).to_numpy()
    names = orders.column("customer_id").to_numpy(zero_copy_only=False)
    found = {}
    for horizon in (30, FUTURE_DAYS):
        is_in = (days >= 0) & (days < horizon)
        pairs = {(name, day) for name, day in zip(names[is_in], days[is_in], strict=True)}
        counts: dict[str, int] = {}
        for name, _ in pairs:
            counts[name] = counts.get(name, 0) + 1
        found[horizon] = np.array([counts.get(name, 0) for name in predicted.column("customer_id").to_pylist()], float)
    return found


def doubles(table: pa.Table, name: str) -> Floats:
    return table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)


def test_the_way_through_dbt_and_the_way_of_these_tests_agree(trained: Shop, predicted: pa.Table) -> None:
    assert trained.score().equals(predicted)
    assert set(predicted.column("basis").to_pylist()) == {"blend"}
    assert set(predicted.column("model_state").to_pylist()) == {"fresh"}
    assert len(set(predicted.column("model_version").to_pylist())) == 1


def test_predictions_are_finite_and_agree_with_each_other(predicted: pa.Table) -> None:
    for field in predicted.schema:
        if pa.types.is_floating(field.type) and field.name != "customer_lifetime_margin":
            assert np.all(np.isfinite(doubles(predicted, field.name))), field.name
            assert np.all(doubles(predicted, field.name) >= 0), field.name
    month, quarter = doubles(predicted, "purchase_probability_30d"), doubles(predicted, "purchase_probability_90d")
    year = 1 - doubles(predicted, "churn_probability")
    assert np.all((month <= quarter) & (quarter <= year + 1e-6) & (year <= 1))
    assert np.all(doubles(predicted, "expected_orders_90d") >= quarter)
    assert np.all(doubles(predicted, "expected_orders_365d") >= doubles(predicted, "expected_orders_90d"))
    value, revenue = doubles(predicted, "customer_lifetime_value"), doubles(predicted, "expected_revenue_365d")
    assert np.all(value >= revenue)
    is_within_a_year = np.array([day is not None for day in predicted.column("expected_next_order_on").to_pylist()])
    assert np.array_equal(is_within_a_year, year >= 0.5)
    days = [day for day in predicted.column("next_order_within_90d_on").to_pylist() if day is not None]
    assert min(days) >= AS_OF
    assert max(days) < AS_OF + timedelta(days=90)


@pytest.mark.parametrize("horizon", [30, 90])
def test_probabilities_are_those_that_came(predicted: pa.Table, came: dict[int, Floats], horizon: int) -> None:
    probability, bought = doubles(predicted, f"purchase_probability_{horizon}d"), came[horizon] > 0
    assert probability.sum() == pytest.approx(bought.sum(), rel=0.10)
    # Groups of 200 expected buyers, from the unlikeliest up. In the month 10 % more came than the year before had told
    # (674, 614 expected), most of them of the unlikeliest group.
    if horizon == 90:
        ranked = np.argsort(probability, kind="stable")
        group = np.minimum(np.cumsum(probability[ranked]) // 200, probability.sum() // 200 - 1)
        assert group.max() >= 3
        for number in np.unique(group):
            rows = ranked[group == number]
            assert probability[rows].sum() == pytest.approx(bought[rows].sum(), rel=0.10)
    # Measured: .0335 and .0195.
    assert metrics.calibration_error(came[horizon], probability) < (0.04 if horizon == 30 else 0.025)


def test_customers_are_told_apart_nearly_as_well_as_who_knows_every_rate_could(
    built_simulated_shop: BuiltShop, predicted: pa.Table, came: dict[int, Floats]
) -> None:
    number = {name_of(place): rate for place, rate in enumerate(built_simulated_shop.simulated.rate)}
    names = predicted.column("customer_id").to_pylist()
    last: dict[str, float] = {}
    past = built_simulated_shop.past
    days = pc.days_between(past.column("ordered_at").cast(pa.date32()), pa.scalar(AS_OF, pa.date32())).to_pylist()
    for name, day in zip(past.column("customer_id").to_pylist(), days, strict=True):
        last[name] = min(last.get(name, 1e9), day)
    recency = np.array([last[name] for name in names])
    rate = np.array([number[name] for name in names])
    for horizon in (30, 90):
        ours = metrics.area_under_curve(came[horizon], doubles(predicted, f"purchase_probability_{horizon}d"))
        assert ours > metrics.area_under_curve(came[horizon], -recency) + 0.015
        assert ours > metrics.area_under_curve(came[horizon], oracle(rate, recency, horizon)) - 0.035


def test_expected_orders_and_revenue_come(
    built_simulated_shop: BuiltShop, predicted: pa.Table, came: dict[int, Floats]
) -> None:
    expected, orders = doubles(predicted, "expected_orders_90d"), came[90]
    # Orders of some customers pull together only by the season: four standard errors, and 5 % for its forecast.
    error = 4 * np.sqrt(np.sum((orders - expected) ** 2)) + 0.05 * orders.sum()
    assert abs(expected.sum() - orders.sum()) < min(error, 0.15 * orders.sum())
    later = built_simulated_shop.simulated.orders
    later = later.filter(
        pc.greater_equal(later.column("ordered_at"), pa.scalar(AS_OF, pa.date32()).cast(pa.timestamp("us")))
    )
    revenue = pc.sum(later.column("amount")).as_py()
    assert doubles(predicted, "expected_revenue_90d").sum() == pytest.approx(revenue, rel=0.15)


def test_the_back_test_is_stored_with_its_baseline(built_simulated_shop: BuiltShop) -> None:
    row = built_simulated_shop.models().to_pylist()[0]
    measures = {(m["model"], m["horizon_days"], m["metric"]): m for m in json.loads(row["measures"])}
    for horizon in (30, 90):
        figure = measures["purchase_probability", horizon, "auc"]
        assert figure["value"] > figure["baseline_value"]
        assert figure["tested_as_of"] == (AS_OF - timedelta(days=horizon)).isoformat()
        assert figure["customer_count"] > 2_000
        # 90 days ago no two years could be held against each other, and the season came unforeseen.
        assert measures["purchase_probability", horizon, "calibration_error"]["value"] < (
            0.05 if horizon == 30 else 0.1
        )
    assert ("expected_revenue", 90, "normalised_gini") in measures
    assert measures["next_order_date", 90, "mean_absolute_error"]["value"] < 25
    assert json.loads(row["warnings"]) == []
    assert all("season" not in choice for choice in json.loads(row["choices"]))
    # Two years and two months: the season is recognised where a year can be held against another.
    assert [choice for choice in json.loads(row["choices"]) if choice.endswith("the same weeks a year ago")]


def test_order_of_rows_and_number_of_threads_change_nothing(
    built_simulated_shop: BuiltShop, predicted: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    shuffled = Shop.of(
        built_simulated_shop.project,
        built_simulated_shop.past,
        order="order by hash(customer_id, ordered_at)",
        threads=4,
    )
    shuffled.warehouse.connection.execute("set preserve_insertion_order = false")
    shuffled.build_features(AS_OF)
    shuffled.train()
    # The version holds a digest of the model: it is the same to the last bit.
    assert shuffled.score().equals(predicted)


# -- leakage

CUTOFF = AS_OF - timedelta(days=120)
AFTERWARDS = """
    insert into raw.refunds by name
    select 'r' || row_number() over (order by order_id) as refund_id, order_id,
        timestamptz '{cutoff} 08:00:00+00' + interval 1 day as refunded_at, 1.0 as amount,
        timestamptz '2020-01-01 00:00:00+00' as _loaded_at
    from raw.orders where ordered_at < timestamptz '{cutoff} 00:00:00+00' and hash(order_id) % 3 = 0
"""


@pytest.fixture(scope="module")
def small_past(built_simulated_shop: BuiltShop) -> pa.Table:
    past = built_simulated_shop.past
    return past.filter(pc.less(past.column("customer_id"), name_of(600)))


@pytest.fixture(scope="module")
def later_known(built_simulated_shop: BuiltShop, small_past: pa.Table) -> Shop:
    """600 customers, with all that happened after the cutoff: orders, new customers, and refunds of earlier orders."""
    shop = Shop.of(built_simulated_shop.project, small_past)
    shop.warehouse.connection.execute(AFTERWARDS.format(cutoff=CUTOFF))
    return shop


@pytest.fixture(scope="module")
def nothing_later(built_simulated_shop: BuiltShop, small_past: pa.Table) -> Shop:
    return Shop.of(built_simulated_shop.project, before(small_past, CUTOFF.isoformat()))


def test_as_of_a_day_nothing_after_it_is_seen(later_known: Shop, nothing_later: Shop) -> None:
    for shop in (later_known, nothing_later):
        shop.build_features(CUTOFF)
    for name in ("int_intent_scoring", "int_intent_training"):
        assert nothing_later.rows(name)
        known = {row["customer_id"] for row in nothing_later.rows(name)}
        assert [row for row in later_known.rows(name) if row["customer_id"] in known] == nothing_later.rows(name)
        # Who came later may be known by name, and by nothing else.
        others = [row for row in later_known.rows(name) if row["customer_id"] not in known]
        assert all(row.get("order_day_count") is None for row in others)
    gates = [shop.rows("int_prediction_gate") for shop in (later_known, nothing_later)]
    assert gates[0] == gates[1]


def test_no_feature_of_a_past_snapshot_knows_what_came_after_it(later_known: Shop, nothing_later: Shop) -> None:
    def features(shop: Shop) -> list[dict[str, object]]:
        rows = [row for row in shop.rows("int_intent_training") if row["snapshot_on"] <= CUTOFF]
        return [
            {name: value for name, value in row.items() if "next" not in name and name != "days_ago"} for row in rows
        ]

    for shop in (later_known, nothing_later):
        shop.build_features(AS_OF)
    assert len(features(later_known)) > 3_000
    assert features(later_known) == features(nothing_later)
    outcomes = [
        [row["order_days_next_90d"] for row in shop.rows("int_intent_training") if row["snapshot_on"] <= CUTOFF]
        for shop in (later_known, nothing_later)
    ]
    # The test would see it: what they did next differs.
    assert outcomes[0] != outcomes[1]


def test_windows_that_are_not_over_have_no_outcome(trained: Shop) -> None:
    seen = set()
    for row in trained.rows("int_intent_training"):
        for horizon in (30, 90, 365):
            assert (row[f"order_days_next_{horizon}d"] is None) == (row["days_ago"] < horizon)
            assert (row[f"net_cents_next_{horizon}d"] is None) == (row["days_ago"] < horizon)
        seen.add(row["days_ago"])
    assert seen == set(range(30, 481, 30))


# -- when a model is trained, and which one scores


@pytest.fixture
def history_shop(project) -> Shop:
    """Sixty customers: too few to fit anything, so that a training takes no time."""
    shop = Shop.of(project, orders_of([(f"c{n}", f"2023-0{1 + n % 5}-0{1 + n % 9} 10:00:00", 20.0) for n in range(60)]))
    shop.build_features(AS_OF)
    return shop


def test_a_young_model_scores_again_and_nothing_is_trained(trained: Shop, predicted: pa.Table) -> None:
    again = Shop(trained.warehouse, trained.stored)
    assert again.train().num_rows == 0
    assert again.score().equals(predicted)


def test_a_batch_of_none_but_prospects_is_scored(trained: Shop) -> None:
    # A shop of a hundred thousand profiles who never bought has such batches.
    stored = trained.stored
    assert stored is not None
    scored = trained.relation("int_intent_scoring").limit(3).to_arrow_table()
    nothing = pa.nulls(3, pa.int64())
    prospects = scored.set_column(
        scored.column_names.index("order_day_count"), "order_day_count", nothing
    ).to_batches()[0]
    kept = artefacts.stored(stored.to_pylist()[0])
    found = score(kept.model, prospects, Origin(kept.version, "fresh"), Churn(365, 0.33, 0.66))
    assert found.column("gate_reason").to_pylist() == ["has not bought yet"] * 3
    assert found.column("purchase_probability_30d").null_count == 3
    assert found.column("customer_id").to_pylist() == scored.column("customer_id").to_pylist()


def test_training_is_due_after_so_many_days_or_with_other_settings(history_shop: Shop) -> None:
    shop = history_shop
    assert shop.train().num_rows == 1
    assert shop.train().num_rows == 0
    assert shop.train(retrain_after_days=0).num_rows == 1
    assert shop.score(retrain_after_days=0).column("model_state").unique().to_pylist() == ["fresh"]
    assert shop.train(settings_fingerprint="others").num_rows == 1
    assert shop.score(settings_fingerprint="others").column("model_state").unique().to_pylist() == ["fresh"]
    # Under the settings of before the newest model is another's.
    assert shop.score().column("model_state").unique().to_pylist() == ["stale"]
    assert shop.stored.column("training_number").to_pylist() == [1, 2, 3]


def test_an_old_model_is_stale_and_one_from_later_is_not_used(history_shop: Shop) -> None:
    shop = history_shop
    shop.train()
    for days, state in ((6, "fresh"), (7, "stale"), (300, "stale")):
        shop.build_features(AS_OF + timedelta(days=days))
        scored = shop.score()
        assert scored.column("model_state").unique().to_pylist() == [state]
        assert scored.column("trained_as_of").unique().to_pylist() == [AS_OF]
    shop.build_features(AS_OF - timedelta(days=1))
    scored = shop.score()
    assert scored.column("model_state").unique().to_pylist() == ["missing"]
    for name in ("model_version", "trained_as_of", "basis", "purchase_probability_90d", "churn_risk"):
        assert scored.column(name).null_count == scored.num_rows
    assert all("no trained model" in reason for reason in scored.column("gate_reason").to_pylist())
    assert scored.column("customer_lifetime_value").null_count == 0
    # And training as of that earlier day is done, whatever is known of later.
    assert shop.train().column("trained_as_of").to_pylist() == [AS_OF - timedelta(days=1)]


def test_dbt_itself_trains_nothing_the_second_time(built_simulated_shop: BuiltShop, predicted: pa.Table) -> None:
    models = built_simulated_shop.models()
    build_predictions(built_simulated_shop.database, "pred_intent_models", "pred_purchase_intent")
    assert built_simulated_shop.models().equals(models)
    assert built_simulated_shop.predictions().equals(predicted)
