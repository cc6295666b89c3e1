{# Grain: one row per customer and category she bought from. #}
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    on_schema_change='fail',
    pre_hook="{{ delete_changed('customer_id') }}",
    post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"],
) }}

with

-- The orders that count come first: joining all lines before would cost a daily build most of its time here.
orders as (

    select
        order_id,
        customer_id

    from {{ ref('fct_orders') }}

    where
        is_valid
        and customer_id is not null
        {{ changed_only('customer_id', clause='and') }}

),

line_nets as (

    select
        order_id,
        product_id,
        net_unit_count,
        net_amount

    from {{ ref('int_order_line_nets') }}

),

products as (

    select
        product_id,
        category

    from {{ ref('int_existing_products') }}

),

lines_with_category as (

    select
        orders.customer_id,
        orders.order_id,
        coalesce(products.category, 'uncategorised') as category,
        line_nets.net_unit_count,
        line_nets.net_amount

    from line_nets

    inner join orders
        on line_nets.order_id = orders.order_id

    left join products
        on line_nets.product_id = products.product_id

),

-- Orders first, so that counting them needs no `count(distinct …)`, which keeps every order id of every group.
categories_by_order as (

    select
        customer_id,
        order_id,
        category,
        sum(net_unit_count) as net_unit_count,
        sum(net_amount) as net_amount

    from lines_with_category

    group by
        customer_id,
        order_id,
        category

),

categories_by_customer as (

    select
        customer_id,
        category,
        count(*) as order_count,
        sum(net_unit_count) as net_unit_count,
        sum(net_amount) as net_amount

    from categories_by_order

    group by
        customer_id,
        category

),

categories_with_total as (

    select
        customer_id,
        category,
        order_count,
        net_unit_count,
        net_amount,
        sum(net_amount) over (partition by customer_id) as customer_net_amount

    from categories_by_customer

),

category_facts as (

    select
        customer_id,
        category,
        cast(order_count as bigint) as order_count,
        cast(net_unit_count as numeric(18, 4)) as net_unit_count,
        cast(net_amount as numeric(18, 4)) as net_amount,
        cast(net_amount as {{ type_double() }}) / nullif(cast(customer_net_amount as {{ type_double() }}), 0) as spend_share,
        net_unit_count >= 1 as is_buyer,
        net_unit_count >= 1
        and net_amount >= cast({{ var('core_category_share') }} as {{ type_double() }})
        * cast(customer_net_amount as {{ type_double() }}) as is_core

    from categories_with_total

)

select * from category_facts
