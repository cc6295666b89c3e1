"""What a BG/NBD or MBG/NBD fit expects of each customer from the as-of date on.

Given that she is still active, a customer's order rate is gamma distributed with r + x and alpha + T, her probability
to stop after an order is beta distributed with a and b + k (k chances so far, see `geometric`), and the two are
independent: in the likelihood of the active, rate and probability are separate factors. Every forecast here is
P(active) times what that customer is expected to do. All results are finite, for thousands of orders too.
"""

import numpy as np
from scipy.special import betaln, expit

from regulars.errors import HorizonError
from regulars.predict.btyd.geometric import Parameters
from regulars.predict.btyd.statistics import Floats, Histories, Ints, distinct_values

NODES = 64
"""Points of the quadrature over the probability to stop; its relative error is below 1e-8, see the tests."""
NEGLIGIBLE_EXPONENT = 26.0
"""The quadrature ends where its weight has fallen by e^-26, about 5e-12."""
BISECTIONS = 60
BLOCK_ROWS = 8_192


def probability_alive(parameters: Parameters, histories: Histories) -> Floats:
    """P(active at the as-of date) of n customers: she has not stopped after her last order.

    One-time buyers are active for certain in the BG/NBD, whose first order never is the last.

    Source: Fader and Hardie (2008), "Computing P(alive) using the BG/NBD model"; Batislam et al. (2007).
    """
    log_odds_stopped = _log_odds_stopped(parameters, histories)
    alive: Floats = expit(-log_odds_stopped)
    return alive


def probability_of_order(parameters: Parameters, histories: Histories, horizon_days: float) -> Floats:
    """P(at least one order within the horizon) of n customers.

    The active do not stop before their next order, whose waiting time is exponential with a gamma distributed rate, so
    P = P(active) * (1 - ((alpha + T) / (alpha + T + t))^(r + x)); 0 for a horizon of 0 days.

    Raises
    ------
    HorizonError: if ``horizon_days`` is negative or not a number.
    """
    _check_horizon(horizon_days)
    shape, age = parameters.r + histories.frequency, parameters.alpha_days + histories.age_days
    ordered: Floats = -np.expm1(-shape * np.log1p(horizon_days / age))
    return probability_alive(parameters, histories) * ordered


def days_to_next_order(
    parameters: Parameters,
    histories: Histories,
    *,
    probability: float | Floats = 0.5,
    limit_days: float = np.inf,
) -> Floats:
    """Days until the next order has come with the given probability; NaN where that is not within the limit.

    Parameters
    ----------
    parameters: a fitted model.
    histories: n customers.
    probability: 0.5 for the median of the predicted time; 0 or more and below 1, one for all or n of them. Half of
        ``probability_of_order`` gives the median of those who will order within that horizon.
    limit_days: longest time of interest. Without one, NaN is left to those who may never order again.

    Returns
    -------
    n floats from 0 to ``limit_days``, or NaN. ``probability_of_order`` solved for the horizon, so no search is needed.

    Raises
    ------
    HorizonError: if ``probability`` or ``limit_days`` is out of range.
    """
    wanted = np.asarray(probability, dtype=np.float64)
    if not np.all((wanted >= 0.0) & (wanted < 1.0)):
        raise HorizonError(f"probability {probability} is out of range; expected 0 or more and less than 1")
    if not limit_days > 0.0:
        raise HorizonError(f"limit_days {limit_days} is out of range; expected more than 0")
    shape, age = parameters.r + histories.frequency, parameters.alpha_days + histories.age_days
    alive = probability_alive(parameters, histories)
    is_likely = alive > wanted
    # log of P(no order yet | active) at the moment sought.
    log_waiting = np.log1p(-wanted / np.where(is_likely, alive, 1.0))
    with np.errstate(over="ignore"):  # a very small r waits for longer than a float can say: infinity is its answer
        days: Floats = age * np.expm1(-log_waiting / shape)
    return np.where(is_likely & (days <= limit_days) & np.isfinite(days), days, np.nan)


def expected_orders(parameters: Parameters, histories: Histories, horizon_days: float) -> Floats:
    """Expected number of orders of n customers within the horizon.

    Parameters
    ----------
    parameters: a fitted model.
    histories: n customers; (0, 0, 0) is a customer who has just placed her first order.
    horizon_days: length of the horizon, >= 0.

    Returns
    -------
    n floats, each >= 0.

    Raises
    ------
    HorizonError: if ``horizon_days`` is negative or not a number.

    Source: Fader, Hardie and Lee (2005), equation 10, and its like in Batislam et al. (2007), as a mean over the
    probability p to stop: an active customer with rate L is expected to order (1 - e^(-L p t)) / p times, which
    averages to (1 - (1 + p z)^-(r + x)) / p over her rate, with z = t / (alpha + T). The published closed form is the
    same number by a hypergeometric function, but 0 / 0 at a = 1, and with scipy's function NaN for 1,000 orders where
    the horizon is ten times the age.
    """
    _check_horizon(horizon_days)
    # Given that she is active, only x and T matter, and a shop has few distinct pairs of them.
    ages = int(histories.age_days.max(initial=0)) + 1
    pairs, place = distinct_values(histories.frequency * ages + histories.age_days)
    frequency, age_days = np.divmod(pairs, ages)
    orders: Floats = _orders_while_active(parameters, frequency, age_days, horizon_days)[place]
    return probability_alive(parameters, histories) * orders


