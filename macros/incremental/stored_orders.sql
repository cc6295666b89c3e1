{% macro stored_orders() -%}
    {#- fct_orders as the last build left it; reading it by `ref` from a model before it would be a circle. -#}
    {{ return(this.incorporate(path={'schema': 'marts', 'identifier': 'fct_orders'})) }}
{%- endmacro %}
