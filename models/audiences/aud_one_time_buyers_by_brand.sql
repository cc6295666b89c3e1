{# Grain: one row per brand of the seed interests and one-time buyer likely to buy it. #}

with

interests as (

    select
        interest,
        item

    from {{ ref('int_interests') }}

    where kind = 'brand'

),

predicted as (

    select
        interest,
        customer_id,
        purchase_probability_90d

    from {{ ref('pred_interested_in') }}

    where
        capture_share <= 0.7
        and customer_id in {{ importance('one_time') }}

)

select
    'one_time_buyers_by_brand:' || interests.item as audience,
    predicted.customer_id,
    predicted.purchase_probability_90d as value

from interests

inner join predicted
    on interests.interest = predicted.interest
