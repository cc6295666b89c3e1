{% macro lifecycle_state(order_day_count, recency_days, expected_gap_days) -%}
    case
        when {{ order_day_count }} = 0 then 'prospect'
        when {{ order_day_count }} = 1 and {{ recency_days }} <= {{ var('new_customer_days') }} then 'new'
        when
            {{ is_within_gaps(recency_days, expected_gap_days, 'slipping_ratio') }}
            or {{ recency_days }} < {{ var('slipping_floor_days') }}
            then 'active'
        when
            {{ is_within_gaps(recency_days, expected_gap_days, 'lost_ratio') }}
            or {{ recency_days }} < {{ var('lost_floor_days') }}
            then 'slipping_away'
        else 'lost'
    end
{%- endmacro %}
