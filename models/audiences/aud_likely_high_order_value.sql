{# Grain: one row per customer in the ad segment of that name. #}

with

members as (

    {{ ad_segment('likely_high_order_value') }}

)

select
    'likely_high_order_value' as audience,
    customer_id

from members
