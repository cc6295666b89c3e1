{% macro delete_changed(key) -%}
    {#- Runs before the insert and in its transaction. A table that no complete build stands behind is emptied. -#}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {{ changed_only(key) }}
    {%- endif -%}
{%- endmacro %}
