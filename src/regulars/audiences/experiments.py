"""Did an audience bring more than leaving people alone? Two arms compared on sums, never on rows.

SQL adds up, this module judges. Of the people of an arm, y is the outcome (1 or 0 for bought, or net revenue) and x
what they spent before they entered. Everything here follows from n, Σy, Σy², Σx, Σx² and Σxy of each arm.

Sums are taken exactly (`Fraction`): Σy² − (Σy)²/n loses all its digits in doubles when the mean is large beside the
spread. What is not defined is None, never NaN.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from scipy import special

from regulars.errors import ExperimentError

Number = int | float | Decimal | Fraction
Metric = Literal["conversion", "net_revenue"]
Verdict = Literal["not_enough_data", "better", "worse", "no_difference_seen"]

CONFIDENCE = 0.95
POWER = 0.80
LEAST_PEOPLE = 100
"""In each arm, their window over."""
LEAST_BUYERS = 10
"""In both arms together."""
LEAST_BUYERS_FOR_REVENUE = 50
"""In each arm. With 20 in the smaller of 90 to 10 the interval of revenue missed in 7 % of simulated experiments, not
in 5 %, nearly always in favour of the treatment: an arm that happens to lack its big buyers looks poor and certain."""
SPREAD_OF_ALL_WEIGHS = 120
"""Buyers. With 50 the interval of revenue missed in over 7 % of simulated experiments where some customers buy very
much, with 200 it was wider than need be where writing makes amounts spread more: see `difference_of_means`."""
LEAST_FOR_NORMAL = 30
"""Buyers, and others, in each arm from which a share adjusted for earlier spend is as good as normal."""
LEAST_EXPECTED = 5.0
"""People expected in a cell of a χ² test (Cochran 1954)."""
ALARM = 0.001
"""p-value of arm sizes or strata under which a result is not to be believed."""
CONCLUSIONS: dict[Verdict, str] = {
    "better": "more than chance would do",
    "worse": "less than chance would do",
    "no_difference_seen": "not enough to tell",
}

_Z = float(special.ndtri((1.0 + CONFIDENCE) / 2.0))


@dataclass(frozen=True)
class ArmSums:
    """Sums over the people of one arm; y in the unit of the outcome, x in money.

    Exact numbers (int, Decimal) give exact moments. Sums of doubles carry their rounding into the variance.
    """

    count: int
    outcome_sum: Number
    outcome_square_sum: Number
    before_sum: Number = 0
    before_square_sum: Number = 0
    product_sum: Number = 0
    buyer_count: int | None = None
    """People whose y is not 0, where that is known: see `difference_of_means`."""


@dataclass(frozen=True)
class Difference:
    """Treatment − comparison, in the unit of the outcome; None where it is not defined.

    ``treatment_mean`` and ``comparison_mean`` are as observed; ``difference`` is adjusted where ``is_adjusted``, and
    then not exactly their difference. ``standard_error`` and ``minimal_detectable_effect`` are None when nobody differs
    from anybody. The interval is of 95 %.
    """

    treatment_mean: float | None = None
    comparison_mean: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    degrees_of_freedom: float | None = None
    is_adjusted: bool = False
    minimal_detectable_effect: float | None = None

    @property
    def relative_difference(self) -> float | None:
        """Difference over the comparison's mean; None unless that is positive."""
        return _over(self.difference, self.comparison_mean)

    @property
    def relative_detectable_effect(self) -> float | None:
        """Minimal detectable effect over the comparison's mean; None unless that is positive."""
        return _over(self.minimal_detectable_effect, self.comparison_mean)


