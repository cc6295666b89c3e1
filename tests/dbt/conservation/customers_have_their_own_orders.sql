{# Each customer's facts are those of her own orders, and her categories add up to what she paid. Red when an
   incremental build leaves a customer with the orders of before a merge, or a line falls out of the categories. #}

with

orders as (

    select
        customer_id,
        net_amount

    from {{ ref('fct_orders') }}

    where
        is_valid
        and customer_id is not null

),

orders_by_customer as (

    select
        customer_id,
        count(*) as order_count,
        sum(net_amount) as net_amount

    from orders

    group by customer_id

),

categories_by_customer as (

    select
        customer_id,
        sum(net_amount) as net_amount

    from {{ ref('customer_category_facts') }}

    group by customer_id

),

customers as (

    select
        customer_id,
        order_count,
        net_revenue_amount

    from {{ ref('customer_facts') }}

),

compared as (

    select
        coalesce(
            customers.customer_id, orders_by_customer.customer_id, categories_by_customer.customer_id
        ) as customer_id,
        customers.order_count,
        customers.net_revenue_amount,
        coalesce(orders_by_customer.order_count, 0) as own_order_count,
        coalesce(orders_by_customer.net_amount, 0) as own_net_amount,
        coalesce(categories_by_customer.net_amount, 0) as category_net_amount

    from customers

    full outer join orders_by_customer
        on customers.customer_id = orders_by_customer.customer_id

    full outer join categories_by_customer
        on customers.customer_id = categories_by_customer.customer_id

)

select *

from compared

where
    coalesce(order_count, -1) <> own_order_count
    or net_revenue_amount <> own_net_amount
    or net_revenue_amount <> category_net_amount
