{# Grain: one row per customer who ordered once or twice, for little, and went. #}

with

members as (

    {{ persona('just_passing_through') }}

    intersect

    {{ consented('email') }}

)

select
    'winback_just_passing_through' as audience,
    customer_id

from members
