{# Grain: one row per customer and calendar day on which she bought, whatever was refunded later. #}
-- Predictions look back to days in the past, when a refund that came later was not known: an order that was given back
-- in full is no order today, and was one then. Statuses have no date (decision 1), so cancelled orders never were.

with

orders as (

    select
        customer_id,
        ordered_on,
        line_count,
        gross_amount - discount_amount as paid_amount,
        net_amount

    from {{ ref('fct_orders') }}

    where
        order_validity in ('valid', 'nothing_paid')
        and gross_amount - discount_amount > 0
        and customer_id is not null

),

purchase_days as (

    select
        customer_id,
        ordered_on,
        sum(line_count) as line_count,
        sum(paid_amount) as paid_amount,
        sum(net_amount) as net_amount

    from orders

    group by
        customer_id,
        ordered_on

),

days_with_neighbours as (

    select
        customer_id,
        ordered_on,
        line_count,
        paid_amount,
        net_amount,
        lag(ordered_on) over (partition by customer_id order by ordered_on) as previous_ordered_on,
        lead(ordered_on) over (partition by customer_id order by ordered_on) as next_ordered_on

    from purchase_days

),

final as (

    select
        customer_id,
        ordered_on,
        cast(line_count as bigint) as line_count,
        cast(paid_amount as {{ type_double() }}) as paid_amount,
        cast(net_amount as {{ type_double() }}) as net_amount,
        cast({{ days_between('previous_ordered_on', 'ordered_on') }} as integer) as gap_days,
        next_ordered_on

    from days_with_neighbours

)

select * from final
