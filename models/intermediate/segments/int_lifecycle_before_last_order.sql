{# Grain: one row per customer with an earlier order: her lifecycle state as of the day before her last order day. #}
{{ config(materialized='view') }}

with

customer_orders as (

    select
        customer_id,
        order_day_count_before_last,
        median_gap_days_before_last,
        last_ordered_on_before_last,
        {{ add_days('last_ordered_on', -1) }} as looked_at_on

    from {{ ref('int_customer_orders') }}

    where order_day_count_before_last > 0

),

typical_gaps as (

    select
        known_from,
        typical_gap_days,
        lead(known_from) over (order by known_from) as known_until

    from {{ ref('int_typical_gap_by_day') }}

),

days as (

    select distinct looked_at_on from customer_orders

),

typical_gap_on_days as (

    select
        days.looked_at_on,
        coalesce(typical_gaps.typical_gap_days, cast({{ var('default_gap_days') }} as {{ type_double() }}))
            as typical_gap_days

    from days

    left join typical_gaps
        on
            days.looked_at_on >= typical_gaps.known_from
            and (typical_gaps.known_until is null or days.looked_at_on < typical_gaps.known_until)

),

rhythms as (

    select
        customer_orders.customer_id,
        customer_orders.order_day_count_before_last as order_day_count,
        {{ days_between('customer_orders.last_ordered_on_before_last', 'customer_orders.looked_at_on') }}
            as recency_days,
        {{ expected_gap_days(
            'customer_orders.order_day_count_before_last',
            'customer_orders.median_gap_days_before_last',
            'typical_gap_on_days.typical_gap_days'
        ) }} as expected_gap_days

    from customer_orders

    inner join typical_gap_on_days
        on customer_orders.looked_at_on = typical_gap_on_days.looked_at_on

),

states as (

    select
        customer_id,
        {{ lifecycle_state('order_day_count', 'recency_days', 'expected_gap_days') }} as lifecycle_state

    from rhythms

)

select * from states
