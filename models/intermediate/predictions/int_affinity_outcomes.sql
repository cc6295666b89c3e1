{# Grain: one row per past snapshot, sampled customer and item she bought within the horizon after it: what there is to learn. #}

with

snapshots as (

    select * from {{ ref('int_affinity_snapshots') }}

),

customers as (

    select
        snapshot_on,
        customer_id

    from {{ ref('int_affinity_customers') }}

    where snapshot_role <> 'scoring'

),

outcomes as (

    select
        customers.snapshot_on,
        customers.customer_id,
        purchases.kind,
        purchases.item_key,
        count(*) as order_day_count

    from customers

    inner join snapshots
        on customers.snapshot_on = snapshots.snapshot_on

    inner join {{ ref('int_affinity_purchases') }} as purchases
        on
            customers.customer_id = purchases.customer_id
            and snapshots.snapshot_on <= purchases.ordered_on
            and snapshots.labels_until_on > purchases.ordered_on

    group by
        customers.snapshot_on,
        customers.customer_id,
        purchases.kind,
        purchases.item_key

)

select * from outcomes