def _orders_while_active(parameters: Parameters, frequency: Ints, age_days: Ints, horizon_days: float) -> Floats:
    """Expected orders of customers known to be active, by frequency (sorted) and age."""
    distinct, of_distinct = distinct_values(frequency)
    b = parameters.b + parameters.chances(distinct.astype(np.float64))
    nodes, weights = _beta_quadrature(parameters.a, b)
    shape = parameters.r + frequency
    z = horizon_days / (parameters.alpha_days + age_days)
    orders = np.empty(len(frequency))
    for begin in range(0, len(frequency), BLOCK_ROWS):
        rows = slice(begin, begin + BLOCK_ROWS)
        at = of_distinct[rows]
        p, row_shape, row_z = nodes[at], shape[rows], z[rows]
        mean_p = (parameters.a / (parameters.a + b))[at]
        never, always = row_shape * row_z, -np.expm1(-row_shape * np.log1p(row_z))
        # The quadrature sees the distance to the chord from p = 0 to p = 1, which vanishes at both ends where the
        # beta density may be infinite.
        chord = never[:, None] * (1.0 - p) + always[:, None] * p
        curve = -np.expm1(-row_shape[:, None] * np.log1p(p * row_z[:, None])) / p
        below = np.einsum("ij,ij->i", weights[at], chord - curve)
        orders[rows] = np.maximum(never * (1.0 - mean_p) + always * mean_p - below, 0.0)
    return orders


def _beta_quadrature(a: float, b: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights for means of f(p), p beta distributed with a and each of m values b, where f(0) = f(1) = 0.

    Returns
    -------
    Two arrays of shape (m, NODES).

    The trapezoidal rule in the logit of p: the integrand is analytic there and falls off exponentially on both sides,
    so the error falls exponentially with the number of nodes, whatever a and b (Trefethen and Weideman, 2014).
    """
    # f adds a factor p (1 - p), so the weight that matters is that of a + 1 and b + 1.
    left, right = a + 1.0, b + 1.0
    mode = np.log(left) - np.log(right)
    low, high = (_falls_off(left, right, mode, side) for side in (-1.0, 1.0))
    step = (high - low) / (NODES - 1)
    logit = low[:, None] + step[:, None] * np.arange(NODES)
    log_p, log_q = -np.logaddexp(0.0, -logit), -np.logaddexp(0.0, logit)
    weights = np.exp(a * log_p + b[:, None] * log_q - betaln(a, b)[:, None]) * step[:, None]
    return np.exp(log_p), weights


def _falls_off(left: float, right: Floats, mode: Floats, side: float) -> Floats:
    """The logit on one side of the mode at which p^left (1 - p)^right has fallen to a negligible share."""

    def exponent(logit: Floats) -> Floats:
        height: Floats = -left * np.logaddexp(0.0, -logit) - right * np.logaddexp(0.0, logit)
        return height

    top = exponent(mode)
    near = np.zeros_like(right)
    # The exponent falls at least like c (e^-d - 1 + d) with c = 1 / (1 / left + 1 / right) > 1 / 2.
    far = np.full_like(right, 8.0 * NEGLIGIBLE_EXPONENT)
    for _ in range(BISECTIONS):
        middle = 0.5 * (near + far)
        is_short = top - exponent(mode + side * middle) < NEGLIGIBLE_EXPONENT
        near, far = np.where(is_short, middle, near), np.where(is_short, far, middle)
    return mode + side * far


def _log_odds_stopped(parameters: Parameters, histories: Histories) -> Floats:
    """Logarithm of P(stopped) / P(active); minus infinity for who had no chance to stop."""
    x = histories.frequency.astype(np.float64)
    k = parameters.chances(x)
    longer = np.log(parameters.alpha_days + histories.age_days) - np.log(parameters.alpha_days + histories.recency_days)
    log_chance = np.log(parameters.a) - np.log(np.where(k > 0.0, parameters.b + k - 1.0, 1.0))
    return np.where(k > 0.0, log_chance + (parameters.r + x) * longer, -np.inf)


def _check_horizon(horizon_days: float) -> None:
    if not 0.0 <= horizon_days < np.inf:
        raise HorizonError(f"horizon_days {horizon_days} is out of range; expected a number of days, 0 or more")
