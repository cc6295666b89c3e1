"""Experiments with a known effect: few buy, some buy a lot, and who spent before spends again."""

from dataclasses import dataclass

import numpy as np

from regulars.audiences.experiments import ArmSums, Difference, difference_of_means, difference_of_shares

BLOCK = 50
"""Experiments drawn at a time: memory."""


@dataclass(frozen=True)
class Scenario:
    rate: float
    treated: int
    compared: int
    lift: float = 1.0
    """Factor on the chance to buy of those written to."""
    spread: float = 0.6
    """Standard deviation of the logarithm of what a buyer spends, on top of what she is like; 0.72 in all."""
    basket: float = 1.0
    """Factor on what buyers spend of those written to."""
    treated_spread: float | None = None
    """As ``spread``, of those written to; None if the same."""

    @property
    def spread_of_treated(self) -> float:
        return self.spread if self.treated_spread is None else self.treated_spread

    def __str__(self) -> str:
        effects = f"lift {self.lift:g}, basket {self.basket:g}, spread {self.spread:g} → {self.spread_of_treated:g}"
        return f"{self.rate:g} of {self.treated}/{self.compared}, {effects}"


def people(random, shape, scenario, lift, spread):
    """Bought (1 or 0), spent, and spent before; the more active do more of each."""
    activity = random.standard_normal(shape)
    bought_before = random.random(shape) < 1.0 / (1.0 + np.exp(-1.2 * activity))
    before = exp_where(bought_before, 3.5 + 0.8 * activity + 0.8 * random.standard_normal(shape))
    # E[exp(0.7 z - 0.245)] = 1, so that the rate is the mean chance; none comes near 1 but in the highest rates.
    bought = random.random(shape) < np.minimum(scenario.rate * lift * np.exp(0.7 * activity - 0.245), 1.0)
    spent = exp_where(bought, 4.0 + 0.4 * activity + spread * random.standard_normal(shape))
    return bought.astype(np.float64), spent, before


def exp_where(condition, logarithm):
    """And 0 elsewhere."""
    return np.exp(logarithm, out=np.zeros_like(logarithm), where=condition)


def true_means(scenario, lift, spread):
    """Expected conversion and revenue of a person, by integrating over the activity."""
    node, weight = np.polynomial.hermite_e.hermegauss(200)
    weight = weight / weight.sum()
    chance = np.minimum(scenario.rate * lift * np.exp(0.7 * node - 0.245), 1.0)
    spent = np.exp(4.0 + 0.4 * node + spread**2 / 2.0)
    return float(weight @ chance), float(weight @ (chance * spent))


def sums_of(outcome, before, bought):
    """Sums of each row, an experiment's arm."""
    columns = (outcome, outcome**2, before, before**2, outcome * before)
    # Whole numbers stay exact; conversions are checked for it.
    sums = np.stack([column.sum(axis=1) for column in columns], axis=1)
    buyers = bought.sum(axis=1).astype(int).tolist()
    return [ArmSums(outcome.shape[1], *row, count) for row, count in zip(sums.tolist(), buyers, strict=True)]


def experiments(scenario: Scenario, count: int, seed: int, *, knows_before: bool = True) -> dict[str, list[Difference]]:
    """The differences found in so many experiments, by metric."""
    random = np.random.default_rng(seed)
    found: dict[str, list[Difference]] = {"conversion": [], "net_revenue": []}
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        arms = [
            people(random, (size, scenario.treated), scenario, scenario.lift, scenario.spread_of_treated),
            people(random, (size, scenario.compared), scenario, 1.0, scenario.spread),
        ]
        arms[0] = arms[0][0], arms[0][1] * scenario.basket, arms[0][2]
        for metric, compare, column in (
            ("conversion", difference_of_shares, 0),
            ("net_revenue", difference_of_means, 1),
        ):
            treated, compared = (sums_of(arm[column], arm[2] * knows_before, arm[0]) for arm in arms)
            found[metric] += [compare(*pair) for pair in zip(treated, compared, strict=True)]
    return found


def effect(scenario: Scenario) -> dict[str, float]:
    """The true differences."""
    treated = true_means(scenario, scenario.lift, scenario.spread_of_treated)
    compared = true_means(scenario, 1.0, scenario.spread)
    return {"conversion": treated[0] - compared[0], "net_revenue": scenario.basket * treated[1] - compared[1]}


def coverage(differences: list[Difference], truth: float) -> tuple[float, float, float]:
    """Shares of intervals that hold the truth, that lie above it, and that lie below it."""
    above = np.mean([difference.low > truth for difference in differences])
    below = np.mean([difference.high < truth for difference in differences])
    return float(1.0 - above - below), float(above), float(below)
