{# Grain: one row per audience with guardrails and campaign: what its customers did with the e-mails that reached them while they were in. #}

with

definitions as (

    select
        model_name,
        open_rate_at_least,
        unsubscribe_rate_below,
        complaint_rate_below

    from {{ ref('int_audience_definitions') }}

    where
        open_rate_at_least is not null
        or unsubscribe_rate_below is not null
        or complaint_rate_below is not null

),

-- Ended stays too: whoever unsubscribes leaves an audience that needs consent.
stays as (

    select
        definitions.model_name,
        memory.audience,
        memory.customer_id,
        memory.entered_on,
        memory.left_on

    from {{ ref('int_audience_memory') }} as memory

    inner join definitions
        on {{ audience_model('memory.audience') }} = definitions.model_name

    where
        memory.row_kind = 'stay'
        and memory.is_sampled
        and memory.arm = 'treatment'

),

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

events as (

    select
        identity_key,
        campaign_id,
        event_type,
        is_machine_open,
        occurred_at

    from {{ ref('stg_email__events') }}

),

customer_events as (

    select
        identities.customer_id,
        coalesce(events.campaign_id, 'not known') as campaign_id,
        events.event_type,
        {{ shop_date('events.occurred_at') }} as occurred_on,
        coalesce(events.is_machine_open, {{ not var('count_unflagged_opens') }}) as is_machine_open

    from events

    inner join as_of
        on events.occurred_at < as_of.as_of_at

    inner join identities
        on events.identity_key = identities.identity_key

),

-- A campaign reaches a customer once, however often she opens it.
sends as (

    select
        customer_id,
        campaign_id,
        min(case when event_type = 'received' then occurred_on end) as received_on,
        max(case when event_type = 'opened' and not is_machine_open then 1 else 0 end) as opened_count,
        max(case when event_type = 'unsubscribed' then 1 else 0 end) as unsubscribed_count,
        max(case when event_type = 'marked_spam' then 1 else 0 end) as complaint_count

    from customer_events

    group by
        customer_id,
        campaign_id

),

counts as (

    select
        stays.audience,
        sends.campaign_id,
        min(stays.model_name) as model_name,
        max(sends.received_on) as last_received_on,
        cast(count(*) as bigint) as received_count,
        cast(sum(sends.opened_count) as bigint) as opened_count,
        cast(sum(sends.unsubscribed_count) as bigint) as unsubscribed_count,
        cast(sum(sends.complaint_count) as bigint) as complaint_count

    from stays

    inner join sends
        on
            stays.customer_id = sends.customer_id
            and stays.entered_on <= sends.received_on
            and (stays.left_on is null or stays.left_on > sends.received_on)

    group by
        stays.audience,
        sends.campaign_id

),

rates as (

    select
        counts.*,
        definitions.open_rate_at_least,
        definitions.unsubscribe_rate_below,
        definitions.complaint_rate_below,
        cast(counts.opened_count as {{ type_double() }}) / counts.received_count as open_rate,
        cast(counts.unsubscribed_count as {{ type_double() }}) / counts.received_count as unsubscribe_rate,
        cast(counts.complaint_count as {{ type_double() }}) / counts.received_count as complaint_rate

    from counts

    inner join definitions
        on counts.model_name = definitions.model_name

),

guardrails as (

    select
        audience,
        campaign_id,
        last_received_on,
        received_count,
        opened_count,
        unsubscribed_count,
        complaint_count,
        open_rate,
        open_rate_at_least,
        unsubscribe_rate,
        unsubscribe_rate_below,
        complaint_rate,
        complaint_rate_below,
        case
            when received_count < {{ var('guardrail_min_emails') }} then 'not_enough_emails'
            when
                coalesce(open_rate < open_rate_at_least, false)
                or coalesce(unsubscribe_rate >= unsubscribe_rate_below, false)
                or coalesce(complaint_rate >= complaint_rate_below, false)
                then 'breached'
            else 'kept'
        end as guardrail_state

    from rates

)

select * from guardrails
