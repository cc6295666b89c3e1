{# Grain: one row per kind (product, category, brand) and item that was ever sold. #}

with

sold_products as (

    -- Whatever the orders became: an item without a purchase has no facts at any date.
    select distinct product_id

    from {{ ref('fct_order_lines') }}

    where
        customer_id is not null
        and product_id is not null
        and unit_count > 0

),

products as (

    select
        sold_products.product_id,
        dim_products.category,
        dim_products.brand

    from sold_products

    inner join {{ ref('dim_products') }} as dim_products
        on sold_products.product_id = dim_products.product_id

),

items as (

    {% for kind, item in affinity_kinds().items() %}
    select distinct
        '{{ kind }}' as kind,
        cast({{ item }} as {{ dbt.type_string() }}) as item

    from products

    where {{ item }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

numbered as (

    select
        kind,
        item,
        -- A number joins several times as fast as a text, over hundreds of millions of pairs.
        row_number() over (order by kind, item) as item_key

    from items

)

select * from numbered
