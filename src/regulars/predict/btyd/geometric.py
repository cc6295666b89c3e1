"""What the BG/NBD and the MBG/NBD share: orders of a gamma-mixed Poisson process, ended by a beta-mixed coin.

While active, a customer orders at a rate of her own, gamma distributed with shape r and rate alpha. After an order she
stops for good with a probability of her own, beta distributed with a and b. In the BG/NBD the first order never is the
last, so she had x chances to stop by her x-th repeat order; in the MBG/NBD it can be, which makes x + 1. With k
for the number of chances both likelihoods are, by Fader, Hardie and Lee (2005), equation 6, and Batislam, Denizel and
Filiztekin (2007),

    G(r + x) alpha^r / G(r) * B(a, b + k) / B(a, b) * [(alpha + T)^-(r + x) + a / (b + k - 1) * (alpha + t_x)^-(r + x)]

where G is the gamma, B the beta function, and the second term is missing for k = 0. The bracket's two terms are
"still active" and "stopped with the last order".
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from regulars.errors import FitError
from regulars.predict.btyd.optimum import ends_at, is_level, minimise
from regulars.predict.btyd.statistics import CollapsedHistories, Floats, Ints, distinct_values, sample, sums_by

NAMES = ("r", "alpha_days", "a", "b")
STARTS = ((0.3, 0.8, 2.5), (1.0, 0.1, 2.0), (1.0, 2.0, 2.0), (4.0, 0.5, 8.0))
"""Shape r and drop-out a, b to start from; alpha follows from the shop's order rate."""
BOUNDS = ((1e-5, 1e3), (1e-6, 1e6), (1e-4, 1e4), (1e-4, 1e4))
"""Of r, alpha in mean ages, a and b. Beyond them the customers no longer differ in a way that data could show."""
FEW_HISTORIES = 20_000
"""Every start is tried on all customers when their distinct histories are no more than this, else on a sample."""
SAMPLE_CUSTOMERS = 20_000
SAMPLE_REPEAT_CUSTOMERS = 1_000
"""A sample with fewer is no guide: one with about 6 led a shop of 3.8 million to a plateau 23 below the maximum."""
BLOCK_ROWS = 8_192
"""Rows computed at once, so that a block's arrays stay in the processor's cache."""


@dataclass(frozen=True)
class Parameters:
    """A fitted or given model; all but ``alpha_days`` have no unit."""

    r: float
    alpha_days: float
    a: float
    b: float
    first_order_can_be_last: bool
    """True for the MBG/NBD, false for the BG/NBD."""

    def chances(self, frequency: Floats) -> Floats:
        """How often customers with x repeat orders could have stopped."""
        return frequency + float(self.first_order_can_be_last)


@dataclass(frozen=True)
class PurchaseFit:
    """The parameters of greatest likelihood, and whether they are to be trusted."""

    parameters: Parameters
    log_likelihood: float
    """In days: a likelihood in weeks is greater by log(7) for each repeat order."""
    total_customers: int
    repeat_customers: int
    converged: bool
    """The likelihood is flat here, and no parameter ended at a bound."""
    at_bounds: tuple[str, ...]
    """Parameters that would grow or shrink without end, as when customers do not differ."""


def log_likelihood(parameters: Parameters, collapsed: CollapsedHistories) -> float:
    """Log likelihood (natural, in days) of all customers; 0 for none. Source: see the module."""
    likelihood = _prepare(collapsed, parameters.first_order_can_be_last, unit_days=1.0)
    value, _ = likelihood.value_and_slope(
        np.array([parameters.r, parameters.alpha_days, parameters.a, parameters.b], dtype=np.float64)
    )
    return value


def fit(collapsed: CollapsedHistories, *, first_order_can_be_last: bool) -> PurchaseFit:
    """The parameters of greatest likelihood, within bounds.

    Parameters
    ----------
    collapsed: distinct histories of the customers; m rows.
    first_order_can_be_last: true for the MBG/NBD.

    Returns
    -------
    The fit; finite always. The same histories give the same fit, to the last digit, in any order, on one kind of
    processor.

    Raises
    ------
    FitError: without a customer, or without one who came back.
    """
    if not len(collapsed):
        raise FitError("there is no customer to learn from; expected customers with and without repeat orders")
    if collapsed.repeat_customers == 0:
        raise FitError(
            f"none of the {collapsed.total_customers} customers has a second order day, so nothing can be learnt "
            "about when customers come back"
        )
    # Ages of about 1 and logarithms of parameters make the four directions alike for the optimiser.
    unit_days = float(np.average(collapsed.histories.age_days, weights=collapsed.customer_count))
    all_customers = _prepare(collapsed, first_order_can_be_last, unit_days)
    few = all_customers
    if len(collapsed) > FEW_HISTORIES:
        sampled = sample(collapsed, SAMPLE_CUSTOMERS)
        if sampled.repeat_customers >= SAMPLE_REPEAT_CUSTOMERS:
            few = _prepare(sampled, first_order_can_be_last, unit_days)
    rate = max(few.order_total / max(few.age_total, 1e-9), 1e-4)
    tried = [_climb(few, np.log([r, r / rate, a, b])) for r, a, b in STARTS]
    best = _climb(all_customers, max(tried, key=lambda point: _mean_and_slope(few, point)[0]))
    value, slope = all_customers.value_and_slope(np.exp(best))
    r, alpha, a, b = (float(parameter) for parameter in np.exp(best))
    at_bounds = ends_at(best, np.log(np.array(BOUNDS)), NAMES)
    return PurchaseFit(
        parameters=Parameters(r, alpha * unit_days, a, b, first_order_can_be_last),
        log_likelihood=value - all_customers.order_total * float(np.log(unit_days)),
        total_customers=collapsed.total_customers,
        repeat_customers=collapsed.repeat_customers,
        converged=is_level(slope * np.exp(best) / all_customers.customer_total) and not at_bounds,
        at_bounds=at_bounds,
    )


