{# Grain: one row per customer, buyers or not. #}
-- A view: customer_segments stores these words, and a second copy would be written anew by every daily build.
{{ config(materialized='view') }}

with

facts as (

    select
        customer_id,
        as_of_date,
        currency_code,
        created_on,
        order_count,
        recency_days,
        last_ordered_at,
        last_ordered_on,
        average_order_amount,
        engagement_count_90d,
        engagement_count_lifetime,
        last_engaged_at,
        last_engaged_on,
        nth_last_engaged_on,
        site_intent_count_90d,
        last_site_intent_on

    from {{ ref('customer_facts') }}

),

customer_value as (

    select
        customer_id,
        shop_average_order_amount,
        is_above_average,
        above_average_turns_on

    from {{ ref('int_customer_value') }}

),

-- How a customer stands today on each of the questions the personas ask.
answers as (

    select
        facts.*,
        customer_value.shop_average_order_amount,
        customer_value.above_average_turns_on,
        coalesce(customer_value.is_above_average, false) as is_above_average,
        facts.order_count >= {{ var('frequent_orders') }} as is_frequent,
        facts.recency_days <= {{ var('recent_purchase_days') }} as is_recent,
        facts.recency_days <= {{ var('just_passing_from_days') }} as is_not_yet_passing,
        facts.recency_days > {{ var('lapsed_purchase_days') }}
        and coalesce(facts.engagement_count_90d, 0) = 0 as is_gone,
        coalesce({{ days_between('facts.created_on', 'facts.as_of_date') }} < {{ var('too_new_days') }}, false)
            as is_too_new

    from facts

    left join customer_value
        on facts.customer_id = customer_value.customer_id

),

named as (

    select
        answers.*,
        case
            when order_count = 0 and site_intent_count_90d >= 1 then 'window_shopper'
            when order_count = 0 and engagement_count_90d >= {{ var('frequent_engagements') }} then 'almost_there'
            when order_count = 0 and engagement_count_90d >= 1 then 'waiting_for_wows'
            when order_count = 0 and engagement_count_lifetime >= {{ var('frequent_engagements') }} then 'false_start'
            when order_count = 0 and is_too_new then 'too_new'
            when order_count = 0 or is_gone then 'dead_weight'
            when is_frequent and is_recent and is_above_average then 'high_roller'
            when is_frequent and is_recent then 'brand_enthusiast'
            when is_frequent and is_above_average then 'lapsed_high_roller'
            when is_frequent then 'lapsed_enthusiast'
            when is_recent and is_above_average then 'potential_high_roller'
            when is_above_average then 'one_hit_wonder'
            when is_recent or is_not_yet_passing then 'potential_brand_enthusiast'
            else 'just_passing_through'
        end as persona,
        -- The days on which time alone answers one of the questions differently.
        {{ first_day_beyond('last_ordered_on', var('recent_purchase_days')) }} as stops_being_recent_on,
        {{ first_day_beyond('last_ordered_on', [var('recent_purchase_days') | int, var('just_passing_from_days') | int] | max) }}
            as starts_passing_on,
        greatest(
            {{ first_day_beyond('last_ordered_on', var('lapsed_purchase_days')) }},
            {{ first_day_beyond('last_engaged_on', var('recent_engagement_days')) }}
        ) as gone_on,
        {{ first_day_beyond('last_site_intent_on', var('recent_engagement_days')) }} as site_intent_ends_on,
        {{ first_day_beyond('nth_last_engaged_on', var('recent_engagement_days')) }} as frequent_engagement_ends_on,
        {{ first_day_beyond('last_engaged_on', var('recent_engagement_days')) }} as engagement_ends_on,
        {{ add_days('created_on', var('too_new_days')) }} as stops_being_too_new_on

    from answers

),

personas as (

    select
        customer_id,
        persona,
        case persona
            when 'window_shopper'
                then
                    'No purchase, but showed interest on the site '
                    || {{ label_count('site_intent_count_90d', 'time', 'times') }}
                    || ' in the last {{ var("recent_engagement_days") }} days.'
            when 'almost_there'
                then
                    'No purchase, but opened or clicked e-mails '
                    || {{ label_count('engagement_count_90d', 'time', 'times') }}
                    || ' in the last {{ var("recent_engagement_days") }} days.'
            when 'waiting_for_wows'
                then
                    'No purchase; opened or clicked e-mails '
                    || {{ label_count('engagement_count_90d', 'time', 'times') }}
                    || ' in the last {{ var("recent_engagement_days") }} days.'
            when 'false_start'
                then
                    'No purchase; opened or clicked e-mails '
                    || {{ label_count('engagement_count_lifetime', 'time', 'times') }}
                    || ' before, but not in the last {{ var("recent_engagement_days") }} days.'
            when 'too_new'
                then
                    'No purchase and nothing opened yet; known since '
                    || cast(created_on as {{ dbt.type_string() }}) || '.'
            else
                case
                    when order_count = 0 then 'No purchase and no sign of interest'
                    else
                        {{ label_count('order_count', 'order', 'orders') }} || ', the last '
                        || {{ label_count('recency_days', 'day', 'days') }} || ' ago, average '
                        || {{ label_amount('average_order_amount') }} || ' ' || currency_code
                        || case
                            when shop_average_order_amount is null then ''
                            when is_above_average then ' (above the shop''s '
                            else ' (not above the shop''s '
                        end
                        || coalesce({{ label_amount('shop_average_order_amount') }} || ')', '')
                end
                || case
                    when persona = 'dead_weight' and engagement_count_90d is null then '; no e-mail data.'
                    when persona = 'dead_weight'
                        then '; nothing opened in the last {{ var("recent_engagement_days") }} days.'
                    else '.'
                end
        end as persona_reason,
        case
            when persona in ('false_start', 'dead_weight') then cast(null as date)
            when persona = 'window_shopper' then site_intent_ends_on
            when persona = 'almost_there' then frequent_engagement_ends_on
            when persona = 'waiting_for_wows' then engagement_ends_on
            when persona = 'too_new' then stops_being_too_new_on
            when persona = 'potential_brand_enthusiast' then least(above_average_turns_on, starts_passing_on)
            when is_recent then least(above_average_turns_on, stops_being_recent_on)
            else least(above_average_turns_on, gone_on)
        end as persona_changes_on,
        coalesce(
            last_engaged_on >= {{ add_days('as_of_date', '-1 * ' ~ var('espresso_engagement_days')) }}
            and (last_ordered_at is null or last_ordered_at < last_engaged_at),
            false
        ) as is_espresso_shot

    from named

)

select * from personas
