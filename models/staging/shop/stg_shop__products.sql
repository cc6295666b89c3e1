{# Grain: one row per product; the newest load of it wins. #}

with

source as (

    {{ landing_rows('shop', 'products') }}

),

latest as (

    {{ latest_per_key('source', 'products', key=['product_id']) }}

),

renamed as (

    select
        -- ids
        cast(product_id as {{ dbt.type_string() }}) as product_id,

        -- strings
        {{ blank_to_null('title') }} as product_title,
        {{ blank_to_null('category') }} as category,
        {{ blank_to_null('brand') }} as brand,
        {{ tag_list('tags') }} as tags,

        -- numerics
        cast(unit_cost as numeric(18, 4)) as unit_cost_amount,
        cast(unit_price as numeric(18, 4)) as unit_price_amount,

        -- booleans
        is_active,
        is_in_stock,

        -- timestamps (UTC)
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
