{% macro source() -%}
    {#- As in `ref`, unless the landing tables are in another database. -#}
    {%- set relation = builtins.source(*varargs, **kwargs) -%}
    {{ return(relation if var('landing_database') else relation.include(database=false)) }}
{%- endmacro %}