@dataclass(frozen=True)
class _Likelihood:
    """Collapsed histories, taken apart for many evaluations: most of the likelihood needs x alone, or T alone."""

    first_order_can_be_last: bool
    customer_total: float
    order_total: float
    age_total: float
    frequency: Floats
    """Distinct x, with the customers of each."""
    frequency_customers: Floats
    age: Floats
    """Distinct T in the time unit, with the customers and the repeat orders of each."""
    age_customers: Floats
    age_orders: Floats
    recency: Floats
    """Distinct t_x in the time unit."""
    row_frequency: Ints
    """Where in the three lists each row's x, T and t_x stand, for the rows that may have stopped."""
    row_age: Ints
    row_recency: Ints
    row_customers: Floats

    def value_and_slope(self, point: Floats) -> tuple[float, Floats]:
        """Log likelihood in the time unit, and its derivatives by r, alpha, a and b."""
        r, alpha, a, b = (float(parameter) for parameter in point)
        x, customers = self.frequency, self.frequency_customers
        k = x + float(self.first_order_can_be_last)
        log_age = np.log(alpha + self.age)
        age_weight = r * self.age_customers + self.age_orders
        value = (
            customers @ (gammaln(r + x) + gammaln(b + k) - gammaln(a + b + k))
            + self.customer_total * (r * np.log(alpha) + gammaln(a + b) - gammaln(r) - gammaln(b))
            - age_weight @ log_age
        )
        drop = customers @ digamma(a + b + k) - self.customer_total * digamma(a + b)
        slope = np.array(
            [
                customers @ digamma(r + x)
                + self.customer_total * (np.log(alpha) - digamma(r))
                - self.age_customers @ log_age,
                self.customer_total * r / alpha - age_weight @ (1.0 / (alpha + self.age)),
                -drop,
                customers @ digamma(b + k) - self.customer_total * digamma(b) - drop,
            ]
        )
        stopped_value, stopped_slope = self._stopped(r, alpha, a, b)
        return float(value + stopped_value), slope + stopped_slope

    def _stopped(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
        """The part of log(1 + odds of having stopped): the only one that needs x, T and t_x together."""
        log_age, log_recency = np.log(alpha + self.age), np.log(alpha + self.recency)
        age_part, recency_part = 1.0 / (alpha + self.age), 1.0 / (alpha + self.recency)
        shape = r + self.frequency
        # k = 0 has no row here; the floor only keeps its unused entry from dividing by zero.
        last = np.maximum(b + self.frequency + float(self.first_order_can_be_last) - 1.0, 1e-300)
        log_chance, last_part = np.log(a) - np.log(last), 1.0 / last
        value, slope = 0.0, np.zeros(4)
        for begin in range(0, len(self.row_customers), BLOCK_ROWS):
            rows = slice(begin, begin + BLOCK_ROWS)
            x, age, recency = self.row_frequency[rows], self.row_age[rows], self.row_recency[rows]
            customers, row_shape = self.row_customers[rows], shape[x]
            longer = log_age[age] - log_recency[recency]
            log_odds = log_chance[x] + row_shape * longer
            # log(1 + e^z) and its derivative from one exponential that cannot overflow.
            small = np.exp(-np.abs(log_odds))
            value += float(customers @ (np.maximum(log_odds, 0.0) + np.log1p(small)))
            stopped = customers * np.where(log_odds > 0.0, 1.0, small) / (1.0 + small)
            slope += (
                stopped @ longer,
                stopped @ (row_shape * (age_part[age] - recency_part[recency])),
                stopped.sum() / a,
                -(stopped @ last_part[x]),
            )
        return value, slope


def _prepare(collapsed: CollapsedHistories, first_order_can_be_last: bool, unit_days: float) -> _Likelihood:
    histories, customers = collapsed.histories, collapsed.customer_count.astype(np.float64)
    frequency, of_frequency = distinct_values(histories.frequency)
    age, of_age = distinct_values(histories.age_days)
    recency, of_recency = distinct_values(histories.recency_days)
    orders = customers * histories.frequency
    may_have_stopped = slice(None) if first_order_can_be_last else histories.frequency > 0
    return _Likelihood(
        first_order_can_be_last=first_order_can_be_last,
        customer_total=float(customers.sum()),
        order_total=float(orders.sum()),
        age_total=float(customers @ histories.age_days) / unit_days,
        frequency=frequency.astype(np.float64),
        frequency_customers=sums_by(of_frequency, customers, len(frequency)),
        age=age / unit_days,
        age_customers=sums_by(of_age, customers, len(age)),
        age_orders=sums_by(of_age, orders, len(age)),
        recency=recency / unit_days,
        row_frequency=of_frequency[may_have_stopped],
        row_age=of_age[may_have_stopped],
        row_recency=of_recency[may_have_stopped],
        row_customers=customers[may_have_stopped],
    )


def _mean_and_slope(likelihood: _Likelihood, point: Floats) -> tuple[float, Floats]:
    """Mean log likelihood of a customer and its derivatives, by the logarithms of the parameters."""
    parameters = np.exp(point)
    value, slope = likelihood.value_and_slope(parameters)
    return value / likelihood.customer_total, slope * parameters / likelihood.customer_total


def _climb(likelihood: _Likelihood, start: Floats) -> Floats:
    """Logarithms of the parameters at the maximum that is uphill from a start."""

    def downhill(point: Floats) -> tuple[float, Floats]:
        value, slope = _mean_and_slope(likelihood, point)
        return -value, -slope

    return minimise(downhill, start, np.log(np.array(BOUNDS)))
