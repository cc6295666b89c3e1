"""How long it takes to collapse, fit and forecast a shop of any size, beside a fit of 100,000 customers one by one.

The simulator is that of the tests. Run on one thread, as a shop's warehouse host may have no more to give:
`OMP_NUM_THREADS=1 python benchmarks/btyd.py`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from predict.btyd.simulate import simulate

from regulars.predict.btyd import bgnbd, mbgnbd
from regulars.predict.btyd.statistics import CollapsedHistories, Histories, collapse

CUSTOMERS_ONE_BY_ONE = 100_000
LONGEST_AGE_DAYS = 730
TRUE = bgnbd.parameters_of(0.6, 120.0, 0.8, 2.5)

Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result]) -> tuple[float, Result]:
    """The seconds of a piece of work and its result, said on the way."""
    begin = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begin
    print(f"  {what:<54}{seconds:8.2f} s", flush=True)
    return seconds, result


def main() -> None:
    """Simulate two years of a shop and print the seconds of each step."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--customers", type=int, default=10_000_000)
    customers: int = words.parse_args().customers
    print(f"{customers:,} customers, {LONGEST_AGE_DAYS} days")
    _, simulated = timed(
        "simulating (not part of the work)",
        lambda: simulate(TRUE, customers, longest_age_days=LONGEST_AGE_DAYS, horizon_days=0.0, seed=1),
    )
    histories = simulated.histories
    _, collapsed = timed("grouping", lambda: collapse(histories))
    print(f"    {len(collapsed):,} distinct histories")
    grouped, fitted = timed("fitting BG/NBD", lambda: bgnbd.fit(collapsed))
    print(f"    {fitted.parameters}, converged: {fitted.converged}")
    timed("fitting MBG/NBD", lambda: mbgnbd.fit(collapsed))
    few = slice(0, CUSTOMERS_ONE_BY_ONE)
    one_by_one = CollapsedHistories(
        Histories(histories.frequency[few], histories.recency_days[few], histories.age_days[few]),
        np.ones(len(histories.frequency[few]), dtype=np.int64),
    )
    ungrouped, _ = timed(f"fitting BG/NBD on {len(one_by_one):,} customers, not grouped", lambda: bgnbd.fit(one_by_one))
    timed("P(order in 90 days) of all", lambda: bgnbd.probability_of_order(fitted.parameters, histories, 90.0))
    timed("orders expected in 365 days of all", lambda: bgnbd.expected_orders(fitted.parameters, histories, 365.0))
    timed("days to the next order of all", lambda: bgnbd.days_to_next_order(fitted.parameters, histories))
    print(f"fitting all grouped / fitting {len(one_by_one):,} not grouped: {grouped / ungrouped:.2f}")


if __name__ == "__main__":
    main()
