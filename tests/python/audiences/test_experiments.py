"""Arms compared on sums, against rows: scipy, least squares, published examples, simulation and a real experiment."""

import math
from dataclasses import astuple, replace
from decimal import Decimal
from functools import cache

import duckdb
import numpy as np
import pytest
from conftest import ROOT, real_data
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audiences.simulated import Scenario, coverage, effect, experiments
from regulars.audiences.experiments import (
    ALARM,
    LEAST_BUYERS_FOR_REVENUE,
    SPREAD_OF_ALL_WEIGHS,
    ArmSums,
    Difference,
    balance_p_value,
    difference_of_means,
    difference_of_shares,
    find,
    newcombe_interval,
    sample_ratio_p_value,
    smallest_of_several,
    wilson_interval,
)
from regulars.errors import ExperimentError

NOBODY = ArmSums(0, 0, 0)


def sums(outcome, before=None, *, with_buyers=False) -> ArmSums:
    y = np.asarray(outcome, dtype=np.float64)
    x = np.zeros_like(y) if before is None else np.asarray(before, dtype=np.float64)
    buyers = int(np.count_nonzero(y)) if with_buyers else None
    return ArmSums(len(y), *(float(column.sum()) for column in (y, y * y, x, x * x, x * y)), buyers)


def adjusted_rows(outcomes, befores):
    """The outcomes less what earlier spend explains: the slope of least squares with a level for each arm."""
    arm = np.repeat([0.0, 1.0], [len(outcome) for outcome in outcomes])
    y, x = np.concatenate(outcomes), np.concatenate(befores)
    slope = np.linalg.lstsq(np.column_stack([arm, 1.0 - arm, x]), y, rcond=None)[0][2]
    return [outcome - slope * before for outcome, before in zip(outcomes, befores, strict=True)]


def expect_scipy(found: Difference, treated, compared, tolerance=1e-9) -> None:
    """The difference, its interval and its error are those of scipy's test on rows."""
    result = stats.ttest_ind(treated, compared, equal_var=False)
    interval = result.confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(treated) - np.mean(compared), rel=tolerance, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=tolerance)
    assert found.degrees_of_freedom == pytest.approx(result.df, rel=tolerance)
    assert found.standard_error == pytest.approx(found.difference / result.statistic, rel=1e-6)


# -- formulas against rows


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_of_amounts_is_welchs(seed) -> None:
    random = np.random.default_rng(seed)
    treated, compared = random.lognormal(3, 1, 900), random.lognormal(3, 0.5, 60 + 40 * seed)
    found = difference_of_means(sums(treated), sums(compared))
    assert not found.is_adjusted
    expect_scipy(found, treated, compared)
    assert found.treatment_mean == pytest.approx(treated.mean())
    assert found.comparison_mean == pytest.approx(compared.mean())
    assert found.relative_difference == pytest.approx(found.difference / compared.mean())


@pytest.mark.parametrize("seed", range(5))
def test_an_adjusted_difference_is_the_one_of_least_squares(seed) -> None:
    random = np.random.default_rng(seed)
    befores = [random.lognormal(3, 1, 900), random.lognormal(3.1, 1, 300)]
    outcomes = [
        0.4 * before + random.normal(shift, 5, len(before)) for before, shift in zip(befores, (3, 0), strict=True)
    ]
    found = difference_of_means(*(sums(*arm) for arm in zip(outcomes, befores, strict=True)))
    assert found.is_adjusted
    # Centring moves both arms alike, so the rows need none.
    expect_scipy(found, *adjusted_rows(outcomes, befores), tolerance=1e-7)
    assert found.treatment_mean == pytest.approx(outcomes[0].mean())


def test_earlier_spend_is_used_only_where_it_makes_the_difference_more_certain() -> None:
    # In the large arm spend comes back, in the small one, which decides, it is the other way round.
    random = np.random.default_rng(3)
    before, small = random.normal(0, 1, 5_000), random.normal(0, 1, 100)
    treated, compared = before + random.normal(0, 1, 5_000), -small + random.normal(0, 1, 100)
    found = difference_of_means(sums(treated, before), sums(compared, small))
    assert not found.is_adjusted
    expect_scipy(found, treated, compared)


