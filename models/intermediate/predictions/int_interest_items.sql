{# Grain: one row per interest (var `interests`) and item that it asks for; a keyword asks for products. #}
{%- set text = "coalesce(products.product_title, '') || ' ' || coalesce(products.category, '') || ' '
    || coalesce(products.brand, '') || ' ' || coalesce(products.tags, '')" -%}

with

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

interest_items as (

    {% for interest in var('interests') %}
    {%- set name = interest.name | replace("'", "''") %}
    {%- if interest.keyword is defined %}
    select
        '{{ name }}' as interest,
        'product' as kind,
        item_key

    from product_items

    -- At the start of a word: tea is in teapot, and not in steak.
    where
        position(' ' || {{ words_of("'" ~ (interest.keyword | replace("'", "''")) ~ "'") }} in words) > 0
        and {{ words_of("'" ~ (interest.keyword | replace("'", "''")) ~ "'") }} <> ''
    {%- else %}
    select
        '{{ name }}' as interest,
        kind,
        item_key

    from items

    where
        kind = '{{ interest.kind }}'
        and {{ folded('item') }} = {{ folded("'" ~ (interest.item | string | replace("'", "''")) ~ "'") }}
    {%- endif %}

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as interest,
        'product' as kind,
        item_key

    from product_items

    where 1 = 0

)

select * from interest_items
