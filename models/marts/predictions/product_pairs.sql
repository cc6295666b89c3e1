{# Grain: one row per product and other product that at least `pair_minimum_support` customers bought as well. #}

with

first_purchases as (

    select
        customer_id,
        item_key,
        ordered_on

    from {{ ref('int_affinity_purchases') }}

    where
        kind = 'product'
        and purchase_number = 1

),

-- A product without the support can be in no pair with it: most of a long tail never reaches the join.
buyers_of_products as (

    select
        item_key,
        count(*) as buyer_count

    from first_purchases

    group by item_key

    having count(*) >= {{ var('pair_minimum_support') }}

),

buyers as (

    select cast(count(distinct customer_id) as {{ type_double() }}) as buyer_count from first_purchases

),

-- Of who buys everything, the newest so many products; of all customers, a fixed random sample.
ranked_purchases as (

    select
        first_purchases.customer_id,
        first_purchases.item_key,
        first_purchases.ordered_on,
        row_number() over (
            partition by first_purchases.customer_id
            order by first_purchases.ordered_on desc, first_purchases.item_key asc
        ) as product_rank,
        dense_rank() over (
            order by {{ dbt.hash("first_purchases.customer_id || '-pairs'") }}, first_purchases.customer_id
        ) as random_rank

    from first_purchases

    inner join buyers_of_products
        on first_purchases.item_key = buyers_of_products.item_key

),

purchases as (

    select
        customer_id,
        item_key,
        ordered_on

    from ranked_purchases

    where
        product_rank <= {{ var('pair_products_per_customer') }}
        and random_rank <= {{ var('pair_customers') }}

),

-- Among the same rows in which pairs are counted: a share of all buyers would set a sample against a whole.
counted_buyers as (

    select
        item_key,
        cast(count(*) as {{ type_double() }}) as buyer_count

    from purchases

    group by item_key

),

sampled as (

    select
        least({{ var('pair_customers') }}, max(random_rank)) / cast(max(random_rank) as {{ type_double() }}) as sample_share

    from ranked_purchases

),

-- Each pair once, as (lower, higher): half the rows of the widest step.
pairs as (

    select
        purchases.item_key,
        other_purchases.item_key as other_key,
        count(*) as both_count,
        {{ median_of(days_between('purchases.ordered_on', 'other_purchases.ordered_on')) }} as median_days

    from purchases

    inner join purchases as other_purchases
        on
            purchases.customer_id = other_purchases.customer_id
            and purchases.item_key < other_purchases.item_key

    group by
        purchases.item_key,
        other_purchases.item_key

    having count(*) >= {{ var('pair_minimum_support') }}

),

directed_pairs as (

    select
        item_key,
        other_key,
        both_count,
        median_days as median_days_between

    from pairs

    union all

    select
        other_key as item_key,
        item_key as other_key,
        both_count,
        0 - median_days as median_days_between

    from pairs

),

rated_pairs as (

    select
        directed_pairs.item_key,
        directed_pairs.other_key,
        directed_pairs.both_count / sampled.sample_share as both_count,
        directed_pairs.both_count / bought.buyer_count as confidence,
        directed_pairs.both_count * (buyers.buyer_count * sampled.sample_share)
        / (bought.buyer_count * other.buyer_count) as lift,
        directed_pairs.median_days_between

    from directed_pairs

    cross join sampled

    cross join buyers

    inner join counted_buyers as bought
        on directed_pairs.item_key = bought.item_key

    inner join counted_buyers as other
        on directed_pairs.other_key = other.item_key

),

ranked_pairs as (

    select
        rated_pairs.*,
        row_number() over (
            partition by item_key
            order by confidence * ln(1 + lift) desc, other_key asc
        ) as pair_rank

    from rated_pairs

),

product_pairs as (

    select
        bought.item as product_id,
        other.item as other_product_id,
        cast(ranked_pairs.both_count as bigint) as support_count,
        cast(ranked_pairs.confidence as {{ type_double() }}) as confidence_share,
        cast(ranked_pairs.lift as {{ type_double() }}) as lift,
        cast(ranked_pairs.median_days_between as {{ type_double() }}) as median_days_between,
        cast(ranked_pairs.pair_rank as bigint) as pair_rank

    from ranked_pairs

    inner join {{ ref('int_affinity_items') }} as bought
        on ranked_pairs.item_key = bought.item_key

    inner join {{ ref('int_affinity_items') }} as other
        on ranked_pairs.other_key = other.item_key

    where ranked_pairs.pair_rank <= {{ var('pair_top') }}

)

select * from product_pairs
