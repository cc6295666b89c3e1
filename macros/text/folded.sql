{% macro folded(expression) -%}
    {#- Upper case and accents are no difference. -#}
    {{ return(adapter.dispatch('folded', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__folded(expression) -%}
    lower(strip_accents({{ expression }}))
{%- endmacro %}
