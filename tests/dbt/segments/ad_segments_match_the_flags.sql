{# customer_segments and customer_ad_segments say the same about everybody. Red when one of the two reads another rule
   than the other. #}

{%- set flags = {
    'is_best_customer': 'best_customers',
    'is_sale_shopper': 'sale_shoppers',
    'is_full_price_shopper': 'full_price_shoppers',
    'is_gift_buyer': 'gift_buyers',
    'is_disengaged': 'disengaged',
    'is_peak_season_buyer': 'peak_season_buyers',
    'is_likely_to_buy_30d': 'likely_to_buy_30d',
    'is_likely_high_order_value': 'likely_high_order_value',
} %}

with

flagged as (

    select
        customer_id,
        'all_customers' as ad_segment

    from {{ ref('customer_segments') }}

    where order_count > 0
    {% for flag, ad_segment in flags.items() %}
    union all

    select
        customer_id,
        '{{ ad_segment }}' as ad_segment

    from {{ ref('customer_segments') }}

    where {{ flag }}
    {% endfor %}
),

listed as (

    select
        customer_id,
        ad_segment

    from {{ ref('customer_ad_segments') }}

    where ad_segment not like 'category_buyers:%'

),

differences as (

    select
        flagged.ad_segment as flagged_ad_segment,
        listed.ad_segment as listed_ad_segment,
        coalesce(flagged.customer_id, listed.customer_id) as customer_id

    from flagged

    full outer join listed
        on
            flagged.customer_id = listed.customer_id
            and flagged.ad_segment = listed.ad_segment

    where
        flagged.customer_id is null
        or listed.customer_id is null

)

select * from differences
