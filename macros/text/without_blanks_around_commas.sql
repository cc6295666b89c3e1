{% macro without_blanks_around_commas(text) -%}
    {{ return(adapter.dispatch('without_blanks_around_commas', 'regulars')(text)) }}
{%- endmacro %}

{% macro default__without_blanks_around_commas(text) -%}
    regexp_replace({{ text }}, ' *, *', ',', 'g')
{%- endmacro %}

{% macro spark__without_blanks_around_commas(text) -%}
    regexp_replace({{ text }}, ' *, *', ',')
{%- endmacro %}
