{# Grain: one row per product, from the catalogue or, where it is not in there, from the orders that hold it. #}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

catalogue as (

    select * from {{ ref('int_existing_products') }}

),

order_lines as (

    select
        order_id,
        product_id,
        product_title

    from {{ ref('stg_shop__order_lines') }}

    where product_id is not null

),

orders as (

    select
        order_id,
        ordered_at

    from {{ ref('stg_shop__orders') }}

),

products_only_in_orders as (

    select
        order_lines.product_id,
        max(order_lines.product_title) as product_title

    from order_lines

    left join catalogue
        on order_lines.product_id = catalogue.product_id

    inner join orders
        on order_lines.order_id = orders.order_id

    inner join as_of
        on orders.ordered_at < as_of.as_of_at

    where catalogue.product_id is null

    group by order_lines.product_id

),

products as (

    select
        product_id,
        product_title,
        category,
        brand,
        trim(both ',' from tags) as tags,
        unit_cost_amount,
        unit_price_amount,
        is_active,
        is_in_stock,
        true as is_in_catalogue

    from catalogue

    union all

    select
        product_id,
        product_title,
        cast(null as {{ dbt.type_string() }}) as category,
        cast(null as {{ dbt.type_string() }}) as brand,
        cast(null as {{ dbt.type_string() }}) as tags,
        cast(null as numeric(18, 4)) as unit_cost_amount,
        cast(null as numeric(18, 4)) as unit_price_amount,
        cast(null as boolean) as is_active,
        cast(null as boolean) as is_in_stock,
        false as is_in_catalogue

    from products_only_in_orders

)

select * from products
