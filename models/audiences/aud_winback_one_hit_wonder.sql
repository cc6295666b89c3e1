{# Grain: one row per customer who spent above average on one or two orders and went. #}

with

members as (

    {{ persona('one_hit_wonder') }}

    intersect

    {{ consented('email') }}

)

select
    'winback_one_hit_wonder' as audience,
    customer_id

from members
