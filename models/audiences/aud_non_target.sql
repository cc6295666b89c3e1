{# Grain: one row per buyer of low value who is not active. #}

with

members as (

    {{ customer_type('non_target') }}

)

select
    'non_target' as audience,
    customer_id

from members
