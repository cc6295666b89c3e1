{# Grain: one row per date at which interest is learnt or scored. #}

with

prediction_dates as (

    select
        snapshot_on,
        role

    from {{ ref('int_prediction_dates') }}

    where horizon_days = {{ var('affinity_horizon_days') }}

),

first_purchase as (

    select min(ordered_on) as first_ordered_on from {{ ref('int_affinity_item_days') }}

),

snapshots as (

    select
        prediction_dates.snapshot_on,
        prediction_dates.role,
        {{ add_days('prediction_dates.snapshot_on', var('affinity_horizon_days')) }} as labels_until_on,
        {{ add_days('prediction_dates.snapshot_on', -365) }} as season_from_on,
        {{ add_days('prediction_dates.snapshot_on', var('affinity_horizon_days') | int - 365) }} as season_until_on,
        first_purchase.first_ordered_on <= {{ add_days('prediction_dates.snapshot_on', -365) }} as has_season

    from prediction_dates

    cross join first_purchase

)

select * from snapshots
