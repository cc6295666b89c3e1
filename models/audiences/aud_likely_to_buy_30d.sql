{# Grain: one row per customer in the ad segment of that name. #}

with

members as (

    {{ ad_segment('likely_to_buy_30d') }}

)

select
    'likely_to_buy_30d' as audience,
    customer_id

from members
