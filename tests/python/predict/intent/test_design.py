"""What models see of a customer is finite and within sense for every customer, however odd."""

import numpy as np
import pytest

from regulars.predict.btyd import gamma_gamma, mbgnbd
from regulars.predict.intent.design import (
    FEATURE_COLUMNS,
    Buyers,
    ShopView,
    design_matrix,
    design_names,
    expected_amounts,
    expected_orders,
)  # fmt: skip

SHOP = ShopView(
    mbgnbd.parameters_of(0.9, 60.0, 0.7, 2.0),
    gamma_gamma.fit(gamma_gamma.collapse_spend([2, 3, 2, 4], [10.0, 30.0, 20.0, 50.0])),
    float(np.log(40.0)),
    True,
)
ONCE = {
    "order_day_count": 1, "recency_days": 20, "age_days": 20, "last_gap_days": np.nan, "longest_gap_days": np.nan,
    "log_gap_sum": np.nan, "log_gap_square_sum": np.nan, "paid_cents": 2_500, "paid_cents_365d": 2_500,
    "paid_cents_90d": 2_500, "last_paid_cents": 2_500, "line_count": 1, "last_line_count": 1,
}  # fmt: skip
OFTEN = {
    "order_day_count": 10_000, "recency_days": 1, "age_days": 10_000, "last_gap_days": 1, "longest_gap_days": 1,
    "log_gap_sum": 0, "log_gap_square_sum": 0, "order_days_365d": 365, "paid_cents": 25_000_000, "line_count": 90_000,
}  # fmt: skip
CUSTOMERS = {
    "one order": ONCE,
    "one order on the day before": ONCE | {"recency_days": 1, "age_days": 1},
    "one order thirty years ago": ONCE | {"recency_days": 11_000, "age_days": 11_000},
    "ten thousand orders": OFTEN,
    "ten thousand orders, then silence": OFTEN | {"recency_days": 3_000, "age_days": 13_000},
    "nothing paid": ONCE | dict.fromkeys(("paid_cents", "paid_cents_365d", "paid_cents_90d", "last_paid_cents"), 0),
    "a fortune paid": ONCE | dict.fromkeys(("paid_cents", "paid_cents_365d", "last_paid_cents"), 1e17),
    "two orders a day apart": ONCE | {"order_day_count": 2, "age_days": 21, "last_gap_days": 1, "longest_gap_days": 1,
                                      "log_gap_sum": 0, "log_gap_square_sum": 0},
    "two orders ten years apart": ONCE | {"order_day_count": 2, "age_days": 3_670, "last_gap_days": 3_650,
                                          "longest_gap_days": 3_650, "log_gap_sum": 8_202_482,
                                          "log_gap_square_sum": 67_280_717},
}  # fmt: skip


def buyers_from(*customers: dict[str, float]) -> Buyers:
    return Buyers({name: np.array([float(c.get(name, 0)) for c in customers]) for name in FEATURE_COLUMNS})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("customer", CUSTOMERS.values(), ids=CUSTOMERS.keys())
def test_every_number_is_finite(customer: dict[str, float]) -> None:
    buyers = buyers_from(customer)
    matrix = design_matrix(buyers, SHOP)
    assert matrix.shape == (1, len(design_names()))
    assert np.all(np.isfinite(matrix))
    assert np.abs(matrix).max() < 200
    assert np.isfinite(expected_orders(buyers, SHOP, 365)[0])
    assert expected_orders(buyers, SHOP, 90)[0] >= 0.01
    assert 0 < expected_amounts(buyers, SHOP)[0] < 1e16


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    customers = list(CUSTOMERS.values())
    together = design_matrix(buyers_from(*customers), SHOP)
    for place, customer in enumerate(customers):
        assert np.array_equal(design_matrix(buyers_from(customer), SHOP)[0], together[place])
    assert design_matrix(buyers_from(), SHOP).shape == (0, len(design_names()))
    assert len(set(design_names())) == len(design_names())


def test_who_is_overdue_by_her_own_rhythm_is_told_from_who_is_not() -> None:
    weekly = ONCE | {
        "order_day_count": 11, "age_days": 100, "last_gap_days": 7, "longest_gap_days": 8,
        "log_gap_sum": 10 * 1_945_910, "log_gap_square_sum": 10 * 3_786_566,
    }  # fmt: skip
    names = design_names()
    silence = names.index("silence_by_gap")
    survival = names.index("silence_survival")
    rows = design_matrix(buyers_from(weekly | {"recency_days": 7}, weekly | {"recency_days": 60}), SHOP)
    assert rows[0, silence] == pytest.approx(0.0, abs=1e-5)
    assert rows[1, silence] == pytest.approx(np.log(60 / 7), abs=1e-5)
    assert rows[1, survival] < rows[0, survival] - 2
