{# Grain: one row per buyer who is lost by her own rhythm. #}

with

members as (

    {{ lifecycle('lost') }}

)

select
    'lost_buyers' as audience,
    customer_id

from members
