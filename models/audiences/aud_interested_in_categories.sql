{# Grain: one row per category of the seed interests and customer likely to buy in it. #}

with

interests as (

    select
        interest,
        item

    from {{ ref('int_interests') }}

    where kind = 'category'

),

predicted as (

    select
        interest,
        customer_id,
        purchase_probability_90d

    from {{ ref('pred_interested_in') }}

    where capture_share <= 0.7

)

select
    'interested_in_categories:' || interests.item as audience,
    predicted.customer_id,
    predicted.purchase_probability_90d as value

from interests

inner join predicted
    on interests.interest = predicted.interest
