{# Grain: one row per interest and item that it asks for; a keyword asks for products. #}
{%- set text = "coalesce(products.product_title, '') || ' ' || coalesce(products.category, '') || ' '
    || coalesce(products.brand, '') || ' ' || coalesce(products.tags, '')" -%}

with

interests as (

    select * from {{ ref('int_interests') }}

),

items as (

    select * from {{ ref('int_affinity_items') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

product_items as (

    select
        items.item_key,
        ' ' || {{ words_of(text) }} as words

    from items

    inner join products
        on items.item = products.product_id

    where items.kind = 'product'

),

keywords as (

    select
        interest,
        {{ words_of('item') }} as words

    from interests

    where kind = 'keyword'

),

items_with_a_keyword as (

    select
        keywords.interest,
        'product' as kind,
        product_items.item_key

    from keywords

    -- At the start of a word: tea is in teapot, and not in steak.
    inner join product_items
        on position(' ' || keywords.words in product_items.words) > 0

    where keywords.words <> ''

),

items_by_name as (

    select
        interests.interest,
        items.kind,
        items.item_key

    from interests

    inner join items
        on
            interests.kind = items.kind
            and {{ folded('interests.item') }} = {{ folded('items.item') }}

),

interest_items as (

    select * from items_with_a_keyword

    union all

    select * from items_by_name

)

select * from interest_items
