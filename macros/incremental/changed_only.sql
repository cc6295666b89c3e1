{% macro changed_only(key, clause='where') -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set changed = {'order_id': ref('int_changed_orders'), 'customer_id': ref('int_changed_customers')} -%}
    {%- set scope = ref('int_build_scope') -%}
    {%- if key not in changed -%}
        {{ exceptions.raise_compiler_error("changed_only: changes are tracked by order_id and customer_id, not by '" ~ key ~ "'") }}
    {%- endif -%}
    {%- if is_incremental() -%}
        {#- On one line, so that it reads the same behind any indentation. -#}
        {{ clause }} ({{ key }} in (select changed_keys.{{ key }} from {{ changed[key] }} as changed_keys) or {# -#}
        (select scope.has_everything_changed from {{ scope }} as scope))
    {%- else -%}
        {{ clause }} true
    {%- endif -%}
{%- endmacro %}
