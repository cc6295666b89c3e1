{# Grain: one row: the shop-wide figures that customers are measured against, as of the date. #}

with

as_of as (

    select
        as_of_date,
        reporting_currency

    from {{ ref('int_as_of') }}

),

orders as (

    select
        ordered_on,
        net_amount,
        margin_amount

    from {{ ref('fct_orders') }}

    where is_valid

),

typical_gaps as (

    select
        known_from,
        typical_gap_days

    from {{ ref('int_typical_gap_by_day') }}

),

customer_orders as (

    select
        customer_id,
        gross_amount,
        discount_amount

    from {{ ref('int_customer_orders') }}

    where discounted_order_count > 0

),

windowed_orders as (

    select
        orders.net_amount,
        orders.margin_amount

    from orders
    {% if var('aov_window_days') is not none %}
    inner join as_of
        on orders.ordered_on >= {{ add_days('as_of.as_of_date', '-1 * ' ~ var('aov_window_days')) }}
    {% endif %}

),

order_values as (

    select
        count(*) as order_count,
        sum(net_amount) as net_amount,
        count(margin_amount) as order_with_margin_count,
        sum(margin_amount) as margin_amount

    from windowed_orders

),

newest_typical_gap as (

    select max(known_from) as known_from from typical_gaps

),

typical_gap as (

    select max(typical_gaps.typical_gap_days) as typical_gap_days

    from typical_gaps

    inner join newest_typical_gap
        on typical_gaps.known_from = newest_typical_gap.known_from

),

discount_shares as (

    select
        cast(discount_amount as {{ type_double() }}) / cast(gross_amount as {{ type_double() }}) as discount_share,
        row_number() over (
            order by cast(discount_amount as {{ type_double() }}) / cast(gross_amount as {{ type_double() }}), customer_id
        ) as share_rank,
        count(*) over () as discounted_buyer_count

    from customer_orders

),

-- The percentile by nearest rank.
discount_reference as (

    select max(discount_share) as discount_share

    from discount_shares

    where
        (share_rank - 1) * 100 < {{ var('sale_reference_percent') }} * discounted_buyer_count

),

shop_facts as (

    select
        as_of.as_of_date,
        as_of.reporting_currency as currency_code,
        {% if var('average_order_value') is none -%}
        {{ divide_amount('order_values.net_amount', 'order_values.order_count') }} as average_order_amount,
        {% else -%}
        cast({{ var('average_order_value') }} as numeric(18, 4)) as average_order_amount,
        {% endif -%}
        {{ divide_amount('order_values.margin_amount', 'order_values.order_with_margin_count') }}
            as average_margin_amount,
        coalesce(typical_gap.typical_gap_days, cast({{ var('default_gap_days') }} as {{ type_double() }}))
            as typical_gap_days,
        discount_reference.discount_share as reference_discount_share

    from as_of

    cross join order_values

    cross join typical_gap

    cross join discount_reference

)

select * from shop_facts
