{# Grain: one row per order (repeated while builds fail) whose row in fct_orders may differ from the one the last complete build wrote. #}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ forget_settled_changes() }}",
) }}

-- Why an order is here: it, a line, a refund, its buyer's profile, a product or a rate in it was loaded since; the as-of date
-- passed over it or a refund of it, in either direction; its buyer became somebody else; or a var changed what all rows mean.

with

last_build as (

    {{ previous_build() }}

),

as_of as (

    select
        as_of_at,
        settings_fingerprint

    from {{ ref('int_as_of') }}

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
        order_id,
        refunded_at,
        loaded_at

    from {{ ref('stg_shop__refunds') }}

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

    {{ stored_orders() }}

),

since as (

    select
        last_build.loaded_through_at,
        least(last_build.as_of_at, as_of.as_of_at) as passed_from_at,
        greatest(last_build.as_of_at, as_of.as_of_at) as passed_to_at,
        last_build.settings_fingerprint <> as_of.settings_fingerprint as has_new_settings,
        last_build.settings_fingerprint
        || cast(last_build.loaded_through_at as {{ dbt.type_string() }})
        || cast(last_build.as_of_at as {{ dbt.type_string() }}) as build_before

    from last_build

    cross join as_of

),

loaded_or_passed_orders as (

    select orders.order_id

    from orders

    inner join since
        on
            since.has_new_settings
            or since.loaded_through_at < orders.loaded_at
            or (since.passed_from_at <= orders.ordered_at and since.passed_to_at > orders.ordered_at)

),

loaded_lines as (

    select order_lines.order_id

    from order_lines

    inner join since
        on since.loaded_through_at < order_lines.loaded_at

),

loaded_or_passed_refunds as (

    select refunds.order_id

    from refunds

    inner join since
        on
            since.loaded_through_at < refunds.loaded_at
            or (since.passed_from_at <= refunds.refunded_at and since.passed_to_at > refunds.refunded_at)

),

loaded_products as (

    select products.product_id

    from products

    inner join since
        on since.loaded_through_at < products.loaded_at

),

lines_of_loaded_products as (

    select order_lines.order_id

    from order_lines

    inner join loaded_products
        on order_lines.product_id = loaded_products.product_id

),

loaded_rates as (

    select
        rates.currency_code,
        min(rates.rate_on) as rate_on

    from rates

    inner join since
        on since.loaded_through_at < rates.loaded_at

    group by rates.currency_code

),

orders_at_loaded_rates as (

    select orders.order_id

    from orders

    inner join loaded_rates
        on
            orders.currency_code = loaded_rates.currency_code
            and loaded_rates.rate_on <= {{ shop_date('orders.ordered_at') }}

),

customers_with_new_profile as (

    select identities.customer_id

    from profiles

    inner join since
        on
            since.loaded_through_at < profiles.loaded_at
            or (since.passed_from_at <= profiles.created_at and since.passed_to_at > profiles.created_at)

    inner join identities
        on profiles.identity_key = identities.identity_key

),

orders_of_customers_with_new_profile as (

    select orders.order_id

    from orders

    inner join identities
        on orders.identity_key = identities.identity_key

    where identities.customer_id in (select customer_id from customers_with_new_profile)

),

orders_of_other_customers as (

    select stored_orders.order_id

    from stored_orders

    inner join identities
        on
            stored_orders.identity_key = identities.identity_key
            and stored_orders.customer_id <> identities.customer_id

    cross join since

),

changed_orders as (

    select order_id from loaded_or_passed_orders
    union
    select order_id from loaded_lines
    union
    select order_id from loaded_or_passed_refunds
    union
    select order_id from lines_of_loaded_products
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
        identities.customer_id,
        since.build_before

    from changed_orders

    cross join since

    left join stored_orders
        on changed_orders.order_id = stored_orders.order_id

    left join orders
        on changed_orders.order_id = orders.order_id

    left join identities
        on orders.identity_key = identities.identity_key

)

select * from changed_orders_with_customers
