{% macro shop_midnight(date_column) -%}
    {%- set midnight = from_time_zone('cast(' ~ date_column ~ ' as timestamp)', var('shop_timezone')) -%}
    {%- set an_hour_before = dbt.dateadd('hour', -1, midnight) -%}
    {#- Where clocks are set back at midnight it comes twice, and the day begins with the first. -#}
    cast(
        case
            when cast({{ in_time_zone(an_hour_before, var('shop_timezone')) }} as date) = {{ date_column }}
                then {{ an_hour_before }}
            else {{ midnight }}
        end as timestamp
    )
{%- endmacro %}
