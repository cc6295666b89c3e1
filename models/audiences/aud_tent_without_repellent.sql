{# Grain: one row per buyer of a tent who has no mosquito repellent. #}

with

members as (

    {{ bought(keyword='tent') }}

    except

    {{ bought(keyword='mosquito repellent') }}

)

select
    'tent_without_repellent' as audience,
    customer_id

from members
