{# Grain: one row per order; the newest load of it wins. #}
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('replace_keys'),
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{ forget_other_landing('shop', 'orders') }}",
) }}

with

source as (

    {{ landing_rows('shop', 'orders') }}

    {% if is_incremental() %}
    where _loaded_at > {{ newest_load_in(this) }}
    {% endif %}

),

latest as (

    {{ latest_per_key('source', 'orders', key=['order_id']) }}

),

renamed as (

    select
        -- ids
        cast(order_id as {{ dbt.type_string() }}) as order_id,
        {{ source_customer_id('customer_id') }} as customer_id,
        {{ identity_key('customer_id', 'email') }} as identity_key,

        -- strings
        {{ source_email('customer_id', 'email') }} as email,
        lower(status) as order_status,
        upper(currency) as currency_code,
        {{ blank_to_null('channel') }} as channel,
        {{ blank_to_null('discount_codes') }} as discount_codes,
        {{ blank_to_null('ship_to_name') }} as ship_to_name,
        upper({{ blank_to_null('ship_to_country') }}) as ship_to_country,
        {{ blank_to_null('ship_to_postal_code') }} as ship_to_postal_code,

        -- numerics
        cast(coalesce(shipping_amount, 0) as numeric(18, 4)) as shipping_amount,
        cast(coalesce(tax_amount, 0) as numeric(18, 4)) as tax_amount,

        -- booleans
        coalesce(is_gift, false) as is_gift,
        {{ blank_to_null('gift_note') }} is not null as has_gift_note,

        -- where from
        '{{ landing_name('shop', 'orders') }}' as landing_table,

        -- timestamps (UTC)
        {{ utc_timestamp('ordered_at') }} as ordered_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
