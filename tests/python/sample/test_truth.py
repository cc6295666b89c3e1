"""What the truth says is what the files show, within intervals that chance alone leaves once in many thousand shops.

The shop is fixed, so these tests cannot fail by chance; the intervals say how much a change of the generator may move.
"""

import json
import math

import duckdb
import numpy as np
import pytest

from regulars.sample import people
from regulars.sample.catalogue import CATEGORY_NAMES


@pytest.fixture(scope="module")
def truth(large_shop: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    cursor = large_shop.cursor()
    cursor.execute(
        """
        create temp table names as
        select person, customer_id as name from truth where customer_id is not null
        union all select person, second_customer_id from truth where second_customer_id is not null
        union all select person, email from truth
        """
    )
    cursor.execute(
        """
        create temp table own_orders as
        select names.person, orders.* from orders
        join names on coalesce(orders.customer_id, lower(trim(orders.email))) = names.name
        """
    )
    return cursor


def numbers(truth: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    row = truth.execute(query).fetchone()
    assert row is not None
    return tuple(float(value) for value in row)


def test_orders_are_counted_as_in_the_truth(truth: duckdb.DuckDBPyConnection) -> None:
    different = """
        select count(*) from truth left join (select person, count(*) as n from own_orders group by 1) using (person)
        where coalesce(repeat_order_count + 1, 0) <> coalesce(n, 0)
    """
    assert numbers(truth, different) == (0,)


def test_no_order_before_the_first_or_after_drop_out(truth: duckdb.DuckDBPyConnection) -> None:
    outside = """
        select count(*) from own_orders join truth using (person)
        where ordered_at < first_order_at or cast(ordered_at as date) > cast(dropped_out_at as date)
    """
    assert numbers(truth, outside) == (0,)


def test_repeat_orders_are_poisson_around_their_expectation(truth: duckdb.DuckDBPyConnection) -> None:
    observed, expected, dispersion, buyers = numbers(
        truth,
        """
        select sum(repeat_order_count), sum(expected_repeat_orders),
            avg(power(repeat_order_count - expected_repeat_orders, 2) / expected_repeat_orders)
                filter (where expected_repeat_orders > 1),
            count(*) filter (where expected_repeat_orders > 1)
        from truth where role = 'buyer'
        """,
    )
    assert abs(observed - expected) < 4 * math.sqrt(expected)
    # Of a Poisson variable with mean m the squared standardised deviation has mean 1 and variance 2 + 1/m ≤ 3.
    assert abs(dispersion - 1) < 4 * math.sqrt(3 / buyers)


def test_purchase_rates_follow_their_gamma(truth: duckdb.DuckDBPyConnection) -> None:
    mean, deviation, buyers = numbers(
        truth,
        "select avg(purchase_rate_per_day), stddev(purchase_rate_per_day), count(*) from truth where role = 'buyer'",
    )
    expected = people.PURCHASE_SHAPE / people.PURCHASE_SCALE_DAYS
    assert abs(mean - expected) < 4 * deviation / math.sqrt(buyers)
    assert abs(deviation - math.sqrt(people.PURCHASE_SHAPE) / people.PURCHASE_SCALE_DAYS) < 0.05 * deviation


def test_survival_follows_the_pareto(truth: duckdb.DuckDBPyConnection) -> None:
    alive, expected, variance = numbers(
        truth,
        f"""
        with chances as (
            select is_alive_at_end, power({people.DROPOUT_SCALE_DAYS} / ({people.DROPOUT_SCALE_DAYS}
                + (epoch(timestamptz '2026-01-01 00:00:00+00') - epoch(first_order_at)) / 86400),
                    {people.DROPOUT_SHAPE}) as p
            from truth where role = 'buyer'
        )
        select count(*) filter (where is_alive_at_end), sum(p), sum(p * (1 - p)) from chances
        """,
    )
    assert abs(alive - expected) < 4 * math.sqrt(variance)


def test_people_buy_what_they_have_a_taste_for(truth: duckdb.DuckDBPyConnection) -> None:
    affinities = ", ".join(f"truth.affinity_{name}" for name in CATEGORY_NAMES)
    counts = ", ".join(f"count(*) filter (where products.category = '{name}')" for name in CATEGORY_NAMES)
    rows = truth.execute(
        f"""
        select {affinities}, {counts} from own_orders join order_lines using (order_id) join products using (product_id)
        join truth using (person) group by person, {affinities} having count(*) >= 30
        """
    ).fetchall()
    table = np.array(rows, dtype=float)
    size = len(CATEGORY_NAMES)
    shares = table[:, size:] / table[:, size:].sum(axis=1, keepdims=True)
    correlations = [np.corrcoef(table[:, k], shares[:, k])[0, 1] for k in range(size)]
    assert len(rows) > 1000
    assert min(correlations) > 0.4
    assert np.mean(correlations) > 0.65


def test_people_spend_what_the_truth_expects(truth: duckdb.DuckDBPyConnection) -> None:
    correlation, ratio = numbers(
        truth,
        """
        with spent as (
            select person, avg(quantity * unit_price) as mean_line, any_value(mean_line_amount) as expected
            from own_orders join order_lines using (order_id) join truth using (person)
            where currency = 'EUR' group by person having count(*) >= 30
        )
        select corr(ln(mean_line), ln(expected)), sum(mean_line) / sum(expected) from spent
        """,
    )
    assert correlation > 0.7
    assert 0.85 < ratio < 1.15


@pytest.mark.parametrize(
    ("parameter", "share"),
    [
        ("discount_proneness", "avg(cast(discount_codes is not null as int))"),
        ("gift_proneness", "avg(cast(coalesce(is_gift, false) as int))"),
        ("season_sensitivity", "avg(cast(weekofyear(ordered_at) between 20 and 23 as int))"),
    ],
)
def test_a_higher_parameter_shows_more_of_it(truth: duckdb.DuckDBPyConnection, parameter: str, share: str) -> None:
    shares = truth.execute(
        f"""
        with thirds as (select person, ntile(3) over (order by {parameter}, person) as third from truth where
            role = 'buyer')
        select {share} from own_orders join thirds using (person) group by third order by third
        """
    ).fetchall()
    low, middle, high = (row[0] for row in shares)
    assert low < middle < high
    assert high > 1.5 * low


def test_open_rates_are_those_of_the_truth(truth: duckdb.DuckDBPyConnection) -> None:
    slope = numbers(
        truth,
        """
        with rates as (
            select truth.person, any_value(open_rate) as expected,
                count(*) filter (where event_type = 'opened' and is_machine_open is not true)
                    / count(*) filter (where event_type = 'received') as observed
            from email_events join names on coalesce(customer_id, email) = names.name join truth using (person)
            where role = 'buyer' and is_alive_at_end and starts_with(campaign_id, 'newsletter')
            group by truth.person having count(*) filter (where event_type = 'received') >= 10
        )
        select regr_slope(observed, expected) from rates
        """,
    )[0]
    assert 0.9 < slope < 1.05


def test_the_shop_file_counts_what_is_in_the_truth(
    tmp_path_factory: pytest.TempPathFactory, truth: duckdb.DuckDBPyConnection
) -> None:
    path = next(tmp_path_factory.getbasetemp().glob("sample*/large/truth/truth_shop.json"))
    shop = json.loads(path.read_text("utf-8"))
    roles = dict(truth.execute("select 'people_' || role, count(*) from truth group by 1").fetchall())
    assert {name: count for name, count in shop["counts"].items() if name in roles} == roles
    assert shop["rows_to_reject"] == {}
    for name, count in shop["rows"].items():
        assert numbers(truth, f"select count(*) from {name}") == (count,)
    assert (
        shop["counts"]["guest_orders"]
        == numbers(truth, "select count(*) from orders where coalesce(customer_id, email) is null")[0]
    )