@dataclass(frozen=True)
class Finding:
    """What a difference says, as a code and as one sentence with the numbers."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class _Moments:
    """Means, and sums of squares and products about them."""

    count: int
    outcome_mean: float
    before_mean: float
    outcome_squares: float
    before_squares: float
    products: float
    spread_factor: float = 1.0
    """What the variance is multiplied by."""

    def variance_of_mean(self, slope: float) -> float:
        """Squared standard error of the mean of y − slope·x."""
        squares = self.outcome_squares - 2.0 * slope * self.products + slope * slope * self.before_squares
        return self.spread_factor * max(squares, 0.0) / (self.count - 1) / self.count


def difference_of_means(treatment: ArmSums, comparison: ArmSums) -> Difference:
    """Difference of two means of amounts.

    Parameters
    ----------
    treatment, comparison: sums of one arm each; y in money per person, any sign. With ``buyer_count`` in both, an arm
        of few buyers whose amounts spread less than those of both arms is not taken to be as sure as it looks; without,
        each arm speaks for itself.

    Returns
    -------
    The difference with Welch's standard error and t quantiles; adjusted for x where that makes the standard error
    smaller. No difference without people in both arms, no interval with fewer than two in one or when nobody differs.

    Raises
    ------
    ExperimentError: if no people could have these sums.

    Source: Welch (1947) and Satterthwaite (1946) for the standard error and its degrees of freedom; CUPED of Deng, Xu,
    Kohavi and Walker (2013), section 3.1, with one slope for both arms (the analysis of covariance): Σ of within-arm
    products over Σ of within-arm squares. A small arm that happens to lack its big buyers has a low mean and, by
    itself, a low variance, and seems sure of it. So `SPREAD_OF_ALL_WEIGHS` buyers are added to its own, with the
    coefficient of variation of buyers' amounts in both arms, where that makes its variance larger. A weighted mean of
    an own and a common variance is Smyth's (2004); only upwards, and the weight, are a choice of our own, measured in
    docs/experiments.md. The common one alone is wrong where writing changes the spread, and stays so however many
    people there are. Minimal detectable effect: (t₀.₉₇₅ + t₀.₈₀)·standard error, Bloom (1995).
    """
    arms = _moments(treatment), _moments(comparison)
    if arms[0] is None or arms[1] is None:
        return _means_only(*arms)
    factors = _spread_factors(treatment, comparison)
    return _welch(replace(arms[0], spread_factor=factors[0]), replace(arms[1], spread_factor=factors[1]))


def difference_of_shares(treatment: ArmSums, comparison: ArmSums) -> Difference:
    """Difference of two shares of people who bought.

    Parameters
    ----------
    treatment, comparison: sums of one arm each; y is 1 or 0, so Σy = Σy².

    Returns
    -------
    The difference with Newcombe's hybrid score interval, which holds with few or no buyers and never leaves −1 to 1.
    With `LEAST_FOR_NORMAL` buyers and others in each arm, and where earlier spend makes the standard error smaller, the
    adjusted difference with Welch's interval instead. ``standard_error`` is Welch's in both cases.

    Raises
    ------
    ExperimentError: if no people could have these sums, or y is not 1 or 0.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions, method 10; Wilson
    (1927) for each share; else as `difference_of_means`.
    """
    for sums in (treatment, comparison):
        if sums.outcome_sum != sums.outcome_square_sum or not 0 <= sums.outcome_sum <= sums.count:
            raise ExperimentError(
                f"{sums.outcome_sum} of {sums.count} bought, with squares of {sums.outcome_square_sum}; "
                "a conversion is 1 or 0, so both sums must be equal, and no more than the people"
            )
    arms = _moments(treatment), _moments(comparison)
    if arms[0] is None or arms[1] is None:
        return _means_only(*arms)
    welch = _welch(arms[0], arms[1])
    rarest = min(float(side) for sums in (treatment, comparison) for side in _both_sides(sums))
    if welch.is_adjusted and rarest >= LEAST_FOR_NORMAL:
        return welch
    plain = _welch(arms[0], arms[1], adjust=False)
    low, high = newcombe_interval(
        float(treatment.outcome_sum), treatment.count, float(comparison.outcome_sum), comparison.count
    )
    return Difference(
        treatment_mean=plain.treatment_mean,
        comparison_mean=plain.comparison_mean,
        difference=plain.difference,
        low=low,
        high=high,
        standard_error=plain.standard_error,
        degrees_of_freedom=plain.degrees_of_freedom,
        minimal_detectable_effect=plain.minimal_detectable_effect,
    )


def newcombe_interval(bought: float, people: int, other_bought: float, other_people: int) -> tuple[float, float]:
    """95 % interval of the first share less the second; both groups have people.

    Source: Newcombe (1998), method 10: the distances to Wilson's limits of each share, added as squares.
    """
    share, other = bought / people, other_bought / other_people
    low, high = wilson_interval(bought, people)
    other_low, other_high = wilson_interval(other_bought, other_people)
    difference = share - other
    return (
        difference - math.hypot(share - low, other_high - other),
        difference + math.hypot(high - share, other - other_low),
    )


def wilson_interval(bought: float, people: int) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson (1927), the score interval."""
    share = bought / people
    middle = share + _Z * _Z / (2.0 * people)
    half = _Z * math.sqrt(share * (1.0 - share) / people + _Z * _Z / (4.0 * people * people))
    scale = 1.0 + _Z * _Z / people
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def sample_ratio_p_value(counts: Sequence[int], intended_shares: Sequence[float]) -> float | None:
    """How often chance alone would make the arms as uneven as this, or more.

    Parameters
    ----------
    counts: people of k arms.
    intended_shares: of the same arms, > 0; they need not add up to 1.

    Returns
    -------
    p-value; None with fewer than `LEAST_EXPECTED` people expected in an arm.

    Raises
    ------
    ExperimentError: if a count is negative, a share is not positive, or there are not as many of both.

    Source: Pearson (1900), χ² with k − 1 degrees of freedom; Fabijan et al. (2019) for its use.
    """
    if len(counts) != len(intended_shares) or len(counts) < 2:
        raise ExperimentError(
            f"{len(counts)} arms and {len(intended_shares)} shares; there must be as many, at least 2"
        )
    if min(counts) < 0 or not all(share > 0 and math.isfinite(share) for share in intended_shares):
        raise ExperimentError(f"arms {list(counts)} of shares {list(intended_shares)}; shares must be positive")
    scale = sum(counts) / sum(intended_shares)
    expected = [share * scale for share in intended_shares]
    if min(expected) < LEAST_EXPECTED:
        return None
    statistic = sum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True))
    return float(special.chdtrc(len(counts) - 1, statistic))


