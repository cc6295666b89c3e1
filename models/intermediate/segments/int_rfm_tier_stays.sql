{# Grain: one row per customer and day on which a build saw her in another RFM tier than the build before. #}
-- The memory of past builds cannot be rebuilt from today's data, so not even a full refresh empties it.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook="{{ forget_todays_stays() }}",
) }}

with

scores as (

    select
        customer_id,
        as_of_date,
        rfm_tier

    from {{ ref('int_rfm_scores') }}

),

{% if is_incremental() %}

stays as (

    select
        customer_id,
        rfm_tier,
        entered_on

    from {{ this }}

),

newest_entries as (

    select
        customer_id,
        max(entered_on) as entered_on

    from stays

    group by customer_id

),

newest_stays as (

    select
        stays.customer_id,
        stays.rfm_tier

    from stays

    inner join newest_entries
        on
            stays.customer_id = newest_entries.customer_id
            and stays.entered_on = newest_entries.entered_on

),

newest_build as (

    select max(entered_on) as entered_on from stays

),

-- A look at a past date writes no history: the stays that followed are known already.
new_stays as (

    select
        scores.customer_id,
        scores.rfm_tier,
        newest_stays.rfm_tier as previous_rfm_tier,
        scores.as_of_date as entered_on

    from scores

    left join newest_stays
        on scores.customer_id = newest_stays.customer_id

    left join newest_build
        on scores.as_of_date < newest_build.entered_on

    where
        newest_build.entered_on is null
        and (newest_stays.rfm_tier is null or newest_stays.rfm_tier <> scores.rfm_tier)

)

{% else %}

new_stays as (

    select
        customer_id,
        rfm_tier,
        cast(null as varchar) as previous_rfm_tier,
        as_of_date as entered_on

    from scores

)

{% endif %}

select * from new_stays
