{# Grain: one row per snapshot, customer and item she had bought before it. #}

with

snapshots as (

    select * from {{ ref('int_affinity_snapshots') }}

),

customers as (

    select
        snapshot_on,
        customer_id,
        customer_bucket,
        random_rank

    from {{ ref('int_affinity_customers') }}

),

purchases as (

    select
        customers.snapshot_on,
        customers.customer_bucket,
        customers.random_rank,
        customers.customer_id,
        purchases.kind,
        purchases.item_key,
        purchases.ordered_on,
        purchases.gap_days,
        purchases.log_price,
        purchases.ordered_on >= snapshots.season_from_on
        and purchases.ordered_on < snapshots.season_until_on as is_in_season

    from customers

    inner join snapshots
        on customers.snapshot_on = snapshots.snapshot_on

    inner join {{ ref('int_affinity_purchases') }} as purchases
        on
            customers.customer_id = purchases.customer_id
            and customers.snapshot_on > purchases.ordered_on

),

customer_items as (

    select
        snapshot_on,
        customer_bucket,
        random_rank,
        customer_id,
        kind,
        item_key,
        count(*) as order_day_count,
        -- Rounded: the last bits of a sum of doubles depend on the order in which an engine adds up.
        round(sum({{ halved_by_age('ordered_on', 'snapshot_on', var('affinity_half_life_days')) }}), 6) as decayed_count,
        round(sum({{ halved_by_age('ordered_on', 'snapshot_on', 30) }}), 6) as recent_count,
        round(sum({{ halved_by_age('ordered_on', 'snapshot_on', 60) }}), 6) as weight_60d,
        round(sum({{ halved_by_age('ordered_on', 'snapshot_on', 180) }}), 6) as weight_180d,
        round(sum({{ halved_by_age('ordered_on', 'snapshot_on', 365) }}), 6) as weight_365d,
        count(*) filter (where is_in_season) as season_count,
        {{ days_between('max(ordered_on)', 'snapshot_on') }} as days_since_item,
        avg(cast(gap_days as {{ type_double() }})) as gap_days,
        round(sum(log_price), 6) / nullif(count(log_price), 0) as log_price

    from purchases

    group by
        snapshot_on,
        customer_bucket,
        random_rank,
        customer_id,
        kind,
        item_key

)

select * from customer_items
