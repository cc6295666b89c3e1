{% macro landing_name(source_name, table) -%}
    {{ return((source(source_name, table) | string) | replace('"', '') | replace('`', '')) }}
{%- endmacro %}
