{# Grain: one row per snapshot and customer. Scoring: all buyers; at past dates a fixed random sample of them. #}

with

snapshots as (

    select * from {{ ref('int_affinity_snapshots') }}

),

customer_days as (

    select distinct
        customer_id,
        ordered_on

    from {{ ref('int_affinity_purchases') }}

    where kind = 'product'

),

order_days as (

    select
        customer_days.customer_id,
        customer_days.ordered_on,
        snapshots.snapshot_on,
        snapshots.snapshot_role,
        snapshots.has_season,
        customer_days.ordered_on < snapshots.snapshot_on as is_before,
        customer_days.ordered_on >= snapshots.season_from_on
        and customer_days.ordered_on < snapshots.season_until_on as is_in_season,
        {{ days_between('customer_days.ordered_on', 'snapshots.snapshot_on') }} as age_days

    from customer_days

    inner join snapshots
        on customer_days.ordered_on < snapshots.labels_until_on

),

customers as (

    select
        snapshot_on,
        snapshot_role,
        customer_id,
        count(*) filter (where is_before) as order_day_count,
        min(age_days) filter (where is_before) as recency_days,
        max(age_days) filter (where is_before) as tenure_days,
        count(*) filter (where is_before and age_days <= 90) as order_days_90d,
        count(*) filter (where is_before and age_days <= 365) as order_days_365d,
        case when has_season then count(*) filter (where is_before and is_in_season) end as season_order_day_count,
        count(*) filter (where not is_before) > 0 as is_buyer

    from order_days

    group by
        snapshot_on,
        snapshot_role,
        has_season,
        customer_id

),

earlier_buyers as (

    select
        customers.*,
        row_number() over (
            partition by snapshot_on
            order by {{ dbt.hash("customer_id || '-affinity'") }}, customer_id
        ) as random_rank

    from customers

    where order_day_count > 0

),

sampled as (

    select
        snapshot_on,
        snapshot_role,
        customer_id,
        random_rank,
        mod(random_rank, {{ var('affinity_buckets') }}) as customer_bucket,
        order_day_count,
        recency_days,
        tenure_days,
        (tenure_days - recency_days) / cast(nullif(order_day_count - 1, 0) as {{ type_double() }}) as mean_gap_days,
        order_days_90d,
        order_days_365d,
        season_order_day_count,
        -- Unknown until the horizon has passed.
        case when snapshot_role <> 'scoring' then is_buyer end as is_buyer

    from earlier_buyers

    where
        snapshot_role = 'scoring'
        or random_rank <= {{ var('affinity_training_customers') }}

)

select * from sampled
