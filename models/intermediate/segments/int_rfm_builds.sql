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

builds as (

    select as_of_date

    from as_of

    where
        as_of_date <= day_after_newest_load_on
        {% if is_incremental() -%}
        and as_of_date > (select coalesce(max(remembered.as_of_date), date '1900-01-01') from {{ this }} as remembered)
        {%- endif %}

)

select * from builds
