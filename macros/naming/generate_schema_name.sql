{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The schema a person reads in the project is the schema she finds in the warehouse. -#}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
