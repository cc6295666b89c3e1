{# Grain: one row per as-of date whose RFM tiers are remembered. #}
-- Written before the tiers themselves, so that a look at a past date can be told from the next day, also where no tier changed in
-- between. A build dated after the newest load guesses at a day that has not come: remembering it would keep the real days
-- before it out. Like the memory it belongs to, not even a full refresh empties it.
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    full_refresh=false,
    on_schema_change='fail',
) }}

with

as_of as (

    select
        as_of_date,
        {{ add_days(shop_date('newest_loaded_at'), 1) }} as day_after_newest_load_on

    from {{ ref('int_as_of') }}

),

remembered as (

    {% if is_incremental() -%}
    select max(as_of_date) as as_of_date from {{ this }}
    {%- else -%}
    select cast(null as date) as as_of_date
    {%- endif %}

),

builds as (

    select as_of.as_of_date

    from as_of

    cross join remembered

    where
        as_of.as_of_date <= as_of.day_after_newest_load_on
        and (remembered.as_of_date is null or as_of.as_of_date > remembered.as_of_date)

)

select * from builds
