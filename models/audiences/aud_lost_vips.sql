{# Grain: one row per VIP who is lost by her own rhythm. #}

with

members as (

    {{ importance('vip') }}

    intersect

    {{ lifecycle('lost') }}

)

select
    'lost_vips' as audience,
    customer_id

from members
