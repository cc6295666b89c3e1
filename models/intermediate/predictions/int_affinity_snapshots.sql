{# Grain: one row per date at which interest is learnt or scored. #}
{%- set horizon_days = 90 -%}

with

prediction_dates as (

    select
        snapshot_on,
        days_ago,
        snapshot_role,
        row_number() over (partition by snapshot_role order by days_ago) as newest_rank

    from {{ ref('int_prediction_dates') }}

    where
        snapshot_role = 'scoring'
        -- What was bought after it is known.
        or days_ago >= {{ horizon_days }}

),

first_purchase as (

    select min(ordered_on) as first_ordered_on from {{ ref('int_affinity_item_days') }}

),

snapshots as (

    select
        prediction_dates.snapshot_on,
        prediction_dates.days_ago,
        prediction_dates.snapshot_role,
        {{ add_days('prediction_dates.snapshot_on', horizon_days) }} as labels_until_on,
        {{ add_days('prediction_dates.snapshot_on', -365) }} as season_from_on,
        {{ add_days('prediction_dates.snapshot_on', horizon_days - 365) }} as season_until_on,
        first_purchase.first_ordered_on <= {{ add_days('prediction_dates.snapshot_on', -365) }} as has_season

    from prediction_dates

    cross join first_purchase

    where prediction_dates.newest_rank <= {{ var('affinity_snapshots') }}

)

select * from snapshots
