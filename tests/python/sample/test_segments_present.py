"""Every segment of the design has members in the default shop.

The rules here are a plain reading of the design, with the truth's knowledge of who is who: enough to count members,
and no reference computation.
"""

import duckdb
import pytest

FACTS = """
create temp table names as
select person, customer_id as id from truth where customer_id is not null
union all select person, second_customer_id from truth where second_customer_id is not null;

create temp table addresses as select person, email from truth;

create temp table known_orders as
select
    orders.order_id,
    coalesce(names.person, addresses.person) as person,
    orders.ordered_at,
    cast(orders.ordered_at at time zone 'Europe/Copenhagen' as date) as day,
    orders.status,
    orders.is_gift,
    orders.gift_note,
    coalesce(rates.rate, case when orders.currency = 'EUR' then 1 end) as rate
from orders
left join names on orders.customer_id = names.id
left join addresses on orders.customer_id is null and lower(trim(orders.email)) = addresses.email
asof left join exchange_rates as rates
    on orders.currency = rates.currency and cast(orders.ordered_at as date) >= rates.day;

create temp table amounts as
select order_id, sum(quantity * unit_price) as gross, sum(discount_amount) as discount from order_lines group
    by order_id;

create temp table valid as
select known_orders.*, gross * rate as gross, discount * rate as discount,
    (gross - discount - coalesce((select sum(amount) from refunds where refunds.order_id =
        known_orders.order_id), 0)) * rate
        as net
from known_orders join amounts using (order_id)
where status in ('paid', 'partially_refunded') and rate is not null
    and gross - discount > coalesce((select sum(amount) from refunds where refunds.order_id =
        known_orders.order_id), 0);

create temp table as_of as select date '2026-01-01' as today;

create temp table gaps as
select person, day - lag(day) over (partition by person order by day) as gap, day
from (select distinct person, day from valid where person is not null);

create temp table typical as select median(gap) as gap from gaps where gap is not null;

create temp table buyers as
select
    person, count(*) as n, count(distinct day) as days, (select today from as_of) - max(day) as r, avg(net) as average,
    sum(net) as revenue, sum(discount) as discount, sum(gross) as gross,
    count(*) filter (where discount > 0) as discounted, max(ordered_at) as last_at,
    count(*) filter (where weekofyear(day) between 20 and 23) as peak_orders,
    count(*) filter (where is_gift or gift_note is not null) as gifts
from valid where person is not null group by person;

create temp table mail as
select
    coalesce(names.person, addresses.person) as person,
    count(*) filter (where event_type = 'received') as received,
    count(*) filter (where engaged) as e,
    count(*) filter (where engaged and occurred_at >= timestamptz '2025-10-03 00:00:00+00') as e90,
    max(occurred_at) filter (where engaged) as last_engaged
from (select *, event_type = 'clicked' or (event_type = 'opened' and is_machine_open is not true) as engaged
    from email_events) as events
left join names on events.customer_id = names.id
left join addresses on events.customer_id is null and events.email = addresses.email
group by 1;

create temp table site as
select
    coalesce(names.person, addresses.person) as person,
    count(*) filter (where event_type <> 'active_on_site' and occurred_at >= timestamptz '2025-10-03
        00:00:00+00') as s90,
    max(occurred_at) filter (where event_type in ('added_to_cart', 'started_checkout')
        and occurred_at >= timestamptz '2025-12-02 00:00:00+00') as cart
from web_events as events
left join names on events.customer_id = names.id
left join addresses on events.customer_id is null and events.email = addresses.email
join customers on names.id = customers.customer_id and customers.tracking_consent
group by 1;

create temp table facts as
select
    truth.person, coalesce(n, 0) as n, days, r, average > (select avg(net) from valid where day >= date
        '2025-01-01') as hi,
    coalesce(e, 0) as e, coalesce(e90, 0) as e90, coalesce(s90, 0) as s90, received, revenue, discount, gross,
        discounted,
    peak_orders, gifts, customers.email_consent, last_engaged, last_at,
    site.cart is not null and not exists (
        select 1 from known_orders where known_orders.person = truth.person and ordered_at >= site.cart and
            status <> 'test'
    ) as has_cart,
    (select today from as_of) - cast(joined_at as date) as age,
    greatest(1, case
        when days >= 3 then (select median(gap) from gaps where gaps.person = truth.person)
        when days = 2 then ((select median(gap) from gaps where gaps.person = truth.person)
            + (select gap from typical)) / 2
        else (select gap from typical) end) as expected_gap
from truth
left join buyers using (person) left join mail using (person) left join site using (person)
left join customers on truth.customer_id = customers.customer_id;

create temp table labels as
select *,
    case
        when n = 0 then 'prospect'
        when days = 1 and r <= 30 then 'new'
        when r / expected_gap < 4.0 / 3 or r < 14 then 'active'
        when r / expected_gap < 3 or r < 60 then 'slipping_away'
        else 'lost' end as lifecycle,
    case
        when n > 0 and r > 390 and e90 = 0 then 'dead_weight'
        when n >= 3 and r <= 120 then case when hi then 'high_roller' else 'brand_enthusiast' end
        when n >= 3 then case when hi then 'lapsed_high_roller' else 'lapsed_enthusiast' end
        when n > 0 and r <= 120 then case when hi then 'potential_high_roller' else 'potential_brand_enthusiast' end
        when n > 0 then case when hi then 'one_hit_wonder' else 'just_passing_through' end
        when s90 >= 1 then 'window_shopper'
        when e90 >= 3 then 'almost_there'
        when e90 >= 1 then 'waiting_for_wows'
        when e >= 3 then 'false_start'
        when age < 90 then 'too_new'
        else 'dead_weight_prospect' end as persona
from facts;
"""


