{# Grain: one row per customer and calendar day with a valid order, with the days since the order day before. #}
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    on_schema_change='fail',
    pre_hook="{{ delete_changed('customer_id') }}",
    post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"],
) }}

with

orders as (

    select
        customer_id,
        ordered_on

    from {{ ref('fct_orders') }}

    where
        is_valid
        and customer_id is not null
        {{ changed_only('customer_id', clause='and') }}

),

order_days as (

    select
        customer_id,
        ordered_on,
        count(*) as order_count

    from orders

    group by
        customer_id,
        ordered_on

),

order_days_with_gaps as (

    select
        customer_id,
        ordered_on,
        order_count,
        {{ days_between(
            'lag(ordered_on) over (partition by customer_id order by ordered_on)', 'ordered_on'
        ) }} as gap_days,
        -- What existed as of the day before the last order day: the measure of "already lost when she came back".
        ordered_on < {{ add_days('max(ordered_on) over (partition by customer_id)', -1) }} as precedes_last_order

    from order_days

)

select * from order_days_with_gaps
