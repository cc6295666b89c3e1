"""Shops no model was made for: a gate with its reason, or finite numbers within sense; never NaN, never a crash."""

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from project.harness import Project

from .shops import Shop, orders_of
from .simulated_shop import AS_OF, FIRST_DAY

Rows = list[tuple[str, str, float]]
FIGURES = ("purchase_probability_30d", "purchase_probability_90d", "expected_orders_90d", "expected_revenue_365d",
           "churn_probability", "churn_risk")  # fmt: skip


def at(day: date, hour: int = 9) -> str:
    return datetime(day.year, day.month, day.day, hour).isoformat()


def buyers(count: int, *, until: date = AS_OF, mean_gap: float = 70.0, amount: float = 25.0, seed: int = 1) -> Rows:
    """Customers who first buy evenly over the history and come back every now and then; a third never do."""
    random = np.random.default_rng(seed)
    span = (until - FIRST_DAY).days
    rows = []
    for number in range(count):
        day = float(random.integers(0, span))
        comes_back = number % 3 > 0
        own_gap = mean_gap * random.lognormal(0.0, 0.8)
        while day < span:
            rows.append((f"c{number}", at(FIRST_DAY + timedelta(days=int(day))), amount))
            if not comes_back or random.random() < 0.1:
                break
            day += 1.0 + random.exponential(own_gap)
    return rows


def one_time(count: int) -> Rows:
    return [(f"c{n}", at(FIRST_DAY + timedelta(days=(n * 7) % 780)), 20.0 + n % 9) for n in range(count)]


def predict(project: Project, rows: Rows, without_orders: int = 2) -> list[dict[str, object]]:
    shop = Shop.of(project, orders_of(rows))
    for number in range(without_orders):
        shop.warehouse.connection.execute(
            "insert into raw.customers by name select ? as customer_id, timestamptz '2022-01-01' as created_at,"
            " timestamptz '2022-01-01' as _loaded_at",
            [f"z{number}"],
        )
    shop.build_features(AS_OF)
    shop.train()
    found: list[dict[str, object]] = shop.score().to_pylist()
    for row in found:
        for name, value in row.items():
            assert not isinstance(value, float) or math.isfinite(value), (name, row)
            assert not isinstance(value, str) or value
    people = [row for row in found if str(row["customer_id"]).startswith("z")]
    assert len(people) == without_orders
    assert all(row["basis"] is None and row["gate_reason"] == "has not bought yet" for row in people)
    assert all(row[name] is None for row in people for name in FIGURES)
    return [row for row in found if not str(row["customer_id"]).startswith("z")]


GATED: dict[str, tuple[Callable[[], Rows], str]] = {
    "one customer": (lambda: [("c1", at(AS_OF - timedelta(days=20)), 10.0)], "1 buyer; 500 are needed"),
    "one customer of many orders": (
        lambda: [("c1", at(AS_OF - timedelta(days=9 * n + 1)), 10.0) for n in range(50)],
        "1 buyer; 500 are needed",
    ),
    "fifty": (lambda: buyers(50), "50 buyers; 500 are needed"),
    "one-time buyers only": (lambda: one_time(600), "0 buyers came back"),
    "one day of history": (
        lambda: [(f"c{n}", at(AS_OF - timedelta(days=1), hour=n % 24), 10.0 + n) for n in range(600)],
        "1 day of orders; 180 are needed",
    ),
    "stopped, few came back": (
        lambda: [row for row in one_time(600) if row[1] < at(AS_OF - timedelta(days=60))],
        "no order for",
    ),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("case", GATED.values(), ids=GATED.keys())
def test_too_little_gives_history_and_a_reason(project: Project, case: tuple[Callable[[], Rows], str]) -> None:
    rows, reason = case
    found = predict(project, rows())
    assert len(found) == len({row[0] for row in rows()})
    spent: dict[str, float] = {}
    for name, _, amount in rows():
        spent[name] = spent.get(name, 0.0) + amount
    for row in found:
        assert row["basis"] == "history"
        assert reason in str(row["gate_reason"])
        assert all(row[name] is None for name in FIGURES)
        assert row["customer_lifetime_value"] == pytest.approx(spent[str(row["customer_id"])])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("case", [[], [(f"c{n}", at(AS_OF - timedelta(days=n + 1)), 0.0) for n in range(30)]])
def test_a_shop_where_nobody_paid_has_no_prediction(project: Project, case: Rows) -> None:
    found = predict(project, case)
    assert len(found) == len(case)
    assert all(row["basis"] is None for row in found)
    assert all(row[name] is None for row in found for name in FIGURES)
    assert all(row["gate_reason"] for row in found)


def stopped() -> Rows:
    return buyers(900, until=AS_OF - timedelta(days=60))


def with_one_of_every_day() -> Rows:
    # 790 days of history hold as many order days; each is bought on.
    daily = [("daily", at(FIRST_DAY + timedelta(days=n)), 30.0) for n in range((AS_OF - FIRST_DAY).days)]
    return [*buyers(600), *daily, ("c4", at(AS_OF - timedelta(days=3), hour=20), 99_999_999.0)]


OPEN: dict[str, tuple[Callable[[], Rows], str]] = {
    "stopped 60 days ago": (stopped, "btyd"),
    "one buys every day, one for a fortune": (with_one_of_every_day, "blend"),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", OPEN)
def test_odd_but_enough_gives_sane_numbers(project: Project, name: str) -> None:
    make, basis = OPEN[name]
    found = predict(project, make())
    by_name = {row["customer_id"]: row for row in found}
    assert {row["basis"] for row in found} == {basis}
    for row in found:
        assert 0 <= row["purchase_probability_30d"] <= row["purchase_probability_90d"] <= 1
        assert row["expected_orders_90d"] >= row["purchase_probability_90d"]
        assert 0 <= row["churn_probability"] <= 1
        assert row["churn_risk"] in ("low", "medium", "high")
        assert (row["gate_reason"] is None) == (basis == "blend")
    orders = sum(row["expected_orders_90d"] for row in found)
    if name == "stopped 60 days ago":
        assert "no order for 6" in str(found[0]["gate_reason"])
        # The level has seen the orders stop.
        lately = sum(1 for row in make() if row[1] >= at(AS_OF - timedelta(days=180)))
        assert orders < 0.75 * lately
    else:
        daily = by_name["daily"]
        assert daily["purchase_probability_30d"] > 0.95
        assert 60 < daily["expected_orders_90d"] <= 120
        assert daily["expected_next_order_on"] - AS_OF < timedelta(days=5)
        others = [row["expected_order_amount"] for row in found if row["customer_id"] != "c4"]
        assert all(0 < amount < 1e6 for amount in others)
