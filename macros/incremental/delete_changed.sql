{% macro delete_changed(key) -%}
    {#- Runs before the insert and in its transaction. -#}
    {%- set scope = ref('int_build_scope') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {{ changed_only(key) }}
        or (select scope.has_everything_changed from {{ scope }} as scope)
    {%- endif -%}
{%- endmacro %}
