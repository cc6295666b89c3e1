{# Grain: one row per day on which the shop is looked at: today for scoring, days in the past for learning. #}
{{ config(materialized='view') }}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

first_purchase as (

    select min(ordered_on) as first_ordered_on from {{ ref('int_purchase_days') }}

),

look_backs as (

    {{ number_series(var('prediction_snapshots') ~ ' + 1', 'as_of', digits=3) }}

),

snapshots as (

    select
        {{ add_days('as_of.as_of_date', '-1 * ' ~ var('prediction_snapshot_days') ~ ' * look_backs.number') }} as snapshot_on,
        cast(look_backs.number * {{ var('prediction_snapshot_days') }} as integer) as days_ago

    from as_of

    cross join look_backs

),

final as (

    select
        snapshots.snapshot_on,
        snapshots.days_ago,
        case when snapshots.days_ago = 0 then 'scoring' else 'training' end as snapshot_role

    from snapshots

    cross join first_purchase

    where
        snapshots.days_ago = 0
        or snapshots.snapshot_on
        >= {{ add_days('first_purchase.first_ordered_on', var('prediction_least_look_back_days')) }}

)

select * from final
