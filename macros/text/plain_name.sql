{% macro plain_name(expression) -%}
    {#- Case and spaces do not make a name another name. -#}
    nullif(replace(lower({{ expression }}), ' ', ''), '')
{%- endmacro %}
