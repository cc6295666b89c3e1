{% macro shop_date(timestamp_column) -%}
    {%- set time_zone = var('shop_timezone') -%}
    {#- Conversion costs about a second per ten million rows; a shop on UTC need not pay it. -#}
    {%- if time_zone == 'UTC' -%}
        cast({{ timestamp_column }} as date)
    {%- else -%}
        cast({{ in_time_zone(timestamp_column, time_zone) }} as date)
    {%- endif -%}
{%- endmacro %}
