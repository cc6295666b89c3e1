"""Interested in: the library, over a made-up shop of which the answer is known."""

import pickle
import tracemalloc
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from regulars.predict import affinity
from regulars.predict.affinity import training
from regulars.predict.affinity.audience import (
    AudienceModel,
    _training_pairs,
    asked_items,
    measured,
    set_factors,
    share_before,
    share_for_capture,
)
from regulars.predict.affinity.candidates import FEATURES, CandidateLimits, candidates
from regulars.predict.affinity.errors import AffinityInputError
from regulars.predict.affinity.metrics import area_under_curve, lift, ranking_quality
from regulars.predict.affinity.model import _is_kept
from regulars.predict.affinity.neighbours import strongest
from regulars.predict.affinity.reasons import reasons
from regulars.predict.affinity.returning import fit_returning
from regulars.predict.affinity.snapshot import CUSTOMER_FACTS, ITEM_FACTS, PAIR_FACTS
from regulars.predict.intent.gate import Gate
from regulars.predict.quality import is_better


def shop(on: date, customers: int = 400, items: int = 20, seed: int = 0, outcomes: bool = True) -> affinity.Snapshot:
    """Customers keep to one of two halves of the items, and buy again what they bought, most of the time."""
    random = np.random.default_rng(seed)
    pairs, bought = [], []
    for customer in range(customers):
        mine = random.permutation(np.arange(items // 2) * 2 + customer % 2)[: random.integers(1, 5)]
        for item in mine:
            times = int(random.integers(1, 6))
            pairs.append((f"c{customer:04d}", int(item), float(times), float(random.integers(1, 90))))
        if random.random() < 0.6:
            again = random.choice(mine)
            new = random.integers(items // 2) * 2 + customer % 2
            bought += [(f"c{customer:04d}", int(again)), (f"c{customer:04d}", int(new))]
    buyers = np.bincount([pair[1] for pair in pairs], minlength=items)
    ids = [f"c{number:04d}" for number in range(customers)]
    facts = {name: pa.array(random.integers(1, 9, customers).astype(float)) for name in CUSTOMER_FACTS}
    item_facts = {name: pa.array(np.full(items, 0.1)) for name in ITEM_FACTS} | {
        "buyer_count": pa.array(buyers.astype(float)),
        "typical_gap_days": pa.array(np.full(items, 30.0)),
    }
    times = pa.array([pair[2] for pair in pairs])
    pair_facts = dict.fromkeys(PAIR_FACTS, times) | {"days_since_item": pa.array([pair[3] for pair in pairs])}
    return affinity.from_tables(
        on,
        pa.table({"customer_id": ids} | facts),
        pa.table({"item_key": list(range(items))} | item_facts),
        pa.table({"customer_id": [p[0] for p in pairs], "item_key": [p[1] for p in pairs]} | pair_facts),
        pa.table({"customer_id": [b[0] for b in bought], "item_key": [b[1] for b in bought]}) if outcomes else None,
    )


@pytest.fixture(scope="module")
def fitted() -> affinity.AffinityModel:
    past = [shop(date(2024, 1, 1), seed=1), shop(date(2024, 6, 1), seed=2)]
    return affinity.fit("product", past)


def test_neighbours_are_what_the_same_people_buy():
    neighbours = affinity.item_neighbours(shop(date(2024, 1, 1)), keep_narrow=3).narrow
    rows, columns = neighbours.nonzero()
    assert set(rows) == set(range(20))
    assert (rows % 2 == columns % 2).all()
    assert (rows != columns).all()


def test_the_strongest_links_are_bounded_and_ties_go_to_the_lower_column():
    scores = sparse.csr_matrix(np.array([[0.5, 0.9, 0.5, 0.5, 0.1], [0, 0, 0.2, 0, 0.0], [0, 0, 0, 0, 0]]))
    assert strongest(scores, 2).toarray().tolist() == [[0.5, 0.9, 0, 0, 0], [0, 0, 0.2, 0, 0], [0] * 5]
    not_second = scores.indices != 1
    assert strongest(scores, 2, not_second).toarray()[0].tolist() == [0.5, 0, 0.5, 0, 0]
    # Products of sparse matrices come with their columns in any order.
    turned = scores.copy()
    turned.indices[:5], turned.data[:5] = turned.indices[:5][::-1].copy(), turned.data[:5][::-1].copy()
    assert (strongest(turned, 2) != strongest(scores, 2)).nnz == 0


def test_neighbours_are_the_most_similar_of_all_items():
    past = shop(date(2024, 1, 1), items=40, seed=5)
    found = affinity.item_neighbours(past, keep=6, keep_narrow=2, block=7)
    every = affinity.item_neighbours(past, keep=40, keep_narrow=40).wide.toarray()
    assert np.diff(found.wide.indptr).tolist() == [6] * 40
    assert np.diff(found.narrow.indptr).tolist() == [2] * 40
    best = np.sort(every, axis=1)[:, ::-1]
    np.testing.assert_allclose(np.sort(found.wide.toarray(), axis=1)[:, ::-1][:, :6], best[:, :6], rtol=1e-6)
    np.testing.assert_allclose(np.sort(found.narrow.toarray(), axis=1)[:, ::-1][:, :2], best[:, :2], rtol=1e-6)


def test_neighbours_of_many_items_need_room_for_those_with_a_customer_in_common_only():
    items, customers = 60_000, 300
    bought = np.random.default_rng(0).integers(0, items, (customers, 40))
    pairs = sorted({(customer, int(item)) for customer in range(customers) for item in bought[customer]})
    customer, item = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    many = affinity.Snapshot(
        on=date(2024, 1, 1),
        customer_ids=pa.array([str(number) for number in range(customers)]),
        item_keys=np.arange(items),
        customers=np.ones((customers, len(CUSTOMER_FACTS))),
        items=np.ones((items, len(ITEM_FACTS))),
        pair_customer=customer,
        pair_item=item,
        pairs=np.ones((len(pairs), len(PAIR_FACTS))),
        bought=None,
    )
    tracemalloc.start()
    neighbours = affinity.item_neighbours(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert neighbours.wide.nnz > 0
    # One full block of 512 items alone would be 123 MB.
    assert peak < 60e6


def test_a_reason_names_the_one_thing_that_makes_half_of_the_score():
    now = shop(date(2024, 9, 1), seed=3, outcomes=False)
    neighbours = affinity.item_neighbours(now, keep=3, keep_narrow=2)
    found = candidates(now, neighbours)
    rows = np.arange(len(found.customer))
    names = [str(number) for number in range(20)]
    said = reasons(now, neighbours, found, rows, names)
    weights, links = now.matrix("weight_365d").toarray(), neighbours.wide.toarray()
    named = 0
    for row in rows:
        parts = weights[found.customer[row]] * links[:, found.item[row]]
        if weights[found.customer[row], found.item[row]] or not parts.any():
            assert not said[row].startswith("goes_with")
        elif parts.max() >= 0.5 * parts.sum():
            assert said[row] == f"goes_with:{parts.argmax()}"
            named += 1
        else:
            assert said[row] == "similar_customers"
    assert named


def test_no_more_random_pairs_than_a_few_for_each_purchase():
    past = shop(date(2024, 1, 1), customers=3000)
    customer, _, outcome, weight = _training_pairs(past, 100_000, np.random.default_rng(0))
    assert len(customer) < len(past.pairs) + 4 * outcome.sum()
    # They stand for all pairs, however few they are (new purchases count twice, 2 % here).
    assert weight.sum() == pytest.approx(3000 * 20, rel=0.03)


def test_the_better_ranker_ships_and_the_choice_is_recorded(fitted):
    decision = fitted.decision
    better = decision.challenger is not None and decision.challenger.recall > decision.champion.recall
    assert (decision.ranker == "boosting") == better
    assert "recall@10" in decision.why
    assert (fitted.boosting is not None) == better


def test_scores_are_complete_ordered_and_probabilities(fitted):
    now = shop(date(2024, 9, 1), seed=3, outcomes=False)
    rows = affinity.score(fitted, now, affinity.item_neighbours(now), [f"item {n}" for n in range(20)], top=5)
    assert rows.schema == affinity.SCHEMA
    assert len(rows) == 400 * 5
    table = rows.to_pydict()
    assert table["rank"][:5] == [1, 2, 3, 4, 5]
    assert all(0 <= value <= 1 for value in table["purchase_probability_90d"])
    known = {"bought_before", "due_for_replenishment", "similar_customers", "popular"}
    assert all(reason in known or reason.startswith("goes_with:item ") for reason in table["reason"])


def test_who_owns_many_items_is_still_shown_new_ones():
    now = shop(date(2024, 9, 1), customers=60, items=80, seed=3, outcomes=False)
    # The first customer owns 30 items, each more often than any other.
    others = now.pair_customer > 0
    often = np.full((30, len(PAIR_FACTS)), 9.0)
    many = replace(
        now,
        pair_customer=np.r_[np.zeros(30, dtype=np.int64), now.pair_customer[others]],
        pair_item=np.r_[np.arange(30), now.pair_item[others]],
        pairs=np.vstack([often, now.pairs[others]]),
    )
    model = affinity.fit("product", [])
    names = [str(number) for number in range(80)]
    shown = affinity.score(model, many, many.neighbours, names, 20).to_pylist()
    every = affinity.score(model, many, many.neighbours, names, 80).to_pylist()
    hers, ranked = ([row for row in rows if row["customer_id"] == "c0000"] for rows in (shown, every))
    owned = [int(row["item"]) < 30 for row in hers]
    assert owned == [True] * 10 + [False] * 10
    assert hers[:10] == ranked[:10]
    assert [row["rank"] for row in hers] == list(range(1, 21))
    # The best of those she never bought.
    assert [row["item"] for row in hers[10:]] == [row["item"] for row in ranked if int(row["item"]) >= 30][:10]
    scores = [row["score"] for row in hers]
    assert scores == sorted(scores, reverse=True)


def test_what_is_left_fills_the_places_where_there_is_little_new():
    now = shop(date(2024, 9, 1), customers=60, items=80, seed=3, outcomes=False)
    customer, owned = np.zeros(8, dtype=np.int64), np.array([True, True, True, True, True, False, True, True])
    assert np.flatnonzero(_is_kept(customer, owned, 5)).tolist() == [0, 1, 2, 3, 5]
    assert np.flatnonzero(_is_kept(customer, owned, 1)).tolist() == [0]
    model = affinity.fit("product", [])
    rows = affinity.score(model, now, now.neighbours, [str(number) for number in range(80)], 20)
    assert len(rows) == 60 * 20


def test_same_input_same_scores(fitted):
    now = shop(date(2024, 9, 1), seed=3, outcomes=False)
    neighbours = affinity.item_neighbours(now)
    copy = pickle.loads(pickle.dumps(fitted))
    names = [str(n) for n in range(20)]
    assert affinity.score(fitted, now, neighbours, names).equals(affinity.score(copy, now, neighbours, names))


def test_a_calibration_is_measured_on_customers_that_it_was_not_fitted_on():
    past = shop(date(2024, 6, 1), seed=2)
    # Every second customer buys most of the shop, the others one thing: half of them say nothing of the other half.
    bought = np.zeros(past.shape, dtype=bool)
    bought[0::2, :15] = True
    bought[1::2, 0] = True
    model = affinity.fit("product", [shop(date(2024, 1, 1), seed=1), replace(past, bought=sparse.csr_matrix(bought))])
    decision = model.decision
    assert decision.calibration_error > 0.5
    assert decision.champion_calibration_error > 0.5
    assert decision.log_loss > 1
    assert decision.champion_log_loss > 1
    plain = affinity.fit("product", [replace(past, bought=sparse.csr_matrix(bought))], is_learnt=False)
    assert plain.decision.calibration_error == plain.decision.champion_calibration_error


def test_the_calibration_that_ships_is_fitted_on_everybody_held_out():
    past = shop(date(2024, 6, 1), seed=2)
    bought = np.zeros(past.shape, dtype=bool)
    bought[0::2, :15] = True
    bought[1::2, 0] = True
    held_out = replace(past, bought=sparse.csr_matrix(bought))
    model = affinity.fit("product", [shop(date(2024, 1, 1), seed=1), held_out], is_learnt=False)
    rows = affinity.score(model, held_out, held_out.neighbours, [str(n) for n in range(20)], 20, np.ones(400))
    assert np.mean(rows["purchase_probability_90d"].to_pylist()) == pytest.approx(bought.mean(), abs=0.01)


def test_one_young_snapshot_is_split_by_customers():
    only = shop(date(2024, 1, 1))
    model = affinity.fit("product", [only])
    assert model.decision.held_out_on == only.on
    assert model.decision.champion.customers < 200


def test_a_shop_of_one_product_keeps_to_the_simple_ranker():
    past = [shop(date(2024, 1, 1), items=2, seed=1), shop(date(2024, 6, 1), items=2, seed=2)]
    model = affinity.fit("category", past)
    assert model.decision.ranker == "personal_frequency"


def test_a_shop_of_exactly_one_product_is_measured_too():
    past = [shop(date(2024, 1, 1), items=2, seed=1), shop(date(2024, 6, 1), items=2, seed=2)]
    single = []
    for each in past:
        customers = {"customer_id": each.customer_ids} | {name: each.customer(name) for name in CUSTOMER_FACTS}
        items = {"item_key": [0]} | {name: each.item(name)[:1] for name in ITEM_FACTS}
        pairs = {"customer_id": each.customer_ids, "item_key": np.zeros(400, dtype=int)}
        pairs |= {name: np.ones(400) for name in PAIR_FACTS}
        outcomes = {"customer_id": each.customer_ids.slice(0, 100), "item_key": np.zeros(100, dtype=int)}
        tables = (pa.table(columns) for columns in (customers, items, pairs, outcomes))
        single.append(affinity.from_tables(each.on, *tables))
    model = affinity.fit("product", single)
    assert model.decision.ranker == "personal_frequency"
    assert model.decision.champion.recall == 1
    assert model.decision.champion_new.customers == 0


def test_a_shop_without_a_year_behind_it_learns_without_seasons():
    young = []
    for each in (shop(date(2024, 1, 1), seed=1), shop(date(2024, 6, 1), seed=2)):
        facts = each.items.copy()
        facts[:, ITEM_FACTS.index("share_season")] = np.nan
        young.append(replace(each, items=facts))
    assert affinity.fit("product", young).decision.challenger is not None


def test_outcomes_of_items_not_yet_sold_are_left_out():
    now = shop(date(2024, 1, 1), items=4)
    facts = pa.table({"customer_id": now.customer_ids} | {name: now.customer(name) for name in CUSTOMER_FACTS})
    items = pa.table({"item_key": now.item_keys} | {name: now.item(name) for name in ITEM_FACTS})
    nothing = pa.table({"customer_id": pa.array([], pa.string()), "item_key": pa.array([], pa.int64())})
    for name in PAIR_FACTS:
        nothing = nothing.append_column(name, pa.array([], pa.float64()))
    later = pa.table({"customer_id": ["c0001", "c0001"], "item_key": [1, 99]})
    assert affinity.from_tables(now.on, facts, items, nothing, later).bought.nnz == 1


def test_a_missing_column_is_named():
    with pytest.raises(AffinityInputError, match="customers: no column customer_id"):
        affinity.from_tables(date(2024, 1, 1), pa.table({}), pa.table({}), pa.table({}))


def test_no_feature_knows_what_came_after():
    past = shop(date(2024, 1, 1))
    blind = shop(date(2024, 1, 1), outcomes=False)
    neighbours = affinity.item_neighbours(past)
    found, unknown = candidates(past, neighbours), candidates(blind, neighbours)
    np.testing.assert_array_equal(found.features, unknown.features)
    assert found.features.shape[1] == len(FEATURES)
    assert unknown.bought is None


def test_limits_bound_the_candidates():
    past = shop(date(2024, 1, 1))
    found = candidates(past, affinity.item_neighbours(past), CandidateLimits(personal=1, neighbours=2, popular=0))
    assert np.bincount(found.customer).max() <= 1 + 2 * 2


def test_an_audience_finds_its_half_of_the_shop():
    past, now = shop(date(2024, 6, 1), seed=2), shop(date(2024, 9, 1), seed=3, outcomes=False)
    model = affinity.fit_audience([past])
    positions, basis = asked_items(now, now.neighbours, [0])
    score = model.log_odds(set_factors(now, now.neighbours, model.returning.probability(now), positions))
    even = np.array([int(name[1:]) % 2 == 0 for name in now.customer_ids.to_pylist()])
    assert area_under_curve(score, even) > 0.9
    assert basis == "items"
    assert list(model.quality.shares) == [0.5, 0.7, 0.9]
    assert model.quality.area > model.quality.baseline_area


@pytest.mark.parametrize(("baseline_area", "is_warned"), [(0.99, True), (0.5, False)])
def test_an_audience_worse_than_its_baseline_ships_with_a_warning(monkeypatch, baseline_area: float, is_warned: bool):
    def fit_audience(snapshots: list[affinity.Snapshot], horizon_days: int) -> AudienceModel:
        model = AudienceModel.plain(fit_returning(snapshots))
        quality = replace(measured(model, snapshots[-1]), area=0.75, baseline_area=baseline_area)
        return replace(model, quality=quality)

    monkeypatch.setattr(training, "fit_audience", fit_audience)
    past = [shop(date(2024, 1, 1), customers=100, seed=1), shop(date(2024, 6, 1), customers=100, seed=2)]
    gate = Gate(100, 180, None, None)
    trained = training.train(["product"], lambda _: past, gate, date(2024, 9, 1))
    assert trained.gate_reason is None
    said = [warning for warning in trained.warnings if warning.startswith("product audience: ")]
    assert len(said) == is_warned
    assert all("0.9900" in warning and "0.7500" in warning for warning in said)


def test_an_audience_and_its_baseline_are_measured_in_customers():
    past = shop(date(2024, 6, 1), seed=2)
    coming = AudienceModel.plain(fit_returning([past]))
    # Expecting next to nobody, or nearly everybody, in the same order: the same customers are taken.
    models = [replace(coming, intercept=intercept) for intercept in (-9.0, 9.0)]
    rare, sure = (measured(model, past) for model in models)
    assert rare.shares == sure.shares
    assert rare.sizes[0.5] > sure.sizes[0.5] + 0.05
    # Her half of the shop buys an item again: half of its buyers are among fewer customers than that half.
    assert all(share < 0.5 for share in rare.shares[0.5])


@pytest.mark.parametrize("capture", [50, 70, 90])
def test_fewer_customers_for_the_same_buyers_are_better(capture: int):
    assert is_better(f"share_for_{capture}", 0.2, 0.3) is True
    assert is_better(f"share_for_{capture}", 0.3, 0.2) is False


def test_an_audience_is_sized_by_a_model_that_had_not_seen_the_day():
    past = [shop(date(2024, 1, 1), seed=1), shop(date(2024, 6, 1), seed=2)]
    model = affinity.fit_audience(past)
    assert model.tested is not None
    assert model.tested.intercept != model.intercept
    size = affinity.audience_size(model, past[-1], np.array([0]))
    assert 0 < size.shares[0.5] <= size.shares[0.7] <= size.shares[0.9] <= 1
    assert size.held_out_buyers > 0
    nobody = affinity.audience_size(model, past[-1], np.empty(0, dtype=np.int64))
    assert nobody.shares == {capture: max(capture, size) for capture, size in model.quality.sizes.items()}


def test_an_audience_is_no_smaller_than_what_is_expected_to_hold_its_share():
    past = [shop(date(2024, 1, 1), seed=1), shop(date(2024, 6, 1), seed=2)]
    model = affinity.fit_audience(past)
    hopeful = replace(model, quality=replace(model.quality, sizes=dict.fromkeys((0.5, 0.7, 0.9), 0.01)))
    nobody = affinity.audience_size(hopeful, past[-1], np.empty(0, dtype=np.int64))
    assert nobody.shares == {0.5: 0.5, 0.7: 0.7, 0.9: 0.9}
    for item in range(20):
        size = affinity.audience_size(model, past[-1], np.array([item]))
        assert all(share >= capture for capture, share in size.shares.items())


def test_an_item_nobody_knows_is_asked_for_by_its_neighbours():
    now = shop(date(2024, 9, 1), seed=3)
    facts = now.items.copy()
    facts[0, ITEM_FACTS.index("buyer_count")] = 4
    rare = replace(now, items=facts)
    positions, basis = asked_items(rare, now.neighbours, [0])
    assert basis == "neighbours"
    assert (positions % 2 == 0).all()
    assert len(positions) > 1


def test_capture_takes_the_fewest_that_hold_the_buyers():
    score = np.log(np.array([0.4, 0.3, 0.2, 0.1]) / (1 - np.array([0.4, 0.3, 0.2, 0.1])))
    is_buyer = np.array([True, False, True, False])
    assert share_for_capture(score, is_buyer, 0.5) == pytest.approx(0.4)
    assert share_for_capture(score, is_buyer, 0.9) == pytest.approx(0.9)
    assert share_for_capture(score, np.zeros(4, dtype=bool), 0.5) is None


def test_ties_are_taken_together():
    assert share_before(np.array([2.0, 1, 1]), np.ones(3)) == pytest.approx([1 / 3, 1, 1])


def test_measures_of_a_known_ranking():
    bought = sparse.csr_matrix(np.array([[True, False, True, True]]))
    zeros = np.zeros(3, dtype=np.int64)
    quality = ranking_quality(bought, zeros, np.array([0, 1, 2]), np.array([3.0, 2, 1]), k=2)
    assert quality.recall == pytest.approx(1 / 3)
    assert quality.ndcg == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert lift(np.array([2.0, 1, 1, 1]), np.array([True, False, False, False]), 0.25) == 4
