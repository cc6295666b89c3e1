{# Grain: one row per customer who showed intent on the site and, where that is required, consented to being seen. #}

with

as_of as (

    select
        as_of_date,
        as_of_at

    from {{ ref('int_as_of') }}

),

events as (

    select
        identity_key,
        event_type,
        occurred_at

    from {{ ref('stg_web__events') }}

    where event_type in ('viewed_product', 'added_to_cart', 'started_checkout')

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

customers as (

    select customer_id

    from {{ ref('dim_customers') }}
    {% if var('require_tracking_consent') %}
    where has_tracking_consent
    {% endif %}

),

existing_events as (

    select
        customers.customer_id,
        events.occurred_at,
        {{ shop_date('events.occurred_at') }} as occurred_on,
        as_of.as_of_date,
        events.event_type in ('added_to_cart', 'started_checkout') as is_cart

    from events

    inner join as_of
        on events.occurred_at < as_of.as_of_at

    inner join identities
        on events.identity_key = identities.identity_key

    inner join customers
        on identities.customer_id = customers.customer_id

),

site_intent as (

    select
        customer_id,
        cast(
            sum(
                case
                    when occurred_on >= {{ add_days('as_of_date', '-1 * ' ~ var('recent_engagement_days')) }} then 1
                    else 0
                end
            ) as bigint
        ) as site_intent_count_90d,
        max(occurred_at) as last_site_intent_at,
        max(occurred_on) as last_site_intent_on,
        max(case when is_cart then occurred_at end) as last_cart_at,
        max(case when is_cart then occurred_on end) as last_cart_on

    from existing_events

    group by customer_id

)

select * from site_intent
