{% macro json_text(expression, key) -%}
    {#- What a JSON object has under the key, as text; null where it has no such key. -#}
    {{ return(adapter.dispatch('json_text', 'regulars')(expression, key)) }}
{%- endmacro %}

{% macro default__json_text(expression, key) -%}
    cast({{ expression }} as json) ->> '{{ key | replace("'", "''") }}'
{%- endmacro %}

{% macro duckdb__json_text(expression, key) -%}
    {#- A pointer, not a path: any key can be written as one. -#}
    json_extract_string({{ expression }}, '/{{ key | replace("~", "~0") | replace("/", "~1") | replace("'", "''") }}')
{%- endmacro %}
