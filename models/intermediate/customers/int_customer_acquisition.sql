{# Grain: one row per customer: the channel that brought her, and the day of her first valid order. #}
{{ config(materialized='view') }}

with

customers as (

    select
        customer_id,
        profile_acquisition_channel

    from {{ ref('dim_customers') }}

),

customer_orders as (

    select
        customer_id,
        first_order_channel,
        first_ordered_on

    from {{ ref('int_customer_orders') }}

),

acquisition as (

    select
        customers.customer_id,
        coalesce(customers.profile_acquisition_channel, customer_orders.first_order_channel) as acquisition_channel,
        customer_orders.first_ordered_on

    from customers

    left join customer_orders
        on customers.customer_id = customer_orders.customer_id

)

select * from acquisition
