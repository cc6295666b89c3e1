{# Grain: one row per customer profile; the newest load of it wins. #}
{{ config(
    materialized='incremental' if var('has_customers') else 'view',
    incremental_strategy=incremental_strategy('replace_keys'),
    unique_key='source_customer_id',
    on_schema_change='fail',
    pre_hook="{{ forget_other_landing('shop', 'customers') }}",
) }}

with

source as (

    {{ landing_rows('shop', 'customers') }}

    {% if is_incremental() %}
    where _loaded_at > {{ newest_load_in(this) }}
    {% endif %}

),

latest as (

    {{ latest_per_key('source', 'customers', key=[source_customer_id('customer_id')]) }}

),

renamed as (

    select
        -- ids
        {{ source_customer_id('customer_id') }} as source_customer_id,
        {{ identity_key('customer_id', 'email') }} as identity_key,

        -- strings
        {{ source_email('customer_id', 'email') }} as email,
        {{ blank_to_null('phone') }} as phone,
        {{ blank_to_null('first_name') }} as first_name,
        {{ blank_to_null('last_name') }} as last_name,
        upper({{ blank_to_null('country') }}) as country,
        {{ blank_to_null('postal_code') }} as postal_code,
        lower({{ blank_to_null('language') }}) as language,
        {{ blank_to_null('acquisition_channel') }} as acquisition_channel,
        attributes,

        -- booleans
        email_consent as has_email_consent,
        sms_consent as has_sms_consent,
        ads_user_data_consent as has_ads_user_data_consent,
        ads_personalization_consent as has_ads_personalization_consent,
        tracking_consent as has_tracking_consent,

        -- where from
        '{{ landing_name('shop', 'customers') }}' as landing_table,

        -- timestamps (UTC)
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('consent_updated_at') }} as consent_updated_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
