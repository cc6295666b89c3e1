{# Grain: one row per line of an order placed before the as-of date. #}
-- A view: its lines stand once, in stg_shop__order_lines; storing them again costs as much as the rest of the build.
{{ config(materialized='view') }}

with

orders as (

    select
        order_id,
        customer_id,
        currency_code,
        ordered_at,
        ordered_on,
        is_valid

    from {{ ref('fct_orders') }}

),

line_nets as (

    select * from {{ ref('int_order_line_nets') }}

),

order_lines as (

    select
        orders.order_id,
        line_nets.line_number,
        orders.customer_id,
        line_nets.product_id,
        orders.currency_code,
        orders.ordered_at,
        orders.ordered_on,
        orders.is_valid,
        line_nets.unit_count,
        line_nets.net_unit_count,
        line_nets.gross_amount,
        line_nets.discount_amount,
        line_nets.refund_amount,
        line_nets.net_amount

    from line_nets

    inner join orders
        on line_nets.order_id = orders.order_id

)

select * from order_lines
