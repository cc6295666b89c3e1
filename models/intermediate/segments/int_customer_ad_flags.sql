{# Grain: one row per customer: which ad segments she is in, categories aside, with the numbers that decide. #}

with

facts as (

    select * from {{ ref('customer_facts') }}

),

shop as (

    select
        typical_gap_days,
        reference_discount_share

    from {{ ref('int_shop_facts') }}

),

lifecycle as (

    select
        customer_id,
        lifecycle_state

    from {{ ref('customer_lifecycle') }}

),

ranked_buyers as (

    select
        customer_id,
        count(*) over () as buyer_count,
        rank() over (order by order_count) as order_rank,
        rank() over (order by net_revenue_amount) as revenue_rank

    from facts

    where order_count > 0

),

numbers as (

    select
        facts.customer_id,
        facts.as_of_date,
        facts.currency_code,
        facts.order_count,
        facts.net_revenue_amount,
        facts.discounted_order_count,
        facts.discount_share,
        facts.gift_order_count,
        facts.peak_order_count,
        facts.is_subscribed,
        facts.email_received_count,
        facts.engagement_count_90d,
        facts.median_gap_days,
        shop.typical_gap_days,
        lifecycle.lifecycle_state,
        {{ percent_rank_of('ranked_buyers.order_rank', 'ranked_buyers.buyer_count') }} as order_percent_rank,
        {{ percent_rank_of('ranked_buyers.revenue_rank', 'ranked_buyers.buyer_count') }} as revenue_percent_rank,
        case
            when facts.order_count > 0
                then
                    -- Rounded: 0.15 / 0.4 as doubles falls short of the 3/8 it is, and a score of one half is in.
                    round(
                        cast({{ var('sale_discount_weight') }} as {{ type_double() }})
                        * case
                            -- `least` would skip a missing reference and call everybody a full discounter.
                            when shop.reference_discount_share > 0
                                then least(facts.discount_share / shop.reference_discount_share, 1)
                            else 0
                        end
                        + (1 - cast({{ var('sale_discount_weight') }} as {{ type_double() }}))
                        * (cast(facts.discounted_order_count as {{ type_double() }}) / facts.order_count),
                        14
                    )
        end as sale_score

    from facts

    cross join shop

    inner join lifecycle
        on facts.customer_id = lifecycle.customer_id

    left join ranked_buyers
        on facts.customer_id = ranked_buyers.customer_id

),

flags as (

    select
        customer_id,
        as_of_date,
        currency_code,
        order_count,
        net_revenue_amount,
        discounted_order_count,
        discount_share,
        gift_order_count,
        peak_order_count,
        email_received_count,
        median_gap_days,
        typical_gap_days,
        lifecycle_state,
        sale_score,
        order_count > 0 as is_in_all_customers,
        order_count >= {{ var('best_customer_orders') }}
        and order_percent_rank >= {{ var('best_customer_percent_rank') }}
        and revenue_percent_rank >= {{ var('best_customer_percent_rank') }}
        and coalesce(median_gap_days <= typical_gap_days, false) as is_best_customer,
        order_count >= {{ var('sale_shopper_orders') }}
        and sale_score >= {{ var('sale_shopper_score') }} as is_sale_shopper,
        order_count >= {{ var('sale_shopper_orders') }} and discounted_order_count = 0 as is_full_price_shopper,
        gift_order_count > 0 as is_gift_buyer,
        is_subscribed
        and coalesce(
            email_received_count >= {{ var('disengaged_emails') }} and engagement_count_90d = 0, false
        ) as is_silent_subscriber,
        lifecycle_state in ('slipping_away', 'lost') as is_slipping_or_lost,
        (order_count = 1 and peak_order_count = 1)
        or (
            order_count >= {{ var('peak_season_orders') }}
            and peak_order_count >= {{ var('peak_season_share') }} * order_count
        ) as is_peak_season_buyer

    from numbers

),

final as (

    select
        *,
        is_silent_subscriber or is_slipping_or_lost as is_disengaged

    from flags

)

select * from final