def test_the_detectable_effect_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(4)
    for people in (12, 60, 900):
        found = difference_of_means(sums(random.normal(5, 2, 900)), sums(random.normal(4, 2, people)))
        assert found.minimal_detectable_effect is not None
        assert found.degrees_of_freedom is not None
        limit = stats.t.ppf(0.975, found.degrees_of_freedom)
        off_centre = found.minimal_detectable_effect / found.standard_error
        assert stats.nct.sf(limit, found.degrees_of_freedom, off_centre) == pytest.approx(0.8, abs=0.005)
        assert found.relative_detectable_effect == pytest.approx(
            found.minimal_detectable_effect / found.comparison_mean
        )


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
    ],
)
def test_shares_have_the_intervals_newcombe_published(counts, interval) -> None:
    """Newcombe (1998), table II, method 10."""
    assert newcombe_interval(*counts) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize(("bought", "people"), [(0, 20), (1, 300), (40, 90), (7, 7)])
def test_a_share_has_scipys_score_interval(bought, people) -> None:
    theirs = stats.binomtest(bought, people).proportion_ci(0.95, method="wilson")
    assert wilson_interval(bought, people) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_difference_of_few_conversions_is_newcombes_with_welchs_error() -> None:
    random = np.random.default_rng(5)
    treated, compared = (random.random(4_000) < 0.02) * 1.0, (random.random(400) < 0.03) * 1.0
    # Spend before that nearly tells who buys: it would help, but the small arm has too few buyers.
    found = difference_of_shares(sums(treated, treated + 1), sums(compared, compared + 1))
    assert not found.is_adjusted
    assert (found.low, found.high) == newcombe_interval(treated.sum(), 4_000, compared.sum(), 400)
    assert found.standard_error == pytest.approx(math.sqrt(treated.var(ddof=1) / 4_000 + compared.var(ddof=1) / 400))


def test_a_difference_of_many_conversions_is_adjusted() -> None:
    random = np.random.default_rng(6)
    befores = [random.lognormal(3, 1, size) for size in (4_000, 1_000)]
    outcomes = [(random.random(len(before)) < before / (before + 60)) * 1.0 for before in befores]
    found = difference_of_shares(*(sums(*arm) for arm in zip(outcomes, befores, strict=True)))
    assert found.is_adjusted
    expect_scipy(found, *adjusted_rows(outcomes, befores), tolerance=1e-7)


def test_arm_sizes_are_judged_as_scipy_does() -> None:
    found = sample_ratio_p_value([9_050, 950], [0.855, 0.095])
    assert found == pytest.approx(stats.chisquare([9_050, 950], [9_000, 1_000]).pvalue)
    assert sample_ratio_p_value([90, 9, 3], [0.88, 0.09, 0.03]) is None, "three expected in the last"
    assert sample_ratio_p_value([0, 0], [0.9, 0.1]) is None


def test_balance_is_judged_as_scipy_does() -> None:
    table = {"nothing": [900, 80], "some": [450, 70], "much": [150, 20]}
    theirs = stats.chi2_contingency(list(table.values()), correction=False).pvalue
    assert balance_p_value(table) == pytest.approx(theirs)
    assert balance_p_value(dict(reversed(table.items()))) == balance_p_value(table)
    three = {name: [*counts, 60] for name, counts in table.items()}
    theirs = stats.chi2_contingency(list(three.values()), correction=False).pvalue
    assert balance_p_value(three) == pytest.approx(theirs)


def test_small_strata_are_counted_together() -> None:
    """Of ten people about one is compared, so a stratum needs 51."""
    assert balance_p_value({"a": [20, 4], "b": [25, 3], "c": [880, 94]}) == pytest.approx(
        stats.chi2_contingency([[45, 7], [880, 94]], correction=False).pvalue
    )
    left_over = {"a": [44, 4], "b": [45, 4], "c": [44, 6]}
    assert balance_p_value(left_over) is None, "a with b is enough, c is not: all together, nothing to compare"


