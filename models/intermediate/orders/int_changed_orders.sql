{# Grain: one row per order whose row in fct_orders may differ from the one that stands there. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

-- Why an order is here: it, a line, a refund, its buyer's profile, a product or a rate in it was loaded since; the as-of
-- date passed over it, a refund of it, its buyer's profile or a product in it, either way; its buyer became somebody else; or everything has changed.
{%- set stored_orders = load_relation(stored_orders()) if execute %}

with

scope as (

    select * from {{ ref('int_build_scope') }}

),

orders as (

    select
        order_id,
        identity_key,
        currency_code,
        ordered_at,
        loaded_at

    from {{ ref('stg_shop__orders') }}

),

order_lines as (

    select
        order_id,
        product_id,
        loaded_at

    from {{ ref('stg_shop__order_lines') }}

),

refunds as (

    select
        refund_id,
        order_id,
        refunded_at,
        loaded_at

    from {{ ref('stg_shop__refunds') }}

),

refund_versions as (

    {{ landing_rows('shop', 'refunds') }}

),

profiles as (

    select
        identity_key,
        created_at,
        loaded_at

    from {{ ref('stg_shop__customers') }}

),

products as (

    select
        product_id,
        created_at,
        loaded_at

    from {{ ref('stg_shop__products') }}

),

rates as (

    select
        currency_code,
        rate_on,
        loaded_at

    from {{ ref('stg_shop__exchange_rates') }}

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

stored_orders as (

    {% if stored_orders -%}
    select
        order_id,
        identity_key,
        customer_id

    from {{ stored_orders }}
    {%- else -%}
    -- Nothing is stored yet: every table will be built whole, and nothing needs to be named.
    select
        cast(null as {{ dbt.type_string() }}) as order_id,
        cast(null as {{ dbt.type_string() }}) as identity_key,
        cast(null as {{ dbt.type_string() }}) as customer_id

    where false
    {%- endif %}

),

since as (

    select
        {{ looking_back('previous_orders_loaded_at') }} as previous_orders_loaded_at,
        {{ looking_back('previous_order_lines_loaded_at') }} as previous_order_lines_loaded_at,
        {{ looking_back('previous_refunds_loaded_at') }} as previous_refunds_loaded_at,
        {{ looking_back('previous_customers_loaded_at') }} as previous_customers_loaded_at,
        {{ looking_back('previous_products_loaded_at') }} as previous_products_loaded_at,
        {{ looking_back('previous_exchange_rates_loaded_at') }} as previous_exchange_rates_loaded_at,
        least(previous_as_of_at, as_of_at) as passed_from_at,
        greatest(previous_as_of_at, as_of_at) as passed_to_at,
        has_everything_changed

    from scope
    {% if not stored_orders %}
    where false
    {% endif %}

),

-- Scalars rather than joins: the engine can skip whole blocks of rows that were loaded before.
loaded_or_passed_orders as (

    select order_id

    from orders

    where
        loaded_at > (select previous_orders_loaded_at from since)
        or (
            ordered_at >= (select passed_from_at from since)
            and ordered_at < (select passed_to_at from since)
        )
        or (select has_everything_changed from since)

),

stored_orders_of_another_world as (

    select order_id

    from stored_orders

    where (select has_everything_changed from since)

),

loaded_lines as (

    select order_id

    from order_lines

    where loaded_at > (select previous_order_lines_loaded_at from since)

),

loaded_or_passed_refunds as (

    select
        refund_id,
        order_id

    from refunds

    where
        loaded_at > (select previous_refunds_loaded_at from since)
        or (
            refunded_at >= (select passed_from_at from since)
            and refunded_at < (select passed_to_at from since)
        )

),

-- A corrected refund may have left another order behind: older versions of its row still name it.
orders_left_by_refunds as (

    select refund_versions.order_id

    from refund_versions

    inner join loaded_or_passed_refunds
        on refund_versions.refund_id = loaded_or_passed_refunds.refund_id

),

loaded_or_passed_products as (

    select product_id

    from products

    where
        loaded_at > (select previous_products_loaded_at from since)
        or (
            created_at >= (select passed_from_at from since)
            and created_at < (select passed_to_at from since)
        )

),

lines_of_changed_products as (

    select order_id

    from order_lines

    where product_id in (select product_id from loaded_or_passed_products)

),

loaded_rates as (

    select
        currency_code,
        min(rate_on) as rate_on

    from rates

    where loaded_at > (select previous_exchange_rates_loaded_at from since)

    group by currency_code

),

orders_at_loaded_rates as (

    select orders.order_id

    from orders

    inner join loaded_rates
        on
            orders.currency_code = loaded_rates.currency_code
            and {{ shop_date('orders.ordered_at') }} >= loaded_rates.rate_on

),

new_profiles as (

    select identity_key

    from profiles

    where
        loaded_at > (select previous_customers_loaded_at from since)
        or (
            created_at >= (select passed_from_at from since)
            and created_at < (select passed_to_at from since)
        )

),

customers_with_new_profile as (

    select identities.customer_id

    from new_profiles

    inner join identities
        on new_profiles.identity_key = identities.identity_key

),

identities_of_customers_with_new_profile as (

    select identity_key

    from identities

    where customer_id in (select customer_id from customers_with_new_profile)

),

orders_of_customers_with_new_profile as (

    select order_id

    from orders

    where identity_key in (select identity_key from identities_of_customers_with_new_profile)

),

orders_of_other_customers as (

    select stored_orders.order_id

    from stored_orders

    left join identities
        on stored_orders.identity_key = identities.identity_key

    where coalesce(stored_orders.customer_id, '') <> coalesce(identities.customer_id, '')

),

changed_orders as (

    select order_id from loaded_or_passed_orders
    union
    select order_id from stored_orders_of_another_world
    union
    select order_id from loaded_lines
    union
    select order_id from loaded_or_passed_refunds
    union
    select order_id from orders_left_by_refunds
    union
    select order_id from lines_of_changed_products
    union
    select order_id from orders_at_loaded_rates
    union
    select order_id from orders_of_customers_with_new_profile
    union
    select order_id from orders_of_other_customers

),

changed_orders_with_customers as (

    select
        changed_orders.order_id,
        stored_orders.customer_id as customer_id_before,
        identities.customer_id

    from changed_orders

    left join stored_orders
        on changed_orders.order_id = stored_orders.order_id

    left join orders
        on changed_orders.order_id = orders.order_id

    left join identities
        on orders.identity_key = identities.identity_key

)

select * from changed_orders_with_customers
