{% macro type_double() -%}
    {{ return(adapter.dispatch('type_double', 'regulars')()) }}
{%- endmacro %}

{% macro default__type_double() -%}
    {#- dbt's own type_float is four bytes on DuckDB. -#}
    double precision
{%- endmacro %}

{% macro spark__type_double() -%}
    double
{%- endmacro %}