def test_strata_that_cannot_be_compared_have_no_p_value() -> None:
    assert balance_p_value({}) is None
    assert balance_p_value({"a": [0, 0]}) is None
    assert balance_p_value({"a": [900, 100]}) is None
    assert balance_p_value({"a": [900, 0], "b": [100, 0]}) is None
    assert balance_p_value({"a": [9, 1], "b": [8, 2]}) is None


def test_one_finding_among_several_looks_is_taken_for_what_it_is() -> None:
    assert smallest_of_several([0.02, None, 0.5]) == 0.04
    assert smallest_of_several([0.9, 0.8]) == 1.0
    assert smallest_of_several([None]) is None


# -- amounts that spread less in an arm than in both


@pytest.mark.parametrize("small_is", [0, 1])
def test_an_arm_that_spreads_little_is_not_as_sure_as_it_looks(small_is) -> None:
    """Its Σy² of buyers is taken as a mean of its own and of the common one; the other arm speaks for itself."""
    random = np.random.default_rng(4)
    large, small = (
        np.where(random.random(people) < 0.1, 10 * random.lognormal(0, spread, people), 0.0)
        for people, spread in ((4_000, 1.0), (600, 0.4))
    )
    arms = (small, large) if small_is == 0 else (large, small)
    found = difference_of_means(*(sums(arm, with_buyers=True) for arm in arms))
    plain = difference_of_means(*(sums(arm) for arm in arms))
    buyers = np.count_nonzero(small)
    ratio = sum((arm**2).sum() for arm in arms) / sum(arm.sum() ** 2 / np.count_nonzero(arm) for arm in arms)
    squares = [(small**2).sum(), ratio * small.sum() ** 2 / buyers]
    square = np.average(squares, weights=[buyers, SPREAD_OF_ALL_WEIGHS])
    variance = (square - small.sum() ** 2 / 600) / 599 / 600
    assert found.standard_error == pytest.approx(math.sqrt(variance + large.var(ddof=1) / 4_000))
    assert found.difference == plain.difference
    assert found.standard_error > 1.05 * plain.standard_error


def test_arms_that_spread_alike_by_themselves_are_left_as_they_are() -> None:
    spent = np.repeat([0.0, 5.0, 10.0], [90, 5, 5])
    arms = spent, np.tile(3 * spent, 2)
    found = difference_of_means(*(sums(arm, with_buyers=True) for arm in arms))
    assert found.standard_error == pytest.approx(difference_of_means(*map(sums, arms)).standard_error)


@pytest.mark.parametrize("other", [[0.0] * 9, [0.0, 5.0, -9.0], [4.0] * 9])
def test_without_buyers_or_spread_each_arm_speaks_for_itself(other) -> None:
    arms = [0.0, 3.0, 8.0, 0.0], other
    found = difference_of_means(*(sums(arm, with_buyers=True) for arm in arms))
    assert found == difference_of_means(*map(sums, arms))


# -- what is not defined


@pytest.mark.parametrize("compare", [difference_of_means, difference_of_shares])
def test_nobody_is_compared_with_nobody(compare) -> None:
    assert compare(NOBODY, NOBODY) == Difference()
    found = compare(ArmSums(10, 4, 4), NOBODY)
    assert found == Difference(treatment_mean=0.4)
    assert compare(NOBODY, ArmSums(10, 4, 4)) == Difference(comparison_mean=0.4)
    assert found.relative_difference is None


def test_one_person_and_people_who_are_all_alike_have_no_interval() -> None:
    assert difference_of_means(ArmSums(1, 5, 25), ArmSums(9, 9, 11)) == Difference(5.0, 1.0, 4.0)
    assert difference_of_means(ArmSums(9, 18, 36), ArmSums(9, 9, 9)) == Difference(2.0, 1.0, 1.0)


def test_nobody_bought_has_an_interval_and_no_error() -> None:
    found = difference_of_shares(ArmSums(900, 0, 0), ArmSums(100, 0, 0))
    assert (found.low, found.high) == newcombe_interval(0, 900, 0, 100)
    assert found.standard_error is None
    assert found.minimal_detectable_effect is None
    assert found.relative_difference is None


