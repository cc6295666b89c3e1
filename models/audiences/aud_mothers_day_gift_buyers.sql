{# Grain: one row per gift buyer who has ordered before a Mother''s Day. #}

with

members as (

    {{ ad_segment('gift_buyers') }}

    intersect

    {{ orders(in_occasion='mothers_day') }}

)

select
    'mothers_day_gift_buyers' as audience,
    customer_id

from members