def balance_p_value(strata: Mapping[str, Sequence[int]]) -> float | None:
    """How often chance alone would spread the arms over the strata as unevenly as this, or more.

    Parameters
    ----------
    strata: people of each arm by stratum; the same arms in the same order in each.

    Returns
    -------
    p-value; None where the arms cannot be compared: one of them empty, or everybody in one stratum. Strata with fewer
    than `LEAST_EXPECTED` people expected in an arm are counted together, the smallest first.

    Source: Pearson (1900), χ² of a table of r strata and k arms with (r − 1)(k − 1) degrees of freedom.
    """
    by_size = sorted(strata.items(), key=lambda stratum: (sum(stratum[1]), stratum[0]))
    table = [list(counts) for _, counts in by_size if sum(counts) > 0]
    if not table:
        return None
    arms = [sum(column) for column in zip(*table, strict=True)]
    total = sum(arms)
    if len(arms) < 2 or min(arms) == 0:
        return None
    needed = LEAST_EXPECTED * total / min(arms)
    rows: list[list[int]] = []
    for row in table:
        if rows and sum(rows[-1]) < needed:
            rows[-1] = _added(rows[-1], row)
        else:
            rows.append(row)
    if len(rows) > 1 and sum(rows[-1]) < needed:
        rows[-2:] = [_added(rows[-2], rows[-1])]
    if len(rows) < 2:
        return None
    statistic = sum(
        (count - sum(row) * arm / total) ** 2 / (sum(row) * arm / total)
        for row in rows
        for count, arm in zip(row, arms, strict=True)
    )
    return float(special.chdtrc((len(rows) - 1) * (len(arms) - 1), statistic))


def smallest_of_several(p_values: Iterable[float | None]) -> float | None:
    """The smallest p-value, times how many were looked at: one chance finding among several is no finding.

    Source: Bonferroni's inequality. None where there is none.
    """
    known = [value for value in p_values if value is not None]
    return min(1.0, min(known) * len(known)) if known else None


