{# Grain: one row per buyer: her order value against the shop's, and the day on which time alone turns the answer. #}

with

buyers as (

    select
        customer_id,
        average_order_amount,
        {{ 'average_margin_amount' if var('customer_type_value') == 'margin' else 'average_order_amount' }}
            as type_value_amount

    from {{ ref('customer_facts') }}

    where order_count > 0

),

shop as (

    select
        average_order_amount,
        {{ 'average_margin_amount' if var('customer_type_value') == 'margin' else 'average_order_amount' }}
            as type_value_amount

    from {{ ref('int_shop_facts') }}

),

outlook as (

    select * from {{ ref('int_shop_value_outlook') }}

),

order_outlook as (

    select * from outlook where measure = 'order'

),

type_outlook as (

    select * from outlook where measure = '{{ 'margin' if var('customer_type_value') == 'margin' else 'order' }}'

),

judged_buyers as (

    select
        buyers.customer_id,
        buyers.average_order_amount,
        buyers.type_value_amount,
        shop.average_order_amount as shop_average_order_amount,
        shop.type_value_amount as shop_type_value_amount,
        coalesce(buyers.average_order_amount > shop.average_order_amount, false) as is_above_average,
        coalesce(buyers.type_value_amount >= shop.type_value_amount, false) as is_high_value

    from buyers

    cross join shop

),

-- The distinct amounts are far fewer than the customers, and the range joins run over them.
order_amounts as (

    select distinct average_order_amount

    from judged_buyers

),

type_amounts as (

    select distinct type_value_amount

    from judged_buyers

),

order_turns as (

    select
        order_amounts.average_order_amount,
        order_outlook.changes_on

    from order_amounts

    inner join order_outlook
        on
            (
                order_amounts.average_order_amount > order_outlook.highest_amount_before
                and order_amounts.average_order_amount <= order_outlook.highest_amount
            )
            or (
                order_amounts.average_order_amount > order_outlook.lowest_amount
                and order_amounts.average_order_amount <= order_outlook.lowest_amount_before
            )

),

type_turns as (

    select
        type_amounts.type_value_amount,
        type_outlook.changes_on

    from type_amounts

    inner join type_outlook
        on
            (
                type_amounts.type_value_amount >= type_outlook.highest_amount_before
                and type_amounts.type_value_amount < type_outlook.highest_amount
            )
            or (
                type_amounts.type_value_amount >= type_outlook.lowest_amount
                and type_amounts.type_value_amount < type_outlook.lowest_amount_before
            )

),

customer_value as (

    select
        judged_buyers.customer_id,
        judged_buyers.average_order_amount,
        judged_buyers.type_value_amount,
        judged_buyers.shop_average_order_amount,
        judged_buyers.shop_type_value_amount,
        judged_buyers.is_above_average,
        order_turns.changes_on as above_average_turns_on,
        judged_buyers.is_high_value,
        type_turns.changes_on as high_value_turns_on

    from judged_buyers

    left join order_turns
        on judged_buyers.average_order_amount = order_turns.average_order_amount

    left join type_turns
        on judged_buyers.type_value_amount = type_turns.type_value_amount

)

select * from customer_value
