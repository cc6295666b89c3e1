{# Grain: one row per customer: RFM scores of buyers, the tier of everybody. #}

with

customers as (

    select
        customer_id,
        as_of_date,
        order_count,
        recency_days,
        net_revenue_amount

    from {{ ref('customer_facts') }}

),

tiers as (

    select
        recency_score,
        fm_score,
        rfm_tier

    from {{ ref('rfm_tiers') }}

),

ranked_buyers as (

    select
        customer_id,
        count(*) over () as buyer_count,
        rank() over (order by recency_days desc) as recency_rank,
        rank() over (order by order_count) as frequency_rank,
        rank() over (order by net_revenue_amount) as monetary_rank

    from customers

    where order_count > 0

),

scored_buyers as (

    select
        customer_id,
        {{ rank_score('recency_rank', 'buyer_count') }} as recency_score,
        {{ rank_score('frequency_rank', 'buyer_count') }} as frequency_score,
        {{ rank_score('monetary_rank', 'buyer_count') }} as monetary_score

    from ranked_buyers

),

scored_buyers_with_fm as (

    select
        customer_id,
        recency_score,
        frequency_score,
        monetary_score,
        -- The mean of the two, rounded half up.
        cast(floor((frequency_score + monetary_score + 1) / 2.0) as integer) as fm_score

    from scored_buyers

),

scores as (

    select
        customers.customer_id,
        customers.as_of_date,
        scored_buyers_with_fm.recency_score,
        scored_buyers_with_fm.frequency_score,
        scored_buyers_with_fm.monetary_score,
        scored_buyers_with_fm.fm_score,
        case
            when scored_buyers_with_fm.customer_id is null then 'prospects'
            else tiers.rfm_tier
        end as rfm_tier

    from customers

    left join scored_buyers_with_fm
        on customers.customer_id = scored_buyers_with_fm.customer_id

    left join tiers
        on
            scored_buyers_with_fm.recency_score = tiers.recency_score
            and scored_buyers_with_fm.fm_score = tiers.fm_score

)

select * from scores
