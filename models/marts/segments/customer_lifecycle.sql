{# Grain: one row per customer, buyers or not. #}

with

facts as (

    select
        customer_id,
        order_day_count,
        recency_days,
        median_gap_days,
        last_ordered_on

    from {{ ref('customer_facts') }}

),

shop as (

    select typical_gap_days from {{ ref('int_shop_facts') }}

),

states_before_last_order as (

    select
        customer_id,
        lifecycle_state

    from {{ ref('int_lifecycle_before_last_order') }}

),

rhythms as (

    select
        facts.customer_id,
        facts.order_day_count,
        facts.recency_days,
        facts.last_ordered_on,
        shop.typical_gap_days,
        case
            when facts.order_day_count > 0
                then {{ expected_gap_days('facts.order_day_count', 'facts.median_gap_days', 'shop.typical_gap_days') }}
        end as expected_gap_days

    from facts

    cross join shop

),

states as (

    select
        rhythms.*,
        {{ lifecycle_state('order_day_count', 'recency_days', 'expected_gap_days') }} as lifecycle_state,
        -- The first day of silence that is no longer active, and the first that is lost.
        greatest({{ days_until_gaps('expected_gap_days', 'slipping_ratio') }}, {{ var('slipping_floor_days') }})
            as slipping_from_days,
        greatest({{ days_until_gaps('expected_gap_days', 'lost_ratio') }}, {{ var('lost_floor_days') }})
            as lost_from_days

    from rhythms

),

turns as (

    select
        states.*,
        {{ first_day_beyond('last_ordered_on', var('new_customer_days')) }} as stops_being_new_on,
        {{ add_days('last_ordered_on', 'slipping_from_days') }} as slips_away_on,
        {{ add_days('last_ordered_on', 'lost_from_days') }} as becomes_lost_on

    from states

),

lifecycle as (

    select
        turns.customer_id,
        turns.lifecycle_state,
        turns.expected_gap_days,
        turns.recency_days / turns.expected_gap_days as gap_ratio,
        case
            when turns.lifecycle_state = 'prospect' then 'No purchase so far.'
            else
                case
                    when turns.lifecycle_state = 'new' then 'First ordered '
                    else 'Last ordered '
                end
                || {{ label_count('turns.recency_days', 'day', 'days') }} || ' ago; '
                || case
                    when turns.order_day_count >= 3 then 'usually orders every '
                    when turns.order_day_count = 2 then 'expected every '
                    else 'customers here usually order every '
                end
                || cast(cast(round(turns.expected_gap_days, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
                || ' days, so this is '
                || {{ label_amount('turns.recency_days / turns.expected_gap_days') }}
                || ' times the usual wait.'
        end as lifecycle_reason,
        case turns.lifecycle_state
            when 'new' then turns.stops_being_new_on
            when 'active' then turns.slips_away_on
            when 'slipping_away' then turns.becomes_lost_on
        end as lifecycle_changes_on,
        -- A new customer may turn active before she slips away: activity ends with the later of the two.
        case turns.lifecycle_state
            when 'new' then greatest(turns.stops_being_new_on, turns.slips_away_on)
            when 'active' then turns.slips_away_on
        end as activity_ends_on,
        coalesce(states_before_last_order.lifecycle_state = 'lost', false) as is_won_back

    from turns

    left join states_before_last_order
        on turns.customer_id = states_before_last_order.customer_id

)

select * from lifecycle
