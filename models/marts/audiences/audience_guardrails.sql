{# Grain: one row per audience with guardrails: what its customers did with the e-mails they got since they entered. #}
{#- Which campaign was for which audience only publishing knows; until then every e-mail to a customer who is to be sent to counts. -#}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

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

stays as (

    select
        model_name,
        audience,
        customer_id,
        entered_on

    from {{ ref('audience_history') }}

    where
        left_on is null
        and is_sampled
        and arm = 'treatment'

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
        event_type,
        is_machine_open,
        occurred_at

    from {{ ref('stg_email__events') }}

),

customer_events as (

    select
        identities.customer_id,
        events.event_type,
        coalesce(events.is_machine_open, {{ not var('count_unflagged_opens') }}) as is_machine_open,
        {{ shop_date('events.occurred_at') }} as occurred_on

    from events

    inner join as_of
        on events.occurred_at < as_of.as_of_at

    inner join identities
        on events.identity_key = identities.identity_key

),

guarded as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on,
        definitions.open_rate_at_least,
        definitions.unsubscribe_rate_below,
        definitions.complaint_rate_below

    from stays

    inner join definitions
        on stays.model_name = definitions.model_name

),

counts as (

    select
        guarded.audience,
        max(guarded.open_rate_at_least) as open_rate_at_least,
        max(guarded.unsubscribe_rate_below) as unsubscribe_rate_below,
        max(guarded.complaint_rate_below) as complaint_rate_below,
        count(case when events.event_type = 'received' then 1 end) as received_count,
        count(case when events.event_type = 'opened' and not events.is_machine_open then 1 end) as opened_count,
        count(case when events.event_type = 'unsubscribed' then 1 end) as unsubscribed_count,
        count(case when events.event_type = 'marked_spam' then 1 end) as complaint_count

    from guarded

    left join customer_events as events
        on
            guarded.customer_id = events.customer_id
            and events.occurred_on >= guarded.entered_on

    group by guarded.audience

),

rates as (

    select
        counts.*,
        cast(opened_count as {{ type_double() }}) / nullif(received_count, 0) as open_rate,
        cast(unsubscribed_count as {{ type_double() }}) / nullif(received_count, 0) as unsubscribe_rate,
        cast(complaint_count as {{ type_double() }}) / nullif(received_count, 0) as complaint_rate

    from counts

),

guardrails as (

    select
        audience,
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
