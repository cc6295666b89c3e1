{# Grain: one row per customer in the ad segment of that name. #}

with

members as (

    {{ ad_segment('sale_shoppers') }}

)

select
    'sale_shoppers' as audience,
    customer_id

from members
