{% macro fraction_terms(name) -%}
    {#- Returns (numerator, denominator) as integers, so that SQL compares whole numbers and 120 days are exactly 4/3 of 90. -#}
    {%- set words = (var(name) | string).split('/') -%}
    {%- if words | length == 2 -%}
        {{ return((words[0] | trim | int, words[1] | trim | int)) }}
    {%- endif -%}
    {%- set decimals = (words[0].split('.') + [''])[1] | trim -%}
    {{ return(((words[0] | trim | replace('.', '')) | int, 10 ** (decimals | length))) }}
{%- endmacro %}
