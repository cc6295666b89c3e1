{# Grain: one row per order line; the newest load of it wins. #}
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('replace_keys'),
    unique_key=['order_id', 'line_number'],
    on_schema_change='fail',
    pre_hook="{{ forget_other_landing('shop', 'order_lines') }}",
) }}

with

source as (

    {{ landing_rows('shop', 'order_lines') }}

    {% if is_incremental() %}
    where _loaded_at > {{ newest_load_in(this) }}
    {% endif %}

),

latest as (

    {{ latest_per_key('source', 'order_lines', key=['order_id', 'line_number']) }}

),

renamed as (

    select
        -- ids
        cast(order_id as {{ dbt.type_string() }}) as order_id,
        cast(line_number as bigint) as line_number,
        {{ blank_to_null('product_id') }} as product_id,

        -- strings
        {{ blank_to_null('product_title') }} as product_title,

        -- numerics
        cast(quantity as numeric(18, 4)) as quantity,
        cast(unit_price as numeric(18, 4)) as unit_price,
        cast(coalesce(discount_amount, 0) as numeric(18, 4)) as discount_amount,

        -- where from
        '{{ landing_name('shop', 'order_lines') }}' as landing_table,

        -- timestamps (UTC)
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
