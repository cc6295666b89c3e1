{% macro shop_midnight(date_column) -%}
    cast({{ from_time_zone('cast(' ~ date_column ~ ' as timestamp)', var('shop_timezone')) }} as timestamp)
{%- endmacro %}
