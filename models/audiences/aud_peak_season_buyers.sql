{# Grain: one row per customer in the ad segment of that name. #}

with

members as (

    {{ ad_segment('peak_season_buyers') }}

)

select
    'peak_season_buyers' as audience,
    customer_id

from members
