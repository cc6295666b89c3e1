{# Grain: one row per order line, its money in the reporting currency. #}
{{ config(materialized='view') }}

with

lines as (

    select
        order_id,
        line_number,
        product_id,
        quantity,
        {{ multiplied('quantity', 'unit_price') }} as gross_amount,
        discount_amount

    from {{ ref('stg_shop__order_lines') }}

    -- A line of nothing was withdrawn by a later load of its order.
    where quantity <> 0

),

foreign_orders as (

    select
        order_id,
        exchange_rate

    from {{ ref('int_foreign_orders') }}

),

line_amounts as (

    select
        lines.order_id,
        lines.line_number,
        lines.product_id,
        lines.quantity,
        {{ converted('lines.gross_amount') }} as gross_amount,
        {{ converted('lines.discount_amount') }} as discount_amount,
        lines.gross_amount - lines.discount_amount as amount_in_order_currency

    from lines

    left join foreign_orders
        on lines.order_id = foreign_orders.order_id

)

select * from line_amounts