@pytest.fixture(scope="module")
def labels(shop: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    cursor = shop.cursor()
    cursor.execute(FACTS)
    return cursor


def counts(labels: duckdb.DuckDBPyConnection, expression: str) -> dict[str, int]:
    return dict(labels.execute(f"select {expression} as label, count(*) from labels group by 1").fetchall())


@pytest.mark.parametrize(
    "persona",
    [
        "high_roller",
        "brand_enthusiast",
        "potential_high_roller",
        "potential_brand_enthusiast",
        "lapsed_high_roller",
        "lapsed_enthusiast",
        "one_hit_wonder",
        "just_passing_through",
        "window_shopper",
        "almost_there",
        "waiting_for_wows",
        "false_start",
        "dead_weight",
        "dead_weight_prospect",
        "too_new",
    ],
)
def test_every_persona_has_members(labels: duckdb.DuckDBPyConnection, persona: str) -> None:
    assert counts(labels, "persona").get(persona, 0) >= 10


def test_every_lifecycle_state_has_members(labels: duckdb.DuckDBPyConnection) -> None:
    found = counts(labels, "lifecycle")
    assert set(found) == {"prospect", "new", "active", "slipping_away", "lost"}
    assert min(found.values()) >= 10


def test_every_customer_type_has_members(labels: duckdb.DuckDBPyConnection) -> None:
    found = counts(
        labels,
        """case
            when n > 0 and hi then case when lifecycle in ('new', 'active') then 'loyal' else 'at_risk' end
            when n > 0 then case when lifecycle in ('new', 'active') then 'low_value_active' else 'non_target' end
            when has_cart then 'abandoned_cart'
            when email_consent then 'subscriber'
            else 'unreachable' end""",
    )
    assert set(found) == {
        "loyal",
        "at_risk",
        "low_value_active",
        "non_target",
        "abandoned_cart",
        "subscriber",
        "unreachable",
    }
    assert min(found.values()) >= 10


@pytest.mark.parametrize(
    ("segment", "condition"),
    [
        ("espresso_shot", "last_engaged >= timestamptz '2025-12-25' and (last_at is null or last_at < last_engaged)"),
        ("open cart of a buyer", "n > 0 and has_cart"),
        ("one_time", "n = 1"),
        ("best_customers", "n >= 6 and revenue > 1000"),
        ("sale_shoppers", "n >= 2 and discount > 0.1 * gross"),
        ("full_price_shoppers", "n >= 2 and discounted = 0"),
        ("gift_buyers", "gifts > 0"),
        ("disengaged by mail", "email_consent and received >= 5 and e90 = 0"),
        ("peak_season_buyers", "(n >= 2 and peak_orders >= n / 2) or (n = 1 and peak_orders = 1)"),
    ],
)
def test_every_other_segment_has_members(labels: duckdb.DuckDBPyConnection, segment: str, condition: str) -> None:
    found = labels.execute(f"select count(*) from labels where {condition}").fetchone()
    assert found is not None
    assert found[0] >= 10, segment


def test_every_rfm_tier_can_have_members(labels: duckdb.DuckDBPyConnection) -> None:
    cells = labels.execute(
        """
        with ranked as (
            select
                rank() over (order by r desc) as r_rank, rank() over (order by n) as n_rank,
                rank() over (order by revenue) as m_rank, count(*) over () as buyers
            from labels where n > 0
        ),
        scores as (
            select least(5, 1 + 5 * (r_rank - 1) // (buyers - 1)) as recency,
                (least(5, 1 + 5 * (n_rank - 1) // (buyers - 1)) + least(5, 1 + 5 * (m_rank - 1) // (buyers -
                    1)) + 1) // 2 as fm
            from ranked
        )
        select recency, greatest(fm, 2) as fm, count(*) from scores group by 1, 2
        """
    ).fetchall()
    assert {(recency, fm) for recency, fm, _ in cells} == {(r, fm) for r in range(1, 6) for fm in range(2, 6)}


def test_some_customers_came_back_after_they_were_lost(labels: duckdb.DuckDBPyConnection) -> None:
    found = labels.execute(
        """
        select count(*) from (
            select person, gap, median(gap) over (partition by person order by day rows between unbounded
                preceding and 1 preceding)
                as usual, row_number() over (partition by person order by day desc) as back
            from gaps
        ) where back = 1 and gap > 3 * usual and gap > 60
        """
    ).fetchone()
    assert found is not None
    assert found[0] >= 10
