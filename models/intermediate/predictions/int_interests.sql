{# Grain: one row per interest: an item or keyword that the seed names, or an item that a rule of the seed picks. #}
{%- set look_back_days = 365 -%}
{%- set head_share = 0.8 -%}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

declared as (

    select * from {{ ref('interests') }}

),

items as (

    select * from {{ ref('int_affinity_items') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

recent_lines as (

    select
        order_lines.product_id,
        order_lines.customer_id,
        order_lines.net_unit_count,
        order_lines.net_amount

    from {{ ref('fct_order_lines') }} as order_lines

    inner join as_of
        on
            order_lines.ordered_on < as_of.as_of_date
            and order_lines.ordered_on >= {{ add_days('as_of.as_of_date', -look_back_days) }}

    where
        order_lines.is_valid
        and order_lines.product_id is not null

),

sales_by_product_and_buyer as (

    -- In two steps: counting distinct buyers in one holds them all in memory, of every product.
    select
        product_id,
        customer_id,
        sum(net_unit_count) as unit_count,
        sum(net_amount) as net_revenue_amount

    from recent_lines

    group by
        product_id,
        customer_id

),

sales_by_product as (

    select
        product_id,
        count(customer_id) as buyer_count,
        sum(unit_count) as unit_count,
        coalesce(sum(net_revenue_amount), 0) as net_revenue_amount

    from sales_by_product_and_buyer

    group by product_id

),

product_items as (

    {% for kind, item in affinity_kinds().items() %}
    select
        product_id,
        '{{ kind }}' as kind,
        cast({{ item }} as {{ dbt.type_string() }}) as item

    from products
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

item_sales as (

    -- Buyers are summed over products: exact for the kind product, the only one that is ranked by them.
    select
        items.kind,
        items.item,
        {{ folded('items.item') }} as folded_item,
        sum(sales_by_product.buyer_count) as buyer_count,
        sum(sales_by_product.unit_count) as unit_count,
        sum(sales_by_product.net_revenue_amount) as net_revenue_amount

    from sales_by_product

    inner join product_items
        on sales_by_product.product_id = product_items.product_id

    inner join items
        on
            product_items.kind = items.kind
            and product_items.item = items.item

    where {{ folded('items.item') }} <> 'uncategorised'

    group by
        items.kind,
        items.item

),

spellings as (

    -- An interest asks for all spellings of an item; picked apart they would be the same interest twice.
    select
        kind,
        item,
        row_number() over (
            partition by kind, folded_item
            order by net_revenue_amount desc, item asc
        ) as spelling_rank,
        sum(buyer_count) over (partition by kind, folded_item) as buyer_count,
        sum(unit_count) over (partition by kind, folded_item) as unit_count,
        sum(net_revenue_amount) over (partition by kind, folded_item) as net_revenue_amount

    from item_sales

),

best_sellers as (

    select
        kind,
        item,
        'best_sellers' as pick,
        row_number() over (partition by kind order by net_revenue_amount desc, item asc) as pick_rank

    from spellings

    where
        spelling_rank = 1
        and net_revenue_amount > 0

),

products_by_units as (

    select
        kind,
        item,
        buyer_count,
        sum(unit_count) over () as all_unit_count,
        coalesce(sum(unit_count) over (
            order by unit_count desc, item asc
            rows between unbounded preceding and 1 preceding
        ), 0) as better_unit_count

    from spellings

    where
        spelling_rank = 1
        and kind = 'product'
        and unit_count > 0

),

long_tail as (

    -- Few buy them; the most buyers among them are the most there is to learn from.
    select
        kind,
        item,
        'long_tail' as pick,
        row_number() over (order by buyer_count desc, item asc) as pick_rank

    from products_by_units

    where
        better_unit_count >= all_unit_count * {{ head_share }}
        and buyer_count > 0

),

ranked as (

    select * from best_sellers

    union all

    select * from long_tail

),

named as (

    -- One of several spellings stands for all; the one that the seed has, where it was sold.
    select
        declared.interest,
        declared.kind,
        coalesce(items.item, declared.item) as item,
        row_number() over (
            partition by declared.interest
            order by case when items.item = declared.item then 0 else 1 end, items.item
        ) as spelling_rank

    from declared

    left join items
        on
            declared.kind = items.kind
            and {{ folded('declared.item') }} = {{ folded('items.item') }}

    where declared.item is not null

),

picked as (

    -- Two rules may pick the same item.
    select distinct
        ranked.kind,
        ranked.item

    from ranked

    inner join declared
        on
            ranked.kind = declared.kind
            and ranked.pick = declared.pick
            and ranked.pick_rank <= declared.pick_count

    left join named
        on
            ranked.kind = named.kind
            and {{ folded('ranked.item') }} = {{ folded('named.item') }}

    where
        declared.item is null
        and named.interest is null

),

interests as (

    select
        interest,
        kind,
        item,
        false as is_picked

    from named

    where spelling_rank = 1

    union all

    select
        kind || ':' || item as interest,
        kind,
        item,
        true as is_picked

    from picked

),

labelled_interests as (

    select
        interests.interest,
        interests.kind,
        interests.item,
        coalesce(products.product_title, interests.item) as label,
        interests.is_picked

    from interests

    left join products
        on
            interests.kind = 'product'
            and interests.item = products.product_id

)

select * from labelled_interests
