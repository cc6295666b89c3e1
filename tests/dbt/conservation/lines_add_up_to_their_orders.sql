{# The lines of an order are the order: units and every amount, refunds of the whole order included. Red when a refund
   is spread so that a digit is lost, a line is doubled, or fct_orders still holds an order as it was before a
   correction. #}

with

lines as (

    select
        order_id,
        count(*) as line_count,
        sum(unit_count) as unit_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(refund_amount) as refund_amount,
        sum(net_amount) as net_amount

    from {{ ref('fct_order_lines') }}

    group by order_id

),

orders as (

    select
        order_id,
        line_count,
        unit_count,
        gross_amount,
        discount_amount,
        refund_amount,
        net_amount,
        order_validity

    from {{ ref('fct_orders') }}

    where line_count > 0

)

select
    coalesce(orders.order_id, lines.order_id) as order_id,
    orders.net_amount as order_net_amount,
    lines.net_amount as line_net_amount

from orders

full outer join lines
    on orders.order_id = lines.order_id

where
    coalesce(orders.line_count, -1) <> coalesce(lines.line_count, -1)
    or orders.unit_count <> lines.unit_count
    -- Without an exchange rate neither the order nor its lines have amounts.
    or (
        orders.order_validity <> 'no_exchange_rate'
        and (
            orders.gross_amount <> lines.gross_amount
            or orders.discount_amount <> lines.discount_amount
            or orders.refund_amount <> lines.refund_amount
            or orders.net_amount <> lines.net_amount
        )
    )
