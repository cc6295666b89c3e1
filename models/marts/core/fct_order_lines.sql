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

line_amounts as (

    select * from {{ ref('int_order_line_amounts') }}

),

line_refunds as (

    select * from {{ ref('int_line_refunds') }}

),

order_lines as (

    select
        orders.order_id,
        line_amounts.line_number,
        orders.customer_id,
        line_amounts.product_id,
        orders.currency_code,
        orders.ordered_at,
        orders.ordered_on,
        orders.is_valid,
        line_amounts.quantity as unit_count,
        cast(line_amounts.quantity - coalesce(line_refunds.returned_quantity, 0) as numeric(18, 4)) as net_unit_count,
        line_amounts.gross_amount,
        line_amounts.discount_amount,
        cast(coalesce(line_refunds.refund_amount, 0) as numeric(18, 4)) as refund_amount,
        cast(
            line_amounts.gross_amount - line_amounts.discount_amount - coalesce(line_refunds.refund_amount, 0)
            as numeric(18, 4)
        ) as net_amount

    from line_amounts

    inner join orders
        on line_amounts.order_id = orders.order_id

    left join line_refunds
        on
            line_amounts.order_id = line_refunds.order_id
            and line_amounts.line_number = line_refunds.line_number

)

select * from order_lines
