"""Gamma-gamma: what one order of a customer is worth, shrunk towards the shop's mean where she has few orders.

The amounts of one customer's orders are gamma distributed with shape p and a rate of her own, which is gamma
distributed with shape q and rate gamma. Rate of ordering and amounts are taken as independent. For n orders of mean
amount m, by Fader and Hardie (2013), "The gamma-gamma model of monetary value", equations 1a and 5:

    L = G(p n + q) / (G(p n) G(q)) * gamma^q * m^(p n - 1) * n^(p n) / (gamma + n m)^(p n + q)
    E[mean amount | n, m] = p (gamma + n m) / (p n + q - 1)

The note takes n and m of the repeat orders. They may as well be of all orders, which says more about each customer and
something about one-time buyers: the formula holds for every n >= 1. Learn from those with two orders or more, as one
order alone cannot tell a dear customer from a dear order, and forecast for everybody.

For q <= 1 the mean over customers does not exist: the tail of dear customers is too heavy. Then `GammaGammaFit` falls
back, see there.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from regulars.errors import FitError, HistoryError
from regulars.predict.btyd.optimum import ends_at, is_level, minimise
from regulars.predict.btyd.statistics import Bools, Floats, Ints, distinct_values, run_starts, sums_by

NAMES = ("p", "q", "gamma")
STARTS = ((1.0, 2.0), (6.0, 4.0), (1.0, 0.5), (40.0, 15.0))
"""p and q to start from; gamma follows from the shop's median amount."""
BOUNDS = ((1e-3, 1e4), (1e-3, 1e4), (1e-6, 1e6))
"""Of p, q, and gamma in median amounts."""
STEPS_PER_E_FOLD = 10_000
"""Amounts are collapsed to steps of a hundredth of a percent: far finer than what a likelihood can tell apart."""
FURTHEST_MEAN = 2.0
"""The model's mean may be this many times the observed one; a q just above 1 puts it anywhere."""


@dataclass(frozen=True)
class CollapsedSpend:
    """Distinct pairs of order count and mean amount, with the customers of each; m rows."""

    order_count: Ints
    mean_amount: Floats
    customer_count: Ints

    def __len__(self) -> int:
        return len(self.order_count)


@dataclass(frozen=True)
class GammaGammaFit:
    """The parameters of greatest likelihood, and what they say of a customer nobody knows yet.

    A forecast is ``(p n m + prior_weight * population_mean) / (p n + prior_weight)``, where ``population_mean`` is
    p gamma / ``prior_weight``. With a finite mean, ``prior_weight`` is q - 1: the formula of the note. Without one, or
    with one far above the observed, it is q: a customer's amount is then p over her expected rate, which exists for
    every q. That is what a customer typically spends, and less than what all of them do on average. The observed mean
    would be right on average, but with such tails it is that of a few customers, and everybody would be drawn to it.
    """

    p: float
    q: float
    gamma: float
    """In units of the amount; p and q have none."""
    log_likelihood: float
    fitted_customers: int
    prior_weight: float
    population_mean: float
    """Of a customer nobody knows yet."""
    has_finite_mean: bool
    """False where the fall-back is used."""
    converged: bool
    at_bounds: tuple[str, ...]


def collapse_spend(order_count: npt.ArrayLike, mean_amount: npt.ArrayLike, *, fewest_orders: int = 2) -> CollapsedSpend:
    """The customers to learn from: those with enough orders, of a positive finite mean amount.

    Parameters
    ----------
    order_count: orders n of each customer.
    mean_amount: mean amount m of these orders, in one currency; rounded to 0.01 %.
    fewest_orders: customers with fewer orders are left out; 1 for counts of repeat orders, as in the note.

    Raises
    ------
    HistoryError: if the two differ in length.
    """
    count, amount = _columns(order_count, mean_amount)
    is_kept = (count >= fewest_orders) & _is_usable(count, amount)
    steps = np.rint(np.log(amount[is_kept]) * STEPS_PER_E_FOLD).astype(np.int64)
    if not len(steps):
        return CollapsedSpend(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64))
    lowest = int(steps.min())
    width = int(steps.max()) - lowest + 1
    key = count[is_kept] * width + (steps - lowest)
    key.sort()
    first = run_starts(key)
    orders, step = np.divmod(key[first], width)
    return CollapsedSpend(orders, np.exp((step + lowest) / STEPS_PER_E_FOLD), np.diff(first, append=len(key)))


