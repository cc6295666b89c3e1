{# Grain: one row per order in another currency than the reporting one, with the rate of its day. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

as_of as (

    select reporting_currency from {{ ref('int_as_of') }}

),

orders as (

    select
        order_id,
        currency_code,
        {{ shop_date('ordered_at') }} as ordered_on

    from {{ ref('stg_shop__orders') }}

),

rates as (

    select
        currency_code,
        rate_on,
        exchange_rate

    from {{ ref('stg_shop__exchange_rates') }}

),

foreign_orders as (

    select
        orders.order_id,
        orders.currency_code,
        orders.ordered_on

    from orders

    inner join as_of
        on orders.currency_code <> as_of.reporting_currency

),

-- The newest rate on or before the day: weekends and holidays have none of their own.
rate_days as (

    select
        foreign_orders.currency_code,
        foreign_orders.ordered_on,
        max(rates.rate_on) as rate_on

    from (
        select distinct
            currency_code,
            ordered_on
        from foreign_orders
    ) as foreign_orders

    inner join rates
        on
            foreign_orders.currency_code = rates.currency_code
            and foreign_orders.ordered_on >= rates.rate_on

    group by
        foreign_orders.currency_code,
        foreign_orders.ordered_on

),

foreign_orders_with_rate as (

    select
        foreign_orders.order_id,
        foreign_orders.currency_code,
        rates.rate_on,
        rates.exchange_rate

    from foreign_orders

    left join rate_days
        on
            foreign_orders.currency_code = rate_days.currency_code
            and foreign_orders.ordered_on = rate_days.ordered_on

    left join rates
        on
            rate_days.currency_code = rates.currency_code
            and rate_days.rate_on = rates.rate_on

)

select * from foreign_orders_with_rate
