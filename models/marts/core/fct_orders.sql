{# Grain: one row per order placed before the as-of date, whatever became of it. #}
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    on_schema_change='fail',
    pre_hook="{{ delete_changed('order_id') }}",
    post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"],
) }}

{%- set lacks_rate = 'foreign_orders.order_id is not null and foreign_orders.exchange_rate is null' %}

with

as_of as (

    select
        as_of_at,
        reporting_currency

    from {{ ref('int_as_of') }}

),

orders as (

    select * from {{ ref('stg_shop__orders') }}

    {{ changed_only('order_id') }}

),

line_amounts as (

    select * from {{ ref('int_order_line_amounts') }}

    {{ changed_only('order_id') }}

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

profiles as (

    select
        source_customer_id,
        {{ plain_name("coalesce(first_name || ' ', '') || coalesce(last_name, '')") }} as customer_name,
        country,
        {{ plain_name('postal_code') }} as postal_code

    from {{ ref('stg_shop__customers') }}

    inner join as_of
        on created_at is null or created_at < as_of.as_of_at

),

products as (

    select
        product_id,
        unit_cost_amount,
        {{ has_tag('tags', var('gift_tags')) }} as is_gift_product,
        {{ has_tag('tags', var('gift_wrap_tags') | list + var('gift_card_tags') | list) }} as is_gift_proof

    from {{ ref('int_existing_products') }}

),

foreign_orders as (

    select
        order_id,
        exchange_rate

    from {{ ref('int_foreign_orders') }}

),

line_refunds as (

    select
        order_id,
        line_number,
        returned_quantity

    from {{ ref('int_line_refunds') }}

),

refunds as (

    select
        order_id,
        sum(refund_amount) as refund_amount,
        sum(amount_in_order_currency) as amount_in_order_currency

    from {{ ref('int_order_refunds') }}

    group by order_id

),

gift_days as (

    select
        country,
        gift_on

    from {{ ref('int_gift_days') }}

),

lines_by_order as (

    select
        line_amounts.order_id,
        count(*) as line_count,
        sum(line_amounts.quantity) as unit_count,
        sum(line_amounts.gross_amount) as gross_amount,
        sum(line_amounts.discount_amount) as discount_amount,
        sum(line_amounts.amount_in_order_currency) as amount_in_order_currency,
        -- One line of unknown cost makes the whole order's cost unknown.
        case
            when count(*) = count(products.unit_cost_amount)
                then
                    sum(
                        -- Not rounded line by line; wide enough for any cost (see `multiplied`).
                        cast(products.unit_cost_amount as numeric(20, 4))
                        * (line_amounts.quantity - coalesce(line_refunds.returned_quantity, 0))
                    )
        end as cost_amount,
        max(case when products.is_gift_product then 1 else 0 end) as gift_product_clue,
        max(case when products.is_gift_proof then 1 else 0 end) as gift_proof

    from line_amounts

    left join products
        on line_amounts.product_id = products.product_id

    left join line_refunds
        on
            line_amounts.order_id = line_refunds.order_id
            and line_amounts.line_number = line_refunds.line_number

    group by line_amounts.order_id

),

existing_orders as (

    select
        orders.*,
        identities.customer_id as resolved_customer_id,
        {{ shop_date('orders.ordered_at') }} as ordered_on,
        as_of.reporting_currency

    from orders

    inner join as_of
        on orders.ordered_at < as_of.as_of_at

    left join identities
        on orders.identity_key = identities.identity_key

),

orders_with_country as (

    select
        existing_orders.*,
        profiles.customer_name as profile_customer_name,
        profiles.country as profile_country,
        profiles.postal_code as profile_postal_code,
        -- Whose calendar counts: where it goes, else where the customer lives, else the shop's.
        coalesce(
            existing_orders.ship_to_country,
            profiles.country
            {%- if var('shop_country') is not none %},
            '{{ var("shop_country") | upper }}'
            {%- endif %}
        ) as order_country

    from existing_orders

    -- The profile the order was placed with, not what other profiles of the same person say.
    left join profiles
        on coalesce(existing_orders.customer_id, existing_orders.resolved_customer_id) = profiles.source_customer_id

),

orders_with_clues as (

    select
        orders_with_country.*,
        case
            when
                {{ plain_name('orders_with_country.ship_to_name') }} <> orders_with_country.profile_customer_name
                or orders_with_country.ship_to_country <> orders_with_country.profile_country
                or {{ plain_name('orders_with_country.ship_to_postal_code') }} <> orders_with_country.profile_postal_code
                then 1
            else 0
        end as elsewhere_clue,
        case when gift_days.gift_on is not null then 1 else 0 end as gift_window_clue

    from orders_with_country

    left join gift_days
        on
            orders_with_country.order_country = gift_days.country
            and orders_with_country.ordered_on = gift_days.gift_on

),

order_amounts as (

    select
        orders_with_clues.order_id,
        orders_with_clues.resolved_customer_id as customer_id,
        orders_with_clues.identity_key,
        orders_with_clues.order_status,
        orders_with_clues.channel,
        orders_with_clues.order_country,
        orders_with_clues.currency_code as order_currency_code,
        orders_with_clues.reporting_currency as currency_code,
        orders_with_clues.ordered_at,
        orders_with_clues.ordered_on,
        {{ lacks_rate }} as lacks_exchange_rate,
        coalesce(lines_by_order.line_count, 0) as line_count,
        coalesce(lines_by_order.unit_count, 0) as unit_count,
        -- Without a rate the amounts are unknown, which is not nothing.
        case when {{ lacks_rate }} then null else coalesce(lines_by_order.gross_amount, 0) end as gross_amount,
        case when {{ lacks_rate }} then null else coalesce(lines_by_order.discount_amount, 0) end as discount_amount,
        case when {{ lacks_rate }} then null else coalesce(refunds.refund_amount, 0) end as refund_amount,
        coalesce(lines_by_order.amount_in_order_currency, 0)
        - coalesce(refunds.amount_in_order_currency, 0) as net_amount_in_order_currency,
        lines_by_order.cost_amount,
        orders_with_clues.is_gift
        or orders_with_clues.has_gift_note
        or coalesce(lines_by_order.gift_proof, 0) = 1
        or coalesce(lines_by_order.gift_product_clue, 0)
        + orders_with_clues.elsewhere_clue
        + orders_with_clues.gift_window_clue >= {{ var('gift_clues') }} as is_gift_order

    from orders_with_clues

    left join lines_by_order
        on orders_with_clues.order_id = lines_by_order.order_id

    left join refunds
        on orders_with_clues.order_id = refunds.order_id

    left join foreign_orders
        on orders_with_clues.order_id = foreign_orders.order_id

),

judged_orders as (

    select
        order_amounts.*,
        gross_amount - discount_amount - refund_amount as net_amount,
        case
            when order_status in ('test', 'cancelled', 'pending', 'refunded') then order_status
            -- Tables of one's own may say what the loader would have rejected; nobody guesses that it means paid.
            when order_status is null or order_status not in ('paid', 'partially_refunded') then 'unknown_status'
            when lacks_exchange_rate then 'no_exchange_rate'
            -- In the order's own currency, where a full refund leaves exactly nothing.
            when
                net_amount_in_order_currency <= 0
                or gross_amount - discount_amount - refund_amount <= 0
                then 'nothing_paid'
            else 'valid'
        end as order_validity

    from order_amounts

),

final as (

    select
        order_id,
        customer_id,
        identity_key,
        order_status,
        order_validity,
        channel,
        order_currency_code,
        currency_code,
        ordered_at,
        ordered_on,
        line_count,
        cast(unit_count as numeric(18, 4)) as unit_count,
        cast(gross_amount as numeric(18, 4)) as gross_amount,
        cast(discount_amount as numeric(18, 4)) as discount_amount,
        cast(refund_amount as numeric(18, 4)) as refund_amount,
        cast(net_amount as numeric(18, 4)) as net_amount,
        cast(round(net_amount - cost_amount, 4) as numeric(18, 4)) as margin_amount,
        order_validity = 'valid' as is_valid,
        customer_id is null as is_guest_order,
        -- What rounding the price of a unit leaves is no discount.
        coalesce(
            discount_amount > 0 and discount_amount >= {{ var('least_discount_share') }} * gross_amount, false
        ) as is_discounted,
        is_gift_order,
        order_country

    from judged_orders

)

select * from final