def test_exact_sums_of_equal_amounts_have_no_spread() -> None:
    """In doubles Σy² − (Σy)²/n of these is some thousands, not 0."""
    amount = Decimal("1000000000.0001")
    alike = ArmSums(300, 300 * amount, 300 * amount * amount)
    assert difference_of_means(alike, alike).standard_error is None


@pytest.mark.parametrize(
    "wrong",
    [
        ArmSums(10, 20, 30),
        ArmSums(10, 0, 0, 20, 30),
        ArmSums(-1, 1, 1),
        ArmSums(10, math.nan, 1.0),
        ArmSums(10, 1.0, math.inf),
    ],
)
def test_sums_that_nobody_has_are_refused(wrong) -> None:
    with pytest.raises(ExperimentError):
        difference_of_means(wrong, ArmSums(10, 4, 4))


@pytest.mark.parametrize("wrong", [ArmSums(10, 4, 8), ArmSums(10, 11, 11), ArmSums(10, -1, -1)])
def test_conversions_that_are_not_one_or_nothing_are_refused(wrong) -> None:
    with pytest.raises(ExperimentError, match="a conversion is 1 or 0"):
        difference_of_shares(ArmSums(10, 4, 4), wrong)


def test_arm_sizes_without_shares_are_refused() -> None:
    for counts, shares in (([1, 2], [0.5]), ([1, 2], [1.0, 0.0]), ([-1, 2], [0.5, 0.5]), ([1], [1.0])):
        with pytest.raises(ExperimentError):
            sample_ratio_p_value(counts, shares)


ARM = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7, 10**9]), st.sampled_from([0, 0, 3, 10**9])), max_size=6)


@given(ARM, ARM)
def test_nothing_that_comes_out_is_nan_or_infinite(treated, compared) -> None:
    def exact(rows, outcome):
        return ArmSums(
            len(rows),
            sum(outcome(y) for y, _ in rows),
            sum(outcome(y) ** 2 for y, _ in rows),
            sum(x for _, x in rows),
            sum(x * x for _, x in rows),
            sum(outcome(y) * x for y, x in rows),
            sum(outcome(y) != 0 for y, _ in rows),
        )

    for compare, outcome in ((difference_of_means, int), (difference_of_shares, bool)):
        found = compare(exact(treated, outcome), exact(compared, outcome))
        values = [*astuple(found), found.relative_difference, found.relative_detectable_effect]
        assert all(value is None or math.isfinite(value) for value in values)
        assert found.low is None or found.low <= found.difference <= found.high


# -- verdicts


def verdict(low, high, **changes):
    known = {"people": (9_000, 1_000), "buyers": (369, 50), "window_days": 30} | changes
    metric = known.pop("metric", "net_revenue")
    difference = Difference(1.5, 1.0, 0.5, low, high, 0.2)
    return find(metric, difference, known.pop("comparison_arm", "control"), **known)


def test_the_verdict_is_where_the_interval_lies() -> None:
    assert verdict(0.1, 0.9).verdict == "better"
    assert verdict(-0.9, -0.1).verdict == "worse"
    assert verdict(-0.1, 0.9).verdict == "no_difference_seen"
    assert verdict(0.0, 0.9).verdict == "no_difference_seen"
    assert verdict(-0.9, 0.0).verdict == "no_difference_seen"


@pytest.mark.parametrize(
    ("changes", "is_enough"),
    [
        ({"people": (99, 1_000)}, False),
        ({"people": (9_000, 99)}, False),
        ({"people": (100, 100)}, True),
        ({"buyers": (60, 49)}, False),
        ({"buyers": (49, 60)}, False),
        ({"metric": "conversion", "buyers": (9, 0)}, False),
        ({"metric": "conversion", "buyers": (10, 0)}, True),
    ],
)
def test_it_says_when_there_is_not_enough(changes, is_enough) -> None:
    found = verdict(0.1, 0.9, **changes)
    assert (found.verdict != "not_enough_data") == is_enough
    assert found.reason.startswith("Not enough data: ") != is_enough


