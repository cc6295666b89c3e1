{# Grain: one row per customer who once read every e-mail and never bought. #}

with

members as (

    {{ persona('false_start') }}

    intersect

    {{ consented('email') }}

)

select
    'winback_false_start' as audience,
    customer_id

from members
