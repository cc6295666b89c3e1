"""What is learnt from, weighed, kept and said, on made-up snapshots whose answer is known."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.special import expit, logit

from regulars.predict import affinity
from regulars.predict.affinity.audience import FACTORS, AudienceModel, measured, set_factors
from regulars.predict.affinity.candidates import FEATURES, CandidateLimits, Candidates
from regulars.predict.affinity.ranker import TrainingLimits, TrainingRows, batches, fit_boosting, training_rows
from regulars.predict.affinity.reasons import reasons
from regulars.predict.affinity.returning import Returning, has_bought, levelled
from regulars.predict.affinity.snapshot import CUSTOMER_FACTS, ITEM_FACTS, PAIR_FACTS, Snapshot
from regulars.predict.affinity.split import split
from regulars.predict.affinity.training import HISTORY, train
from regulars.predict.intent.gate import Gate
from regulars.predict.threads import use_one_thread

ON = date(2025, 6, 1)
OPEN = Gate(buyer_count=300, min_history_days=180, blend_reason=None, purchase_model_reason=None)
SHUT = replace(OPEN, blend_reason="300 buyers")
CUSTOMERS, ITEMS = 300, 30
Choice = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(autouse=True, scope="module")
def _calm() -> None:
    """As the nodes do it; and several threads would wait for each other longer than they work."""
    use_one_thread()


def most_bought(times: np.ndarray) -> np.ndarray:
    return np.argsort(-times, kind="stable")[:2]


def least_bought(times: np.ndarray) -> np.ndarray:
    return np.argsort(times, kind="stable")[:2]


def middling(times: np.ndarray) -> np.ndarray:
    return np.argsort(np.abs(times - 5), kind="stable")[:2]


def extreme(times: np.ndarray) -> np.ndarray:
    return np.argsort(-np.abs(times - 5), kind="stable")[:2]


def past(on: date, chosen: Choice, customers: int = CUSTOMERS, came: float = 0.7) -> Snapshot:
    """Customers have each bought twenty of the items, one to nine times, and come back for two of them."""
    random = np.random.default_rng(on.toordinal())
    customer = np.repeat(np.arange(customers), 20)
    item = np.concatenate([np.sort(random.permutation(ITEMS)[:20]) for _ in range(customers)])
    times = random.integers(1, 10, len(item)).astype(np.float64)
    pairs = np.repeat(times[:, None], len(PAIR_FACTS), axis=1)
    items = np.full((ITEMS, len(ITEM_FACTS)), 0.1)
    items[:, ITEM_FACTS.index("buyer_count")] = np.bincount(item, minlength=ITEMS)
    items[:, ITEM_FACTS.index("typical_gap_days")] = 30.0
    bought = np.zeros((customers, ITEMS), dtype=bool)
    for who in np.flatnonzero(random.random(customers) < came):
        mine = customer == who
        bought[who, item[mine][chosen(times[mine])]] = True
    return Snapshot(
        on=on,
        customer_ids=pa.array([f"c{number:04d}" for number in range(customers)]),
        item_keys=np.arange(ITEMS),
        customers=random.integers(1, 9, (customers, len(CUSTOMER_FACTS))).astype(np.float64),
        items=items,
        pair_customer=customer,
        pair_item=item,
        pairs=pairs,
        bought=sparse.csr_matrix(bought),
    )


def days_before(days: int, chosen: Choice = most_bought, customers: int = CUSTOMERS) -> Snapshot:
    return past(ON - timedelta(days=days), chosen, customers)


def test_nothing_is_learnt_from_windows_that_reach_into_the_held_out_one() -> None:
    ordered = [days_before(days, customers=4) for days in (120, 91, 90, 89, 30, 0)]
    learnt, held_out = split(ordered, 90, seed=0)
    assert held_out is ordered[-1]
    assert [(ON - each.on).days for each in learnt] == [120, 91, 90]


def test_where_every_window_overlaps_other_customers_of_the_same_day_are_held_out() -> None:
    [learnt], held_out = split([days_before(days, customers=60) for days in (60, 30, 0)], 90, seed=0)
    assert learnt.on == held_out.on == ON
    halves = [set(part.customer_ids.to_pylist()) for part in (learnt, held_out)]
    assert not halves[0] & halves[1]
    assert len(halves[0] | halves[1]) == 60
    assert min(map(len, halves)) > 15


def test_an_audience_is_sized_by_what_had_not_seen_the_held_out_day() -> None:
    held_out = days_before(0)
    tested = AudienceModel.plain(Returning(0.0, np.zeros(len(CUSTOMER_FACTS))))
    # What ships has it the wrong way round: by it nearly everybody would have to be taken.
    shipped = replace(tested, weights=-tested.weights, tested=tested)
    for positions in (np.array([0]), np.arange(5)):
        sizes = [affinity.audience_size(model, held_out, positions) for model in (shipped, tested)]
        assert sizes[0].shares == sizes[1].shares
        seen = affinity.audience_size(replace(shipped, tested=None), held_out, positions)
        assert seen.shares[0.5] > sizes[0].shares[0.5]


def test_candidates_left_out_count_in_the_weight_of_those_kept() -> None:
    snapshots, limits = [days_before(120), days_before(0)], CandidateLimits()
    rows = training_rows(snapshots, limits, TrainingLimits(negatives_per_positive=1.0))
    every = [found for each in snapshots for _, found in batches(each, each.neighbours, limits, buyers_only=True)]
    outcome = np.concatenate([found.bought for found in every if found.bought is not None])
    kept = rows.bought.sum(), (~rows.bought).sum()
    assert kept[0] == outcome.sum()
    assert kept[1] < 0.2 * (~outcome).sum()
    assert set(rows.weight[rows.bought]) == {1.0}
    assert rows.weight[~rows.bought].sum() == pytest.approx((~outcome).sum(), rel=0.1)


def test_the_ranker_heeds_the_weights() -> None:
    # Nothing tells the rows apart: a hundred bought, and two hundred of which each stands for five.
    bought = np.repeat([True, False], [100, 200])
    rows = TrainingRows(np.zeros((300, len(FEATURES)), dtype=np.float32), bought, np.where(bought, 1.0, 5.0))
    ranker = fit_boosting(rows)
    assert ranker is not None
    assert ranker.probability(rows.features[:2]) == pytest.approx(100 / 1100)


def test_due_is_what_was_bought_twice_and_is_neither_early_nor_long_forgotten() -> None:
    now = days_before(0, customers=3)
    rows = [
        (2, 0.79, "bought_before"),
        (2, 0.8, "due_for_replenishment"),
        (2, 1.0, "due_for_replenishment"),
        (9, 3.0, "due_for_replenishment"),
        (9, 3.01, "bought_before"),
        (1, 1.0, "bought_before"),
        (2, np.nan, "bought_before"),
        (0, np.nan, "popular"),
        (0, 1.0, "popular"),
    ]
    features = np.zeros((len(rows), len(FEATURES)), dtype=np.float32)
    features[:, FEATURES.index("pair_order_days")] = [times for times, _, _ in rows]
    features[:, FEATURES.index("pair_due_ratio")] = [due for _, due, _ in rows]
    nobody = np.zeros(len(rows), dtype=np.int64)
    found = Candidates(customer=nobody, item=nobody, features=features, bought=None)
    names = [f"item {number}" for number in range(ITEMS)]
    assert reasons(now, now.neighbours, found, np.arange(len(rows)), names) == [said for _, _, said in rows]


def test_a_shut_gate_learns_nothing() -> None:
    # What would be learnt is far better than how often she bought it: she takes what she had the least of.
    snapshots = [days_before(120, least_bought), days_before(0, least_bought)]
    learnt = affinity.fit("product", snapshots)
    assert learnt.decision.ranker == "boosting"
    assert learnt.boosting is not None
    shut = affinity.fit("product", snapshots, is_learnt=False)
    assert (shut.boosting, shut.decision.ranker, shut.decision.challenger) == (None, "personal_frequency", None)
    assert shut.decision.why == "the shop has too little to learn from"
    assert shut.decision.champion == learnt.decision.champion


def test_below_the_gate_a_training_ships_frequency_and_the_plain_audience() -> None:
    snapshots = [days_before(120, least_bought), days_before(0, least_bought)]
    model = train(["product"], lambda kind: snapshots, SHUT, ON)
    assert (model.basis, model.gate_reason, model.warnings) == (HISTORY, "300 buyers", ())
    assert model.rankers["product"].boosting is None
    assert model.rankers["product"].decision.challenger is None
    audience = model.audiences["product"]
    assert (audience.boosting, audience.tested, audience.quality) == (None, None, None)
    np.testing.assert_array_equal(audience.weights, AudienceModel.plain(audience.returning).weights)


def test_a_ranker_that_would_have_found_less_does_not_ship() -> None:
    # It learns that the least bought is bought next; at the held-out day it is the most bought.
    snapshots = [days_before(120, least_bought), days_before(0, most_bought)]
    model = affinity.fit("product", snapshots)
    decision = model.decision
    assert decision.champion is not None
    assert decision.challenger is not None
    assert decision.challenger.recall < decision.champion.recall
    assert (decision.ranker, model.boosting) == ("personal_frequency", None)
    few = [each.part(np.arange(100)) for each in snapshots]
    trained = train(["product"], lambda kind: few, OPEN, ON)
    assert trained.basis == HISTORY
    assert "product: learning ranked no better than personal frequency, which is shipped" in trained.warnings


@pytest.mark.parametrize("intercept", [-4.0, 0.0, 3.0])
def test_who_comes_is_taken_at_the_level_that_came(intercept: float) -> None:
    then = days_before(0)
    returning = Returning(intercept, np.linspace(-0.5, 0.7, len(CUSTOMER_FACTS)))
    found, before = levelled(returning, then), returning.probability(then)
    assert found.mean() == pytest.approx(has_bought(then).mean(), abs=1e-6)
    assert abs(before.mean() - found.mean()) > 0.05
    # One shift for all: customers differ as before.
    np.testing.assert_allclose(np.diff(logit(found)), np.diff(logit(before)), atol=1e-6)
    assert expit(logit(before) + (logit(found) - logit(before))[0]) == pytest.approx(found)


def test_the_size_of_an_audience_does_not_hang_on_how_many_were_thought_to_come() -> None:
    held_out = days_before(0)
    rising = np.linspace(-0.3, 0.5, len(CUSTOMER_FACTS))
    # Scores that put buyers last, so that the sizes are above the least ones.
    weights = -AudienceModel.plain(Returning(0.0, rising)).weights
    weights[FACTORS.index("coming")] = 1.0
    models = [AudienceModel(0.0, weights, Returning(intercept, rising)) for intercept in (-4.0, 2.0)]
    sizes = [affinity.audience_size(model, held_out, np.arange(3)).shares for model in models]
    assert all(share is not None and share > capture for capture, share in sizes[0].items())
    assert sizes[0] == pytest.approx(sizes[1], abs=1e-6)
    first, second = (measured(model, held_out) for model in models)
    assert first is not None
    assert second is not None
    for capture, share in first.shares.items():
        assert share == pytest.approx(second.shares[capture], abs=1e-6)


def test_what_sizes_an_audience_has_learnt_from_no_window_that_reaches_into_the_held_out_one() -> None:
    models = [
        affinity.fit_audience(
            [days_before(120, least_bought), days_before(30, later), days_before(0, later)], pairs=6_000
        )
        for later in (least_bought, most_bought)
    ]
    tested = [model.tested for model in models]
    assert tested[0] is not None
    assert tested[1] is not None
    assert tested[0].intercept == tested[1].intercept
    np.testing.assert_array_equal(tested[0].weights, tested[1].weights)
    # What ships has seen all of them.
    assert models[0].intercept != models[1].intercept


@pytest.mark.parametrize(("later", "is_better"), [(middling, True), (extreme, False)])
def test_an_audience_keeps_boosting_only_where_it_was_better(later: Choice, is_better: bool) -> None:
    # No line sees that what was bought about five times comes next; at the held-out day boosting is right, or misled.
    model = affinity.fit_audience([days_before(120, middling), days_before(0, later)], pairs=20_000)
    boosted, linear = (float(figure) for figure in re.findall(r"[01]\.\d{4}", model.why))
    assert (boosted > linear) == is_better
    assert (model.boosting is not None) == is_better
    assert model.quality is not None
    assert model.quality.area == pytest.approx(max(boosted, linear), abs=1e-4)


def test_an_audience_learnt_from_few_of_the_pairs_expects_what_all_of_them_brought() -> None:
    snapshots = [days_before(120), days_before(0)]
    model = affinity.fit_audience(snapshots, pairs=3_000)
    now = snapshots[-1]
    assert now.bought is not None
    coming = levelled(model.returning, now)
    odds = [model.log_odds(set_factors(now, now.neighbours, coming, np.array([item]))) for item in range(ITEMS)]
    assert expit(np.concatenate(odds)).sum() == pytest.approx(now.bought.sum(), rel=0.3)