def find(
    metric: Metric,
    difference: Difference,
    comparison_arm: str,
    *,
    people: tuple[int, int],
    buyers: tuple[int, int],
    window_days: int,
    p_values: tuple[float | None, float | None] = (None, None),
) -> Finding:
    """The verdict on a difference.

    Parameters
    ----------
    metric, difference: what was compared.
    comparison_arm: `control` or `held_out`.
    people, buyers: of treatment and comparison, their windows over.
    window_days: length of the window.
    p_values: of the arms' sizes and of their balance; under `ALARM` the sentence says so.

    Returns
    -------
    `not_enough_data` with fewer than `LEAST_PEOPLE` people in an arm, `LEAST_BUYERS` buyers in both together, for net
    revenue `LEAST_BUYERS_FOR_REVENUE` in an arm, or no interval. Else `better` or `worse` if all of the interval is
    above or below 0, else `no_difference_seen`.
    """
    who = "held back" if comparison_arm == "control" else "held out of every audience"
    missing = _missing(metric, difference, people, buyers, window_days, who)
    if missing is not None or difference.low is None or difference.high is None:
        return Finding("not_enough_data", f"Not enough data: {missing}." + doubts(p_values))
    verdict: Verdict = "no_difference_seen"
    if difference.low > 0.0:
        verdict = "better"
    elif difference.high < 0.0:
        verdict = "worse"
    return Finding(verdict, f"{_numbers(metric, difference, people, who)}; {CONCLUSIONS[verdict]}." + doubts(p_values))


def _missing(
    metric: Metric,
    difference: Difference,
    people: tuple[int, int],
    buyers: tuple[int, int],
    window_days: int,
    who: str,
) -> str | None:
    if min(people) < LEAST_PEOPLE:
        counts = f"{people[0]:,} in treatment and {people[1]:,} {who}"
        return f"the {window_days} days are over for {counts}; it takes {LEAST_PEOPLE} of each"
    if sum(buyers) < LEAST_BUYERS:
        return f"{sum(buyers)} of {sum(people):,} bought within {window_days} days; it takes {LEAST_BUYERS}"
    if metric == "net_revenue" and min(buyers) < LEAST_BUYERS_FOR_REVENUE:
        counts = f"{buyers[0]:,} of those in treatment and {buyers[1]:,} of those {who}"
        return f"{counts} bought within {window_days} days; revenue takes {LEAST_BUYERS_FOR_REVENUE} of each"
    if difference.low is None:
        return "everybody brought the same, which leaves nothing to judge chance by"
    return None


def reading(metric: Metric, difference: Difference, unit: str = "") -> str:
    """The difference and its interval in words: ``+0.5 points, 95 % sure between −0.9 and +1.6``.

    ``unit`` is said after an amount; shares differ by points.
    """
    if metric == "conversion":
        unit = "points"
    found, low, high = (
        said(metric, value, difference.standard_error, "+")
        for value in (difference.difference, difference.low, difference.high)
    )
    adjusted = " (adjusted for earlier spend)" if difference.is_adjusted else ""
    return f"{' '.join(filter(None, (found, unit)))}{adjusted}, 95 % sure between {low} and {high}"


def said(metric: Metric, value: float | None, standard_error: float | None, sign: str = "") -> str:
    """A share in percent or an amount, with as many digits as its uncertainty leaves to be read."""
    scale, least = (100.0, 1) if metric == "conversion" else (1.0, 2)
    error = (standard_error or 0.0) * scale
    # Two digits of the difference's uncertainty are enough to read, and the rest is noise.
    digits = max(least, -math.floor(math.log10(error))) if error > 0.0 else least
    return f"{(value or 0.0) * scale:{sign},.{digits}f}".replace("-", "−")


def doubts(p_values: tuple[float | None, float | None]) -> str:
    """A sentence on why a result is not to be trusted, from the p-values of the arms' sizes and of their balance."""
    what = ("are not of the sizes they should have", "were not alike before anything was sent")
    found = [words for words, value in zip(what, p_values, strict=True) if value is not None and value < ALARM]
    return f" Do not trust it: the arms {' and '.join(found)}." if found else ""


def _numbers(metric: Metric, difference: Difference, people: tuple[int, int], who: str) -> str:
    treated, compared = (
        said(metric, value, difference.standard_error)
        for value in (difference.treatment_mean, difference.comparison_mean)
    )
    if metric == "conversion":
        observed = f"{treated} % of {people[0]:,} bought, {compared} % of {people[1]:,} {who}"
    else:
        observed = f"{treated} each from {people[0]:,}, {compared} from {people[1]:,} {who}"
    return f"{observed}: {reading(metric, difference)}"


def _added(row: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(row, other, strict=True)]


def _means_only(treatment: _Moments | None, comparison: _Moments | None) -> Difference:
    return Difference(
        None if treatment is None else treatment.outcome_mean, None if comparison is None else comparison.outcome_mean
    )


