{% macro words_of(expression) -%}
    {#- Folded, and a single space for whatever stands between letters and digits. -#}
    {{ return(adapter.dispatch('words_of', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__words_of(expression) -%}
    trim(regexp_replace({{ folded(expression) }}, '[^\p{L}\p{N}]+', ' ', 'g'))
{%- endmacro %}
