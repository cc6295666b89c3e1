{# Grain: one row per customer with a valid order. #}

with

members as (

    {{ ad_segment('all_customers') }}

)

select
    'all_buyers' as audience,
    customer_id

from members
