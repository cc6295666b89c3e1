{% macro shop_midnight(date_column) -%}
    cast(
        (cast({{ date_column }} as timestamp) at time zone '{{ var("shop_timezone") }}') at time zone 'UTC' as timestamp
    )
{%- endmacro %}
