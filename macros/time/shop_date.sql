{% macro shop_date(timestamp_column) -%}
    {%- set time_zone = var('shop_timezone') -%}
    {#- Conversion costs about a second per ten million rows; a shop on UTC need not pay it. -#}
    {%- if time_zone == 'UTC' -%}
        cast({{ timestamp_column }} as date)
    {%- else -%}
        cast(({{ timestamp_column }} at time zone 'UTC') at time zone '{{ time_zone }}' as date)
    {%- endif -%}
{%- endmacro %}
