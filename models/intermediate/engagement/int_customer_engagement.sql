{# Grain: one row per customer who was ever sent or did something by e-mail. #}

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
        event_id,
        event_type,
        is_machine_open,
        occurred_at

    from {{ ref('stg_email__events') }}

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

existing_events as (

    select
        identities.customer_id,
        events.event_id,
        events.occurred_at,
        {{ shop_date('events.occurred_at') }} as occurred_on,
        as_of.as_of_date,
        events.event_type = 'received' as is_receipt,
        events.event_type in ('unsubscribed', 'marked_spam') as is_refusal,
        events.event_type = 'clicked'
        or (
            events.event_type = 'opened'
            and not coalesce(events.is_machine_open, {{ not var('count_unflagged_opens') }})
        ) as is_engagement

    from events

    inner join as_of
        on events.occurred_at < as_of.as_of_at

    inner join identities
        on events.identity_key = identities.identity_key

),

ranked_engagements as (

    select
        customer_id,
        occurred_on,
        row_number() over (partition by customer_id order by occurred_at desc, event_id asc) as engagement_rank

    from existing_events

    where is_engagement

),

-- The day whose leaving the window takes the customer below the number that makes her engaged.
nth_engagements as (

    select
        customer_id,
        occurred_on as nth_last_engaged_on

    from ranked_engagements

    where engagement_rank = {{ var('frequent_engagements') }}

),

engagement_by_customer as (

    select
        customer_id,
        sum(case when is_receipt then 1 else 0 end) as email_received_count,
        sum(case when is_engagement then 1 else 0 end) as engagement_count_lifetime,
        sum(
            case
                when
                    is_engagement
                    and occurred_on >= {{ add_days('as_of_date', '-1 * ' ~ var('recent_engagement_days')) }}
                    then 1
                else 0
            end
        ) as engagement_count_90d,
        max(case when is_engagement then occurred_at end) as last_engaged_at,
        max(case when is_engagement then occurred_on end) as last_engaged_on,
        max(case when is_refusal then occurred_at end) as last_refused_at

    from existing_events

    group by customer_id

),

customer_engagement as (

    select
        engagement_by_customer.customer_id,
        cast(engagement_by_customer.email_received_count as bigint) as email_received_count,
        cast(engagement_by_customer.engagement_count_lifetime as bigint) as engagement_count_lifetime,
        cast(engagement_by_customer.engagement_count_90d as bigint) as engagement_count_90d,
        engagement_by_customer.last_engaged_at,
        engagement_by_customer.last_engaged_on,
        engagement_by_customer.last_refused_at,
        nth_engagements.nth_last_engaged_on

    from engagement_by_customer

    left join nth_engagements
        on engagement_by_customer.customer_id = nth_engagements.customer_id

)

select * from customer_engagement
