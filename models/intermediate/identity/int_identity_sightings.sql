{# Grain: one row per identity (a customer id, or an e-mail that came without one) before the as-of date. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

profiles as (

    select
        identity_key,
        source_customer_id,
        email,
        created_at

    from {{ ref('stg_shop__customers') }}

),

orders as (

    select
        identity_key,
        customer_id as source_customer_id,
        email,
        order_id,
        ordered_at

    from {{ ref('stg_shop__orders') }}

    where identity_key is not null

),

email_events as (

    select
        identity_key,
        source_customer_id,
        email,
        occurred_at

    from {{ ref('stg_email__events') }}

    where identity_key is not null

),

web_events as (

    select
        identity_key,
        source_customer_id,
        email,
        occurred_at

    from {{ ref('stg_web__events') }}

    where identity_key is not null

),

existing_profiles as (

    select
        profiles.identity_key,
        profiles.source_customer_id,
        profiles.email,
        profiles.created_at

    from profiles

    inner join as_of
        on profiles.created_at is null or profiles.created_at < as_of.as_of_at

),

existing_orders as (

    select orders.*

    from orders

    inner join as_of
        on orders.ordered_at < as_of.as_of_at

),

happenings as (

    select
        identity_key,
        source_customer_id,
        case when source_customer_id is null then email end as email,
        ordered_at as happened_at,
        ordered_at

    from existing_orders

    union all

    select
        email_events.identity_key,
        email_events.source_customer_id,
        case when email_events.source_customer_id is null then email_events.email end as email,
        email_events.occurred_at as happened_at,
        cast(null as timestamp) as ordered_at

    from email_events

    inner join as_of
        on email_events.occurred_at < as_of.as_of_at

    union all

    select
        web_events.identity_key,
        web_events.source_customer_id,
        case when web_events.source_customer_id is null then web_events.email end as email,
        web_events.occurred_at as happened_at,
        cast(null as timestamp) as ordered_at

    from web_events

    inner join as_of
        on web_events.occurred_at < as_of.as_of_at

),

happenings_by_identity as (

    select
        identity_key,
        max(source_customer_id) as source_customer_id,
        max(email) as email,
        min(happened_at) as first_happened_at,
        min(ordered_at) as first_ordered_at

    from happenings

    group by identity_key

),

orders_with_email as (

    select
        existing_orders.identity_key,
        existing_orders.email,
        row_number() over (
            partition by existing_orders.identity_key
            order by existing_orders.ordered_at desc, existing_orders.order_id desc
        ) as newest_rank

    from existing_orders

    -- Only ids whose profile has no e-mail take one from their orders.
    left join existing_profiles
        on existing_orders.identity_key = existing_profiles.identity_key

    where
        existing_orders.source_customer_id is not null
        and existing_orders.email is not null
        and existing_profiles.email is null

),

newest_order_emails as (

    select
        identity_key,
        email

    from orders_with_email

    where newest_rank = 1

),

sightings as (

    select
        coalesce(existing_profiles.identity_key, happenings_by_identity.identity_key) as identity_key,
        coalesce(existing_profiles.source_customer_id, happenings_by_identity.source_customer_id) as source_customer_id,
        coalesce(existing_profiles.email, newest_order_emails.email, happenings_by_identity.email) as email,
        existing_profiles.created_at as profile_created_at,
        existing_profiles.identity_key is not null as has_profile,
        happenings_by_identity.first_happened_at,
        least(existing_profiles.created_at, happenings_by_identity.first_ordered_at) as first_seen_at

    from existing_profiles

    full outer join happenings_by_identity
        on existing_profiles.identity_key = happenings_by_identity.identity_key

    left join newest_order_emails
        on happenings_by_identity.identity_key = newest_order_emails.identity_key

)

select * from sightings
