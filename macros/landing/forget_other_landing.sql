{% macro forget_other_landing(source_name, table) -%}
    {%- set name = landing_name(source_name, table) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where landing_table <> '{{ name }}'
    {%- endif -%}
{%- endmacro %}
