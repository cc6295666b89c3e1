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

lifecycle as (

    select
        states.customer_id,
        states.lifecycle_state,
        states.expected_gap_days,
        states.recency_days / states.expected_gap_days as gap_ratio,
        case
            when states.lifecycle_state = 'prospect' then 'Has not ordered yet.'
            else
                case
                    when states.lifecycle_state = 'new' then 'First ordered '
                    else 'Last ordered '
                end
                || {{ label_count('states.recency_days', 'day', 'days') }} || ' ago; '
                || case
                    when states.order_day_count >= 3 then 'usually orders every '
                    when states.order_day_count = 2 then 'expected every '
                    else 'customers here usually order every '
                end
                || cast(cast(round(states.expected_gap_days, 1) as numeric(18, 1)) as {{ dbt.type_string() }})
                || ' days, so this is '
                || {{ label_amount('states.recency_days / states.expected_gap_days') }}
                || ' times the usual wait.'
        end as lifecycle_reason,
        case states.lifecycle_state
            when 'new' then {{ add_days('states.last_ordered_on', var('new_customer_days') + 1) }}
            when 'active' then {{ add_days('states.last_ordered_on', 'states.slipping_from_days') }}
            when 'slipping_away' then {{ add_days('states.last_ordered_on', 'states.lost_from_days') }}
        end as lifecycle_changes_on,
        coalesce(states_before_last_order.lifecycle_state = 'lost', false) as is_won_back

    from states

    left join states_before_last_order
        on states.customer_id = states_before_last_order.customer_id

)

select * from lifecycle
