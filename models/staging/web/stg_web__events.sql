{# Grain: one row per site event; the newest load of it wins. #}
{{ config(
    materialized='incremental' if var('has_web_events') else 'view',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail',
) }}

with

source as (

    {{ landing_rows('web', 'web_events') }}

    {% if is_incremental() %}
    where _loaded_at > {{ newest_load_in(this) }}
    {% endif %}

),

latest as (

    {{ latest_per_key(
        'source',
        key=['event_id'],
        order_by=['_loaded_at desc', 'occurred_at', 'event_type', 'customer_id', 'email'],
    ) }}

),

renamed as (

    select
        -- ids
        cast(event_id as {{ dbt.type_string() }}) as event_id,
        {{ identity_key(blank_to_null('customer_id'), normalised_email('email')) }} as identity_key,
        {{ blank_to_null('customer_id') }} as source_customer_id,
        {{ blank_to_null('product_id') }} as product_id,

        -- strings
        {{ normalised_email('email') }} as email,
        lower(event_type) as event_type,

        -- timestamps (UTC)
        {{ utc_timestamp('occurred_at') }} as occurred_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
