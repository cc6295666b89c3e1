{# The valid orders and their money are all with a customer or a guest, and are the same in the table that BI reads.
   Red when an order belongs to two customers or to none, or a join on the way to customer_segments loses or repeats
   somebody. #}

{%- set marts = ['customer_facts', 'customer_segments'] %}

with

orders as (

    select
        customer_id,
        gross_amount,
        discount_amount,
        refund_amount,
        net_amount

    from {{ ref('fct_orders') }}

    where is_valid

),

guests as (

    select
        order_id,
        gross_amount,
        discount_amount,
        refund_amount,
        net_amount

    from {{ ref('fct_orders') }}

    where
        is_valid
        and is_guest_order

),

totals as (

    select
        'fct_orders' as found_in,
        count(*) as order_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(refund_amount) as refund_amount,
        sum(net_amount) as net_amount

    from orders
    {% for mart in marts %}
    union all

    select
        '{{ mart }}' as found_in,
        sum(order_count) as order_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(refund_amount) as refund_amount,
        sum(net_amount) as net_amount

    from (
        select
            order_count,
            gross_revenue_amount as gross_amount,
            discount_amount,
            refund_amount,
            net_revenue_amount as net_amount
        from {{ ref(mart) }}
        union all
        select
            1 as order_count,
            gross_amount,
            discount_amount,
            refund_amount,
            net_amount
        from guests
    ) as customers_and_guests
    {% endfor %}
),

expected as (

    select * from totals where found_in = 'fct_orders'

)

select
    totals.*,
    expected.order_count as expected_order_count,
    expected.net_amount as expected_net_amount

from totals

cross join expected

where
    coalesce(totals.order_count, 0) <> coalesce(expected.order_count, 0)
    or coalesce(totals.gross_amount, 0) <> coalesce(expected.gross_amount, 0)
    or coalesce(totals.discount_amount, 0) <> coalesce(expected.discount_amount, 0)
    or coalesce(totals.refund_amount, 0) <> coalesce(expected.refund_amount, 0)
    or coalesce(totals.net_amount, 0) <> coalesce(expected.net_amount, 0)