def _both_sides(sums: ArmSums) -> tuple[Number, Number]:
    bought = Fraction(sums.outcome_sum)
    return bought, sums.count - bought


def _moments(sums: ArmSums) -> _Moments | None:
    if sums.count == 0:
        return None
    try:
        y, yy = Fraction(sums.outcome_sum), Fraction(sums.outcome_square_sum)
        x, xx = Fraction(sums.before_sum), Fraction(sums.before_square_sum)
        xy = Fraction(sums.product_sum)
    except (ValueError, OverflowError) as error:
        raise ExperimentError(f"sums of an arm are not finite: {sums}") from error
    n = sums.count
    outcome_squares, before_squares = float(yy - y * y / n), float(xx - x * x / n)
    # Sums of doubles may be off in their last bits.
    if n < 0 or outcome_squares < -1e-9 * float(yy) or before_squares < -1e-9 * float(xx):
        raise ExperimentError(f"nobody can have these sums; Σy² must be at least (Σy)²/n, and n at least 0: {sums}")
    return _Moments(
        count=n,
        outcome_mean=float(y / n),
        before_mean=float(x / n),
        outcome_squares=max(outcome_squares, 0.0),
        before_squares=max(before_squares, 0.0),
        products=float(xy - x * y / n),
    )


def _spread_factors(*arms: ArmSums) -> list[float]:
    """For each arm the variance to go by over the one it has: at least 1, and nearly 1 with many buyers."""
    unknown = [1.0] * len(arms)
    buyers = [arm.buyer_count or 0 for arm in arms]
    totals, squares = [Fraction(arm.outcome_sum) for arm in arms], [Fraction(arm.outcome_square_sum) for arm in arms]
    if min(buyers) == 0 or min(totals) <= 0:
        return unknown
    # Σy² of buyers who all spend the mean; and how many times as much it is.
    of_means = [total * total / count for total, count in zip(totals, buyers, strict=True)]
    ratio = sum(squares) / sum(of_means)
    own = [square - total * total / arm.count for square, total, arm in zip(squares, totals, arms, strict=True)]
    if min(own) <= 0:
        return unknown
    common = [
        float((ratio * of_mean - total * total / arm.count) / had)
        for of_mean, total, arm, had in zip(of_means, totals, arms, own, strict=True)
    ]
    return [
        max(1.0, (count + SPREAD_OF_ALL_WEIGHS * factor) / (count + SPREAD_OF_ALL_WEIGHS))
        for count, factor in zip(buyers, common, strict=True)
    ]


def _welch(treatment: _Moments, comparison: _Moments, *, adjust: bool = True) -> Difference:
    arms = treatment, comparison
    means = treatment.outcome_mean, comparison.outcome_mean
    observed = means[0] - means[1]
    if min(arm.count for arm in arms) < 2:
        return Difference(*means, difference=observed)

    slope = 0.0
    before_squares = treatment.before_squares + comparison.before_squares
    if adjust and before_squares > 0.0:
        pooled = (treatment.products + comparison.products) / before_squares
        # One slope fits the larger arm; it may still widen the smaller one, which decides.
        if sum(arm.variance_of_mean(pooled) for arm in arms) < sum(arm.variance_of_mean(0.0) for arm in arms):
            slope = pooled
    variances = [arm.variance_of_mean(slope) for arm in arms]
    error = math.sqrt(sum(variances))
    difference = observed - slope * (treatment.before_mean - comparison.before_mean)
    if error == 0.0:
        return Difference(*means, difference=difference, is_adjusted=slope != 0.0)

    freedom = sum(variances) ** 2 / sum(
        variance**2 / (arm.count - 1) for variance, arm in zip(variances, arms, strict=True)
    )
    to_limit = float(special.stdtrit(freedom, (1.0 + CONFIDENCE) / 2.0))
    to_power = float(special.stdtrit(freedom, POWER))
    return Difference(
        *means,
        difference=difference,
        low=difference - to_limit * error,
        high=difference + to_limit * error,
        standard_error=error,
        degrees_of_freedom=freedom,
        is_adjusted=slope != 0.0,
        minimal_detectable_effect=(to_limit + to_power) * error,
    )


def _over(value: float | None, mean: float | None) -> float | None:
    return value / mean if value is not None and mean is not None and mean > 0.0 else None
