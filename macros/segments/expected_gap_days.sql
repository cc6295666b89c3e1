{% macro expected_gap_days(order_day_count, median_gap_days, typical_gap_days) -%}
    {#- Two gaps or more: the customer's own rhythm; one: halfway to the shop's; none: the shop's. -#}
    greatest(
        case
            when {{ order_day_count }} >= 3 then {{ median_gap_days }}
            when {{ order_day_count }} = 2 then ({{ median_gap_days }} + {{ typical_gap_days }}) / 2
            else {{ typical_gap_days }}
        end,
        cast(1 as {{ type_double() }})
    )
{%- endmacro %}
