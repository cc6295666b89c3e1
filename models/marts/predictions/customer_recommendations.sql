{# Grain: one row per customer and rank: products in stock to show her in an e-mail, varied over categories. #}
{#-
    Reads `pred_product_affinity` (customer × kind × item). Left out: what is off sale or out of stock, what the shop tags as gift
    wrap or a gift card, and what she has bought unless it is used up. A product is used up when at least `consumable_repeat_share`
    of its buyers came back for it (learnt, with five buyers of doubt at the shop's own share); and then only once a half of its
    usual gap has passed.
-#}

with

snapshot as (

    select snapshot_on

    from {{ ref('int_affinity_snapshots') }}

    where snapshot_role = 'scoring'

),

affinities as (

    select
        customer_id,
        item as product_id,
        score,
        purchase_probability_90d,
        reason,
        rank as affinity_rank

    from {{ ref('pred_product_affinity') }}

    where kind = 'product'

),

products as (

    select
        product_id,
        category

    from {{ ref('dim_products') }}

    where
        coalesce(is_active, true)
        and coalesce(is_in_stock, true)
        and not {{ has_tag("',' || tags || ','", var('gift_wrap_tags') | list + var('gift_card_tags') | list) }}

),

item_facts as (

    select
        items.item as product_id,
        item_facts.item_key,
        item_facts.repeat_share,
        item_facts.buyer_count,
        item_facts.typical_gap_days

    from {{ ref('int_affinity_item_facts') }} as item_facts

    inner join snapshot
        on item_facts.snapshot_on = snapshot.snapshot_on

    inner join {{ ref('int_affinity_items') }} as items
        on item_facts.item_key = items.item_key

    where item_facts.kind = 'product'

),

shop as (

    select sum(repeat_share * buyer_count) / sum(buyer_count) as repeat_share from item_facts

),

consumables as (

    select
        item_facts.product_id,
        item_facts.item_key,
        item_facts.typical_gap_days,
        (item_facts.repeat_share * item_facts.buyer_count + 5 * shop.repeat_share) / (item_facts.buyer_count + 5)
        >= {{ var('consumable_repeat_share') }} as is_consumable

    from item_facts

    cross join shop

),

customer_items as (

    select
        customer_items.customer_id,
        customer_items.item_key,
        customer_items.days_since_item

    from {{ ref('int_affinity_customer_items') }} as customer_items

    inner join snapshot
        on customer_items.snapshot_on = snapshot.snapshot_on

    where customer_items.kind = 'product'

),

eligible as (

    select
        affinities.*,
        -- Without a category each product is its own, so that a shop without categories loses nothing.
        coalesce(products.category, affinities.product_id) as category

    from affinities

    inner join products
        on affinities.product_id = products.product_id

    inner join consumables
        on affinities.product_id = consumables.product_id

    left join customer_items
        on
            affinities.customer_id = customer_items.customer_id
            and consumables.item_key = customer_items.item_key

    where
        customer_items.item_key is null
        or (
            consumables.is_consumable
            and customer_items.days_since_item >= 0.5 * consumables.typical_gap_days
        )

),

ranked_in_category as (

    select
        eligible.*,
        row_number() over (partition by customer_id, category order by affinity_rank) as rank_in_category

    from eligible

),

ranked as (

    select
        ranked_in_category.*,
        row_number() over (partition by customer_id order by affinity_rank) as recommendation_rank

    from ranked_in_category

    where rank_in_category <= {{ var('recommendations_per_category') }}

),

customer_recommendations as (

    select
        customer_id,
        cast(recommendation_rank as bigint) as recommendation_rank,
        product_id,
        score,
        purchase_probability_90d,
        reason

    from ranked

    where recommendation_rank <= {{ var('recommendation_count') }}

)

select * from customer_recommendations