def test_without_an_interval_there_is_not_enough() -> None:
    assert verdict(None, None).verdict == "not_enough_data"


def test_reasons_are_sentences_with_their_numbers() -> None:
    shares = difference_of_shares(ArmSums(9_000, 369, 369), ArmSums(1_000, 36, 36))
    known = {"people": (9_000, 1_000), "buyers": (369, 36), "window_days": 30}
    assert find("conversion", shares, "control", **known).reason == (
        "4.1 % of 9,000 bought, 3.6 % of 1,000 held back: +0.5 points, "
        "95 % sure between −0.9 and +1.6; not enough to tell."
    )
    assert find("net_revenue", shares, "held_out", **known).reason == (
        "Not enough data: 369 of those in treatment and 36 of those held out of every audience bought within 30 days; "
        "revenue takes 50 of each."
    )
    amounts = replace(Difference(12.4, 11.0, 1.3, 0.9, 1.7, 0.2), is_adjusted=True)
    known["buyers"] = (369, 50)
    assert find("net_revenue", amounts, "control", **known).reason == (
        "12.40 each from 9,000, 11.00 from 1,000 held back: +1.30 (adjusted for earlier spend), "
        "95 % sure between +0.90 and +1.70; more than chance would do."
    )


def test_arms_that_are_not_what_they_should_be_are_called_out() -> None:
    assert "Do not trust it" not in verdict(0.1, 0.9, p_values=(ALARM, None)).reason
    assert verdict(0.1, 0.9, p_values=(ALARM / 2, None)).reason.endswith(
        " Do not trust it: the arms are not of the sizes they should have."
    )
    assert verdict(None, None, p_values=(None, ALARM / 2)).reason.endswith(
        " Do not trust it: the arms were not alike before anything was sent."
    )


# -- coverage

EXPERIMENTS = 2_000
ENOUGH = [
    Scenario(0.02, 22_500, 2_500),
    Scenario(0.05, 9_000, 1_000),
    Scenario(0.10, 4_500, 500),
    Scenario(0.02, 5_000, 5_000, lift=1.3),
    Scenario(0.05, 9_000, 1_000, lift=1.3),
    Scenario(0.05, 9_000, 1_000, lift=0.8),
    Scenario(0.10, 4_500, 500, lift=1.2),
    Scenario(0.05, 2_000, 2_000, lift=1.2),
]
HEAVY = [
    Scenario(0.05, 9_000, 1_000, spread=1.0),
    Scenario(0.05, 9_000, 1_000, spread=1.2),
    Scenario(0.05, 9_000, 1_000, lift=0.8, spread=1.2),
    Scenario(0.05, 9_000, 1_000, basket=0.8, spread=1.2),
    Scenario(0.05, 9_000, 1_000, basket=0.8),
    Scenario(0.05, 9_000, 1_000, basket=1.3),
    Scenario(0.10, 9_000, 1_000, spread=1.2),
    Scenario(0.05, 2_000, 2_000, spread=1.2),
]
UNEQUAL = [
    Scenario(0.10, 9_000, 1_000, spread=0.76, treated_spread=0.6),
    Scenario(0.10, 9_000, 1_000, spread=0.6, treated_spread=0.3),
    Scenario(0.10, 18_000, 2_000, spread=1.0, treated_spread=0.69),
    Scenario(0.10, 18_000, 2_000, spread=0.69, treated_spread=1.0),
    Scenario(0.10, 1_000, 9_000, spread=1.0, treated_spread=0.69),
]
"""One coefficient of variation for both arms holds the truth in 89 to 92 % of the first three, and in 98 % of the
others."""
FEW_BUYERS = [Scenario(0.01, 9_000, 1_000), Scenario(0.02, 9_000, 1_000), Scenario(0.10, 900, 100)]


@cache
def simulated(scenario):
    return experiments(scenario, EXPERIMENTS, seed=20_260_101)


@pytest.mark.parametrize("scenario", [*ENOUGH, *FEW_BUYERS], ids=str)
def test_intervals_of_conversion_hold_the_truth_as_often_as_they_say(scenario) -> None:
    held, _, _ = coverage(simulated(scenario)["conversion"], effect(scenario)["conversion"])
    assert 0.93 <= held <= 0.97


