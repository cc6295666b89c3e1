{# Grain: one row per customer, item and order day. What a row says looks back only, so it holds for every later date. #}

with

orders as (

    -- What int_purchase_days takes for an order: a refund that came later was not known then, and statuses have no date.
    select order_id

    from {{ ref('fct_orders') }}

    where
        order_validity in ('valid', 'nothing_paid')
        and gross_amount - discount_amount > 0
        and customer_id is not null

),

order_lines as (

    select
        order_lines.customer_id,
        order_lines.product_id,
        order_lines.ordered_on,
        order_lines.unit_count,
        order_lines.gross_amount - order_lines.discount_amount as paid_amount

    from {{ ref('fct_order_lines') }} as order_lines

    inner join orders
        on order_lines.order_id = orders.order_id

    where
        order_lines.product_id is not null
        and order_lines.unit_count > 0

),

items as (

    select * from {{ ref('int_affinity_items') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

product_items as (

    {% for kind, item in affinity_kinds().items() %}
    select
        products.product_id,
        items.kind,
        items.item_key

    from products

    inner join items
        on
            items.kind = '{{ kind }}'
            and items.item = cast(products.{{ item }} as {{ dbt.type_string() }})
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

purchases as (

    select
        order_lines.customer_id,
        product_items.kind,
        product_items.item_key,
        order_lines.ordered_on,
        cast(sum(order_lines.unit_count) as {{ type_double() }}) as unit_count,
        cast(sum(order_lines.paid_amount) as {{ type_double() }}) as paid_amount

    from order_lines

    inner join product_items
        on order_lines.product_id = product_items.product_id

    group by
        order_lines.customer_id,
        product_items.kind,
        product_items.item_key,
        order_lines.ordered_on

),

purchases_in_sequence as (

    select
        customer_id,
        kind,
        item_key,
        ordered_on,
        case when paid_amount > 0 and unit_count > 0 then round(ln(paid_amount / unit_count), 6) end as log_price,
        row_number() over (partition by customer_id, item_key order by ordered_on) as purchase_number,
        {{ days_between(
            'lag(ordered_on) over (partition by customer_id, item_key order by ordered_on)', 'ordered_on'
        ) }} as gap_days

    from purchases

)

select * from purchases_in_sequence
