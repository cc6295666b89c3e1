{# Grain: one row per order line: what is left of it after its refunds. #}
{{ config(materialized='view') }}

with

line_amounts as (

    select * from {{ ref('int_order_line_amounts') }}

),

line_refunds as (

    select * from {{ ref('int_line_refunds') }}

),

line_nets as (

    select
        line_amounts.order_id,
        line_amounts.line_number,
        line_amounts.product_id,
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

    left join line_refunds
        on
            line_amounts.order_id = line_refunds.order_id
            and line_amounts.line_number = line_refunds.line_number

)

select * from line_nets
