{# What a customer's categories bring is what she brought: every line of her valid orders is in exactly one of them. #}

with

categories as (

    select
        customer_id,
        sum(net_amount) as net_amount

    from {{ ref('customer_category_facts') }}

    group by customer_id

),

facts as (

    select
        customer_id,
        net_revenue_amount

    from {{ ref('customer_facts') }}

)

select
    facts.customer_id,
    facts.net_revenue_amount,
    categories.net_amount

from facts

full outer join categories
    on facts.customer_id = categories.customer_id

where coalesce(facts.net_revenue_amount, -1) <> coalesce(categories.net_amount, 0)
