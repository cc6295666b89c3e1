{# Grain: one row per buyer of low value who is not active and allows her data in ads. #}

with

members as (

    {{ in_audience('non_target') }}

    intersect

    {{ consented('ads_user_data') }}

)

select
    'non_target_seed' as audience,
    customer_id

from members