@pytest.mark.parametrize("scenario", [*ENOUGH, *HEAVY, *UNEQUAL], ids=str)
def test_intervals_of_revenue_hold_the_truth_as_often_as_they_say(scenario) -> None:
    held, _, _ = coverage(simulated(scenario)["net_revenue"], effect(scenario)["net_revenue"])
    assert 0.93 <= held <= 0.97


@pytest.mark.parametrize("scenario", FEW_BUYERS, ids=str)
def test_revenue_of_few_buyers_is_given_no_verdict_for_a_reason(scenario) -> None:
    """The rule of 50 buyers is needed: with fewer the interval holds the truth too seldom, and errs towards better."""
    held, above, below = coverage(simulated(scenario)["net_revenue"], 0.0)
    assert scenario.rate * scenario.compared < 50
    assert held < 0.93
    assert above > 3 * below


def test_adjusted_intervals_are_narrower() -> None:
    """Than those of the same experiments with earlier spend unknown; by little, for spend is mostly chance."""
    scenario = Scenario(0.10, 4_500, 500, lift=1.2)
    blind = experiments(scenario, EXPERIMENTS, seed=20_260_101, knows_before=False)
    for metric, seeing in simulated(scenario).items():
        errors = [(one.standard_error, other.standard_error) for one, other in zip(seeing, blind[metric], strict=True)]
        assert all(one <= other for one, other in errors)
        widths = [
            np.mean([difference.high - difference.low for difference in found]) for found in (seeing, blind[metric])
        ]
        assert widths[0] < 0.995 * widths[1]


def test_the_better_earlier_spend_tells_later_spend_the_narrower_the_interval() -> None:
    """By the root of 1 − r², of the correlation r within arms (Deng et al. 2013, equation 4)."""
    random = np.random.default_rng(9)
    befores = [random.lognormal(3, 1, 5_000) for _ in range(2)]
    outcomes = [before + random.normal(0, 20, 5_000) for before in befores]
    arms = [sums(*arm) for arm in zip(outcomes, befores, strict=True)]
    seen, unseen = difference_of_means(*arms), difference_of_means(*(sums(outcome) for outcome in outcomes))
    correlation = np.corrcoef(np.concatenate(outcomes), np.concatenate(befores))[0, 1]
    assert seen.standard_error / unseen.standard_error == pytest.approx(math.sqrt(1 - correlation**2), rel=0.01)


# -- how large a holdout

BUY, SPREAD = 0.05, 0.72
"""Share of the people who buy, and standard deviation of the logarithm of what buyers spend."""


def detectable(customers: int, held_back: float, rate: float = BUY) -> tuple[float, float | None]:
    """Minimal detectable effects relative to the mean: of conversion, and of revenue where there are buyers enough."""
    compared = round(customers * held_back)
    arms, amounts = [], []
    for people in (customers - compared, compared):
        buyers = round(people * rate)
        arms.append(ArmSums(people, buyers, buyers))
        amounts.append(ArmSums(people, buyers, buyers * math.exp(SPREAD**2)))
    revenue = difference_of_means(*amounts).relative_detectable_effect
    enough = compared * rate >= LEAST_BUYERS_FOR_REVENUE
    return difference_of_shares(*arms).relative_detectable_effect, revenue if enough else None


def holdout_table() -> list[str]:
    lines = []
    for customers in (1_000, 2_000, 5_000, 10_000, 30_000, 100_000):
        cells = []
        for held_back in (0.1, 0.2, 0.5):
            bought, revenue = detectable(customers, held_back)
            cells.append(f"{bought:.0%} / {'–' if revenue is None else f'{revenue:.0%}'}".replace("%", " %"))
        lines.append(f"| {customers:,} | {' | '.join(cells)} |")
    return lines


def test_the_sizes_in_the_docs_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    for line in holdout_table():
        assert line in page, line


# -- a real experiment


