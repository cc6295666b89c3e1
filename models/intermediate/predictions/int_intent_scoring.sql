{# Grain: one row per customer: what her purchases before the as-of date say, in the columns of int_intent_training. #}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

customers as (

    select customer_id from {{ ref('dim_customers') }}

),

purchase_days as (

    select * from {{ ref('int_purchase_days') }}

),

customer_orders as (

    select
        customer_id,
        order_count,
        order_day_count,
        net_amount,
        margin_amount

    from {{ ref('int_customer_orders') }}

),

pairs as (

    select distinct
        purchase_days.customer_id,
        as_of.as_of_date as snapshot_on

    from purchase_days

    cross join as_of

),

features as (

    {{ purchase_history_features('pairs', 'purchase_days') }}

),

scoring as (

    select
        customers.customer_id,
        as_of.as_of_date as snapshot_on,
        {%- for column in purchase_history_columns() %}
        features.{{ column }},
        {%- endfor %}
        coalesce(customer_orders.order_day_count, 0) as valid_order_day_count,
        coalesce(customer_orders.net_amount, 0) as net_revenue_amount,
        customer_orders.margin_amount as gross_margin_amount

    from customers

    cross join as_of

    left join features
        on customers.customer_id = features.customer_id

    left join customer_orders
        on customers.customer_id = customer_orders.customer_id

)

select * from scoring
