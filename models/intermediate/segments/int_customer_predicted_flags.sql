{# Grain: one row per buyer with predictions: which ad segments they put her in, with the numbers that decide. #}

with

facts as (

    select
        customer_id,
        currency_code

    from {{ ref('customer_facts') }}

    where order_count > 0

),

predictions as (

    select
        customer_id,
        purchase_probability_30d,
        expected_order_amount

    from {{ ref('pred_purchase_intent') }}

    where basis in ('blend', 'btyd')

),

ranked_buyers as (

    select
        facts.customer_id,
        facts.currency_code,
        predictions.purchase_probability_30d,
        predictions.expected_order_amount,
        count(*) over () as buyer_count,
        -- Whole millionths, so that the mean does not depend on the order in which doubles are added up.
        cast(
            sum(cast(round(predictions.purchase_probability_30d * 1000000) as bigint)) over () as {{ type_double() }}
        ) / (1000000 * count(*) over ()) as base_probability,
        rank() over (order by predictions.purchase_probability_30d) as probability_rank,
        rank() over (order by predictions.expected_order_amount) as amount_rank

    from facts

    inner join predictions
        on facts.customer_id = predictions.customer_id

),

percent_ranked_buyers as (

    select
        *,
        {{ percent_rank_of('probability_rank', 'buyer_count') }} as probability_percent_rank,
        {{ percent_rank_of('amount_rank', 'buyer_count') }} as amount_percent_rank,
        {{ percent_below('amount_rank', 'buyer_count') }} as amount_percent

    from ranked_buyers

),

flags as (

    select
        customer_id,
        currency_code,
        purchase_probability_30d,
        base_probability,
        expected_order_amount,
        amount_percent,
        probability_percent_rank >= {{ var('likely_buyer_percent_rank') }}
        and purchase_probability_30d > base_probability as is_likely_to_buy_30d,
        amount_percent_rank >= {{ var('likely_high_value_percent_rank') }} as is_likely_high_order_value

    from percent_ranked_buyers

)

select * from flags