@pytest.fixture(scope="module")
def hillstrom():
    path = real_data("hillstrom_email.parquet")
    columns = duckdb.sql(f"select segment, visit, conversion, spend, history from '{path}'").fetchnumpy()
    arms = {}
    for name in ("Mens E-Mail", "Womens E-Mail", "No E-Mail"):
        here = columns["segment"] == name
        arms[name] = {key: columns[key][here].astype(np.float64) for key in ("visit", "conversion", "spend", "history")}
    return arms


def compared(arms, name, metric, *, with_buyers=True) -> Difference:
    compare = difference_of_means if metric == "spend" else difference_of_shares
    both = (arms[name], arms["No E-Mail"])
    return compare(*(sums(arm[metric], arm["history"], with_buyers=with_buyers) for arm in both))


@pytest.mark.parametrize("name", ["Mens E-Mail", "Womens E-Mail"])
@pytest.mark.parametrize("metric", ["visit", "conversion", "spend"])
def test_a_real_experiment_comes_out_as_computed_from_its_rows(hillstrom, name, metric) -> None:
    outcomes = [hillstrom[arm][metric] for arm in (name, "No E-Mail")]
    befores = [hillstrom[arm]["history"] for arm in (name, "No E-Mail")]
    found = compared(hillstrom, name, metric, with_buyers=False)
    rows = adjusted_rows(outcomes, befores) if found.is_adjusted else outcomes
    expect_scipy(found, *rows, tolerance=1e-6)
    plain = stats.ttest_ind(*outcomes, equal_var=False)
    assert found.is_adjusted
    assert found.standard_error < (outcomes[0].mean() - outcomes[1].mean()) / plain.statistic
    assert found.low > 0.0


def test_the_figures_in_the_docs_are_those_of_the_data(hillstrom) -> None:
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    for line in hillstrom_table(hillstrom):
        assert line in page, line


def hillstrom_table(arms) -> list[str]:
    lines = []
    for name, label in (("Mens E-Mail", "men's"), ("Womens E-Mail", "women's")):
        for metric in ("visit", "conversion", "spend"):
            found = compared(arms, name, metric)
            scale, digits, unit = (1.0, 2, "") if metric == "spend" else (100.0, 2, " %")
            means = [f"{scale * mean:.{digits}f}{unit}" for mean in (found.treatment_mean, found.comparison_mean)]
            low, high = (f"{scale * value:+.{digits}f}" for value in (found.low, found.high))
            lines.append(
                f"| {label} | {metric} | {means[0]} | {means[1]} | {scale * found.difference:+.{digits}f} "
                f"| {low} to {high} | {scale * found.minimal_detectable_effect:.{digits}f} |"
            )
    return lines


def shuffled(people: int, salt: int) -> np.ndarray:
    """A number from 0 to 1 for each person: a hash of her and the salt (splitmix64)."""
    value = np.arange(people, dtype=np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = (value ^ (value >> np.uint64(shift))) * np.uint64(factor)
    return (value ^ (value >> np.uint64(31))).astype(np.float64) / 2.0**64


def false_alarms(control, metric, share, splits=1_000) -> float:
    """How often the control group, split by a hash, seems to differ from itself."""
    compare = difference_of_means if metric == "spend" else difference_of_shares
    y, x = control[metric], control["history"]
    columns = np.stack([np.ones_like(y), y, y * y, x, x * x, x * y, y > 0])
    total = columns.sum(axis=1)
    alarms = 0
    for salt in range(1, splits + 1):
        part = columns[:, shuffled(len(y), salt) < share].sum(axis=1)
        if metric != "spend":
            assert part[1] == part[2]
        found = compare(*(ArmSums(int(arm[0]), *arm[1:6].tolist(), int(arm[6])) for arm in (total - part, part)))
        alarms += found.low > 0.0 or found.high < 0.0
    return alarms / splits


@pytest.mark.parametrize(
    ("metric", "share"), [("visit", 0.1), ("visit", 0.5), ("conversion", 0.1), ("conversion", 0.5), ("spend", 0.5)]
)
def test_people_do_not_differ_from_themselves(hillstrom, metric, share) -> None:
    assert 0.03 <= false_alarms(hillstrom["No E-Mail"], metric, share) <= 0.07
