{# Grain: one row per customer and ad segment; a customer is in many. #}
-- A view: the flags and the categories it unfolds stand in tables already.
{{ config(materialized='view') }}

with

flags as (

    select * from {{ ref('int_customer_ad_flags') }}

),

predicted_flags as (

    select * from {{ ref('int_customer_predicted_flags') }}

),

categories as (

    select
        customer_id,
        category,
        net_unit_count,
        spend_share,
        is_core

    from {{ ref('customer_category_facts') }}

    where
        is_buyer
        and category <> 'uncategorised'

),

all_customers as (

    select
        customer_id,
        'all_customers' as ad_segment,
        cast(null as boolean) as is_core,
        {{ label_count('order_count', 'order', 'orders') }} || ' so far.' as ad_segment_reason

    from flags

    where is_in_all_customers

),

best_customers as (

    select
        customer_id,
        'best_customers' as ad_segment,
        cast(null as boolean) as is_core,
        {{ label_count('order_count', 'order', 'orders') }} || ' and '
        || {{ label_amount('net_revenue_amount') }} || ' ' || currency_code
        || ', both in the top of all buyers; orders every '
        || cast(cast(round(median_gap_days, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
        || ' days, the shop''s typical wait is '
        || cast(cast(round(typical_gap_days, 1) as numeric(18, 1)) as {{ dbt.type_string() }}) || '.'
            as ad_segment_reason

    from flags

    where is_best_customer

),

sale_shoppers as (

    select
        customer_id,
        'sale_shoppers' as ad_segment,
        cast(null as boolean) as is_core,
        cast(discounted_order_count as {{ dbt.type_string() }}) || ' of '
        || {{ label_count('order_count', 'order', 'orders') }} || ' at a discount, which took '
        || cast(cast(round(100 * discount_share, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
        || '% off the full price; sale score '
        || cast(cast(round(sale_score, 2) as numeric(18, 2)) as {{ dbt.type_string() }}) || '.' as ad_segment_reason

    from flags

    where is_sale_shopper

),

full_price_shoppers as (

    select
        customer_id,
        'full_price_shoppers' as ad_segment,
        cast(null as boolean) as is_core,
        'None of ' || {{ label_count('order_count', 'order', 'orders') }} || ' was at a discount.' as ad_segment_reason

    from flags

    where is_full_price_shopper

),

gift_buyers as (

    select
        customer_id,
        'gift_buyers' as ad_segment,
        cast(null as boolean) as is_core,
        {{ label_count('gift_order_count', 'order', 'orders') }} || ' of '
        || cast(order_count as {{ dbt.type_string() }}) || ' look like gifts.' as ad_segment_reason

    from flags

    where is_gift_buyer

),

category_buyers as (

    select
        customer_id,
        'category_buyers:' || category as ad_segment,
        is_core,
        cast(cast(net_unit_count as numeric(18, 0)) as {{ dbt.type_string() }}) || ' kept from ' || category || ', '
        || cast(cast(round(100 * spend_share, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
        || '% of all spend.' as ad_segment_reason

    from categories

),

disengaged as (

    select
        customer_id,
        'disengaged' as ad_segment,
        cast(null as boolean) as is_core,
        case
            when is_silent_subscriber
                then
                    {{ label_count('email_received_count', 'e-mail', 'e-mails') }}
                    || ' received, none opened or clicked in the last {{ var("recent_engagement_days") }} days'
            else 'The last order is long ago for this customer: ' || replace(lifecycle_state, '_', ' ')
        end
        || case
            when is_silent_subscriber and is_slipping_or_lost then '; ' || replace(lifecycle_state, '_', ' ') || '.'
            else '.'
        end as ad_segment_reason

    from flags

    where is_disengaged

),

peak_season_buyers as (

    select
        customer_id,
        'peak_season_buyers' as ad_segment,
        cast(null as boolean) as is_core,
        cast(peak_order_count as {{ dbt.type_string() }}) || ' of '
        || {{ label_count('order_count', 'order', 'orders') }} || ' in a peak season.' as ad_segment_reason

    from flags

    where is_peak_season_buyer

),

likely_to_buy_30d as (

    select
        customer_id,
        'likely_to_buy_30d' as ad_segment,
        cast(null as boolean) as is_core,
        cast(cast(round(100 * purchase_probability_30d, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
        || '% likely to order within 30 days; the shop''s buyers are at '
        || cast(cast(round(100 * base_probability, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
        || '%.' as ad_segment_reason

    from predicted_flags

    where is_likely_to_buy_30d

),

likely_high_order_value as (

    select
        customer_id,
        'likely_high_order_value' as ad_segment,
        cast(null as boolean) as is_core,
        'The next order is expected at ' || {{ label_amount('expected_order_amount') }} || ' ' || currency_code
        || ', at or above ' || cast(amount_percent as {{ dbt.type_string() }}) || '% of buyers.' as ad_segment_reason

    from predicted_flags

    where is_likely_high_order_value

),

ad_segments as (

    select * from all_customers
    union all
    select * from best_customers
    union all
    select * from sale_shoppers
    union all
    select * from full_price_shoppers
    union all
    select * from gift_buyers
    union all
    select * from category_buyers
    union all
    select * from disengaged
    union all
    select * from peak_season_buyers
    union all
    select * from likely_to_buy_30d
    union all
    select * from likely_high_order_value

)

select * from ad_segments
