{# Grain: one row per customer in the ad segment of that name. #}

with

members as (

    {{ ad_segment('full_price_shoppers') }}

)

select
    'full_price_shoppers' as audience,
    customer_id

from members
