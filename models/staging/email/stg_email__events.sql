{# Grain: one row per e-mail event; the newest load of it wins. #}
{{ config(
    materialized='incremental' if var('has_email_events') else 'view',
    incremental_strategy=incremental_strategy('replace_keys'),
    unique_key='event_id',
    on_schema_change='fail',
    pre_hook="{{ forget_other_landing('email', 'email_events') }}",
) }}

with

source as (

    {{ landing_rows('email', 'email_events') }}

    {% if is_incremental() %}
    where _loaded_at > {{ newest_load_in(this) }}
    {% endif %}

),

latest as (

    {{ latest_per_key('source', 'email_events', key=['event_id']) }}

),

renamed as (

    select
        -- ids
        cast(event_id as {{ dbt.type_string() }}) as event_id,
        {{ identity_key('customer_id', 'email') }} as identity_key,
        {{ source_customer_id('customer_id') }} as source_customer_id,
        campaign_id,

        -- strings
        {{ source_email('customer_id', 'email') }} as email,
        lower(event_type) as event_type,

        -- booleans
        is_machine_open,

        -- where from
        '{{ landing_name('email', 'email_events') }}' as landing_table,

        -- timestamps (UTC)
        {{ utc_timestamp('occurred_at') }} as occurred_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
