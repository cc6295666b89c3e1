{# Grain: one row per customer with a changed order, under the id before the change and the one after it. #}
{{ config(materialized='view') }}

with

changed_orders as (

    select
        customer_id,
        customer_id_before

    from {{ ref('int_changed_orders') }}

),

customers as (

    select customer_id from changed_orders where customer_id is not null
    union
    select customer_id_before as customer_id from changed_orders where customer_id_before is not null

)

select * from customers
