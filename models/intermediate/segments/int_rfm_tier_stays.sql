{# Grain: one row per customer and day on which a build saw her in another RFM tier than the build before. #}
-- The memory of past builds cannot be rebuilt from today's data, so not even a full refresh empties it.
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    full_refresh=false,
    on_schema_change='fail',
    pre_hook="{{ forget_todays_stays() }}",
) }}

with

newest_build as (

    select max(as_of_date) as as_of_date from {{ ref('int_rfm_builds') }}

),

-- Another date than the newest remembered one writes no history: it is past, or has not come.
scores as (

    select
        int_rfm_scores.customer_id,
        int_rfm_scores.as_of_date,
        int_rfm_scores.rfm_tier

    from {{ ref('int_rfm_scores') }} as int_rfm_scores

    inner join newest_build
        on int_rfm_scores.as_of_date = newest_build.as_of_date

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

new_stays as (

    select
        scores.customer_id,
        scores.rfm_tier,
        newest_stays.rfm_tier as previous_rfm_tier,
        scores.as_of_date as entered_on

    from scores

    left join newest_stays
        on scores.customer_id = newest_stays.customer_id

    where
        newest_stays.rfm_tier is null
        or newest_stays.rfm_tier <> scores.rfm_tier

)

{% else %}

new_stays as (

    select
        customer_id,
        rfm_tier,
        cast(null as {{ dbt.type_string() }}) as previous_rfm_tier,
        as_of_date as entered_on

    from scores

)

{% endif %}

select * from new_stays
