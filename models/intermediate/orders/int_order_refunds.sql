{# Grain: one row per refund given before the as-of date on an order that exists, in the reporting currency. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

refunds as (

    select
        refund_id,
        order_id,
        line_number,
        refund_amount,
        quantity,
        refunded_at

    from {{ ref('stg_shop__refunds') }}

),

orders as (

    select
        order_id,
        ordered_at

    from {{ ref('stg_shop__orders') }}

),

order_lines as (

    select
        order_id,
        line_number

    from {{ ref('stg_shop__order_lines') }}

    where quantity <> 0

),

foreign_orders as (

    select
        order_id,
        exchange_rate

    from {{ ref('int_foreign_orders') }}

),

refunds_of_orders as (

    select
        refunds.refund_id,
        refunds.order_id,
        -- A refund of a line that is not there, or was withdrawn, is a refund of the order.
        order_lines.line_number,
        case when order_lines.line_number is not null then coalesce(refunds.quantity, 0) else 0 end
            as returned_quantity,
        {{ converted('refunds.refund_amount') }} as refund_amount,
        refunds.refund_amount as amount_in_order_currency,
        refunds.refunded_at

    from refunds

    inner join as_of
        on refunds.refunded_at < as_of.as_of_at

    inner join orders
        on
            refunds.order_id = orders.order_id
            and as_of.as_of_at > orders.ordered_at

    left join order_lines
        on
            refunds.order_id = order_lines.order_id
            and refunds.line_number = order_lines.line_number

    left join foreign_orders
        on refunds.order_id = foreign_orders.order_id

)

select * from refunds_of_orders
