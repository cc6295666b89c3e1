{# Grain: one row per customer who is later than her rhythm and not yet lost. #}

with

members as (

    {{ lifecycle('slipping_away') }}

)

select
    'slipping_away' as audience,
    customer_id

from members