def fit(spend: CollapsedSpend) -> GammaGammaFit:
    """The parameters of greatest likelihood, within bounds; finite always.

    Raises
    ------
    FitError: if no customer is left to learn from.
    """
    if not len(spend):
        raise FitError(
            "no customer has enough orders of a positive amount to learn what an order is worth; expected customers "
            "with two orders or more"
        )
    weight = spend.customer_count.astype(np.float64)
    total = float(weight.sum())
    unit = _median(spend.mean_amount, weight)
    amount = spend.mean_amount / unit
    counts, of_count = distinct_values(spend.order_count)
    customers = sums_by(of_count, weight, len(counts))
    sums = spend.order_count * amount
    log_sums = np.log(sums)

    def downhill(point: Floats) -> tuple[float, Floats]:
        """Negative mean of the log likelihood, without the terms that hold no parameter."""
        p, q, gamma = (float(parameter) for parameter in np.exp(point))
        shape = p * counts
        log_total = np.log(gamma + sums)
        share = weight / (gamma + sums)
        row_shape = shape[of_count]
        value = (
            customers @ (gammaln(shape + q) - gammaln(shape))
            + total * (q * np.log(gamma) - gammaln(q))
            + weight @ (row_shape * (log_sums - log_total) - q * log_total)
        )
        slope = np.array(
            [
                customers @ (counts * (digamma(shape + q) - digamma(shape)))
                + (weight * spend.order_count) @ (log_sums - log_total),
                customers @ digamma(shape + q) + total * (np.log(gamma) - digamma(q)) - weight @ log_total,
                total * q / gamma - share @ (row_shape + q),
            ]
        )
        return -float(value) / total, -slope * np.exp(point) / total

    bounds = np.log(np.array(BOUNDS))
    tried = [minimise(downhill, np.log([p, q, q / p]), bounds) for p, q in STARTS]
    best = min(tried, key=lambda point: downhill(point)[0])
    value, slope = downhill(best)
    p, q, gamma = (float(parameter) for parameter in np.exp(best) * (1.0, 1.0, unit))
    at_bounds = ends_at(best, bounds, NAMES)
    observed = float(np.average(spend.mean_amount, weights=weight))
    has_finite_mean = q > 1.0 and gamma * p / (q - 1.0) <= FURTHEST_MEAN * observed
    return GammaGammaFit(
        p=p,
        q=q,
        gamma=gamma,
        # In the unit of the amounts: the density of m, with the terms that hold no parameter.
        log_likelihood=-value * total - float(weight @ np.log(spend.mean_amount)),
        fitted_customers=int(total),
        prior_weight=q - 1.0 if has_finite_mean else q,
        population_mean=gamma * p / (q - 1.0 if has_finite_mean else q),
        has_finite_mean=has_finite_mean,
        converged=is_level(slope) and not at_bounds,
        at_bounds=at_bounds,
    )


def expected_amount(fitted: GammaGammaFit, order_count: npt.ArrayLike, mean_amount: npt.ArrayLike) -> Floats:
    """Expected mean amount of one further order of n customers.

    Parameters
    ----------
    fitted: a fit, of amounts in the same currency.
    order_count: orders of each customer, counted as for the fit.
    mean_amount: their mean amount. Customers without an order, or with a mean that is not a positive finite number
        (all refunded), get the population mean.

    Returns
    -------
    n finite floats, each > 0.

    Source: Fader and Hardie (2013), equation 5; `GammaGammaFit` for the fall-back.
    """
    count, amount = _columns(order_count, mean_amount)
    is_usable = _is_usable(count, amount)
    own_weight = np.where(is_usable, fitted.p * count, 0.0)
    # As a share first: weight times amount could be more than a float holds.
    own_share = own_weight / (own_weight + fitted.prior_weight)
    expected: Floats = own_share * np.where(is_usable, amount, 0.0) + (1.0 - own_share) * fitted.population_mean
    return expected


def _columns(order_count: npt.ArrayLike, mean_amount: npt.ArrayLike) -> tuple[Ints, Floats]:
    count, amount = np.asarray(order_count, dtype=np.int64), np.asarray(mean_amount, dtype=np.float64)
    if count.shape != amount.shape or count.ndim != 1:
        raise HistoryError(
            f"order_count has shape {count.shape}, mean_amount {amount.shape}; expected one value of each per customer"
        )
    return count, amount


def _is_usable(count: Ints, amount: Floats) -> Bools:
    return (count > 0) & (amount > 0.0) & np.isfinite(amount)


def _median(values: Floats, weight: Floats) -> float:
    """The weighted (lower) median."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])
