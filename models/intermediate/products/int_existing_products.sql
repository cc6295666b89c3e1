{# Grain: one row per product of the catalogue that exists as of the date. #}
{{ config(materialized='view') }}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

catalogue as (

    select * from {{ ref('stg_shop__products') }}

),

existing_products as (

    select
        catalogue.product_id,
        catalogue.product_title,
        catalogue.category,
        catalogue.brand,
        catalogue.tags,
        catalogue.unit_cost_amount,
        catalogue.unit_price_amount,
        catalogue.is_active,
        catalogue.is_in_stock,
        catalogue.created_at,
        catalogue.loaded_at

    from catalogue

    inner join as_of
        on catalogue.created_at is null or catalogue.created_at < as_of.as_of_at

)

select * from existing_products
