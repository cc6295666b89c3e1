{# Grain: one row per sampled buyer and past snapshot day before which she had bought: features then, and what she did next. #}
-- A view: only a build that trains reads it.
{{ config(materialized='view') }}

with

purchase_days as (

    select * from {{ ref('int_purchase_days') }}

),

snapshots as (

    select
        snapshot_on,
        days_ago

    from {{ ref('int_prediction_dates') }}

    where snapshot_role = 'training'

),

snapshot_counts as (

    select count(*) as snapshot_count from snapshots

),

buyers as (

    select
        customer_id,
        min(ordered_on) as first_ordered_on

    from purchase_days

    group by customer_id

),

-- By a hash of the id: the same customers in every build, and none is preferred.
shuffled_buyers as (

    select
        customer_id,
        first_ordered_on,
        row_number() over (order by {{ dbt.hash('customer_id') }}, customer_id) as shuffled_rank

    from buyers

),

sampled_buyers as (

    select
        shuffled_buyers.customer_id,
        shuffled_buyers.first_ordered_on

    from shuffled_buyers

    cross join snapshot_counts

    where
        shuffled_buyers.shuffled_rank * snapshot_counts.snapshot_count
        <= {{ var('prediction_training_rows') }} + snapshot_counts.snapshot_count - 1

),

pairs as (

    select
        sampled_buyers.customer_id,
        snapshots.snapshot_on,
        snapshots.days_ago

    from sampled_buyers

    inner join snapshots
        on sampled_buyers.first_ordered_on < snapshots.snapshot_on

),

sampled_days as (

    select purchase_days.*

    from purchase_days

    inner join sampled_buyers
        on purchase_days.customer_id = sampled_buyers.customer_id

),

features as (

    {{ purchase_history_features('pairs', 'sampled_days') }}

),

outcomes as (

    select
        pairs.customer_id,
        pairs.snapshot_on,
        pairs.days_ago,
        {%- for horizon in [30, 90, 365] %}
        count(
            case
                when sampled_days.ordered_on < {{ add_days('pairs.snapshot_on', horizon) }} then 1
            end
        ) as order_days_next_{{ horizon }}d,
        cast(coalesce(sum(
            case
                when sampled_days.ordered_on < {{ add_days('pairs.snapshot_on', horizon) }}
                    then cast(round(sampled_days.net_amount * 100) as bigint)
            end
        ), 0) as bigint) as net_cents_next_{{ horizon }}d,
        {%- endfor %}
        cast(
            min({{ days_between('pairs.snapshot_on', 'sampled_days.ordered_on') }}) as integer
        ) as days_to_next_order

    from pairs

    left join sampled_days
        on
            pairs.customer_id = sampled_days.customer_id
            and pairs.snapshot_on <= sampled_days.ordered_on

    group by
        pairs.customer_id,
        pairs.snapshot_on,
        pairs.days_ago

),

-- What is not over yet is unknown: a window that ends after the as-of date has no outcome.
training as (

    select
        features.*,
        outcomes.days_ago,
        {%- for horizon in [30, 90, 365] %}
        case when outcomes.days_ago >= {{ horizon }} then outcomes.order_days_next_{{ horizon }}d end
            as order_days_next_{{ horizon }}d,
        case when outcomes.days_ago >= {{ horizon }} then outcomes.net_cents_next_{{ horizon }}d end
            as net_cents_next_{{ horizon }}d,
        {%- endfor %}
        outcomes.days_to_next_order

    from features

    inner join outcomes
        on
            features.customer_id = outcomes.customer_id
            and features.snapshot_on = outcomes.snapshot_on

)

select * from training
