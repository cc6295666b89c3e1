{% macro json_keys_of(expression, alias) -%}
    {#- To be joined in `from`: one row per key of the row's JSON object, in a column of the alias's name. -#}
    {{ return(adapter.dispatch('json_keys_of', 'regulars')(expression, alias)) }}
{%- endmacro %}

{% macro default__json_keys_of(expression, alias) -%}
    lateral json_object_keys(cast({{ expression }} as json)) as keys({{ alias }})
{%- endmacro %}

{% macro duckdb__json_keys_of(expression, alias) -%}
    unnest(json_keys({{ expression }})) as keys({{ alias }})
{%- endmacro %}
