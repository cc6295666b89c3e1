{# Grain: one row per customer with an order of any kind: what her orders add up to, whatever the day of looking. #}
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
        order_id,
        order_status,
        channel,
        ordered_at,
        ordered_on,
        gross_amount,
        discount_amount,
        refund_amount,
        net_amount,
        margin_amount,
        is_valid,
        is_discounted,
        is_gift_order

    from {{ ref('fct_orders') }}

    where
        customer_id is not null
        {{ changed_only('customer_id', clause='and') }}

),

order_days as (

    select
        customer_id,
        ordered_on,
        gap_days,
        precedes_last_order

    from {{ ref('int_order_days') }}

    {{ changed_only('customer_id') }}

),

orders_by_customer as (

    select
        customer_id,
        max(case when order_status <> 'test' then ordered_at end) as last_placed_at,
        min(case when is_valid then ordered_at end) as first_ordered_at,
        max(case when is_valid then ordered_at end) as last_ordered_at,
        min(case when is_valid then ordered_on end) as first_ordered_on,
        max(case when is_valid then ordered_on end) as last_ordered_on,
        sum(case when is_valid then 1 else 0 end) as order_count,
        sum(case when is_valid then gross_amount else 0 end) as gross_amount,
        sum(case when is_valid then discount_amount else 0 end) as discount_amount,
        sum(case when is_valid then refund_amount else 0 end) as refund_amount,
        sum(case when is_valid then net_amount else 0 end) as net_amount,
        sum(case when is_valid then margin_amount end) as margin_amount,
        sum(case when is_valid and margin_amount is null then 1 else 0 end) as order_without_margin_count,
        sum(case when is_valid and is_discounted then 1 else 0 end) as discounted_order_count,
        sum(case when is_valid and is_gift_order then 1 else 0 end) as gift_order_count

    from orders

    group by customer_id

),

first_valid_orders as (

    select
        orders.customer_id,
        orders.channel,
        row_number() over (partition by orders.customer_id order by orders.order_id) as order_rank

    from orders

    inner join orders_by_customer
        on
            orders.customer_id = orders_by_customer.customer_id
            and orders.ordered_at = orders_by_customer.first_ordered_at

    where orders.is_valid

),

gaps_by_customer as (

    select
        customer_id,
        count(*) as order_day_count,
        {{ median_of('gap_days') }} as median_gap_days,
        avg(gap_days) as mean_gap_days,
        sum(case when precedes_last_order then 1 else 0 end) as order_day_count_before_last,
        max(case when precedes_last_order then ordered_on end) as last_ordered_on_before_last,
        {{ median_of('case when precedes_last_order then gap_days end') }} as median_gap_days_before_last

    from order_days

    group by customer_id

),

customer_orders as (

    select
        orders_by_customer.customer_id,
        orders_by_customer.last_placed_at,
        orders_by_customer.first_ordered_at,
        orders_by_customer.last_ordered_at,
        orders_by_customer.first_ordered_on,
        orders_by_customer.last_ordered_on,
        first_valid_orders.channel as first_order_channel,
        cast(orders_by_customer.order_count as bigint) as order_count,
        cast(coalesce(gaps_by_customer.order_day_count, 0) as bigint) as order_day_count,
        cast(orders_by_customer.gross_amount as numeric(18, 4)) as gross_amount,
        cast(orders_by_customer.discount_amount as numeric(18, 4)) as discount_amount,
        cast(orders_by_customer.refund_amount as numeric(18, 4)) as refund_amount,
        cast(orders_by_customer.net_amount as numeric(18, 4)) as net_amount,
        case
            when orders_by_customer.order_without_margin_count = 0
                then cast(orders_by_customer.margin_amount as numeric(18, 4))
        end as margin_amount,
        cast(orders_by_customer.discounted_order_count as bigint) as discounted_order_count,
        cast(orders_by_customer.gift_order_count as bigint) as gift_order_count,
        cast(gaps_by_customer.median_gap_days as {{ type_double() }}) as median_gap_days,
        cast(gaps_by_customer.mean_gap_days as {{ type_double() }}) as mean_gap_days,
        cast(gaps_by_customer.median_gap_days_before_last as {{ type_double() }}) as median_gap_days_before_last,
        cast(coalesce(gaps_by_customer.order_day_count_before_last, 0) as bigint) as order_day_count_before_last,
        gaps_by_customer.last_ordered_on_before_last

    from orders_by_customer

    left join gaps_by_customer
        on orders_by_customer.customer_id = gaps_by_customer.customer_id

    left join first_valid_orders
        on
            orders_by_customer.customer_id = first_valid_orders.customer_id
            and first_valid_orders.order_rank = 1

)

select * from customer_orders
