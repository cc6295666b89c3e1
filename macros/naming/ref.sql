{% macro ref() -%}
    {#- Without the database's name, views survive a warehouse file that is renamed or copied. -#}
    {{ return(builtins.ref(*varargs, **kwargs).include(database=false)) }}
{%- endmacro %}
