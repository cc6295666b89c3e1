{% macro delete_changed(key) -%}
    {#- Runs before the insert and in its transaction, over the same keys. -#}
    {%- set changed = changed_only(key) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} {{ changed }}
    {%- endif -%}
{%- endmacro %}
