{% macro changed_only(key, clause='where') -%}
    {%- set changed = {'order_id': ref('int_changed_orders'), 'customer_id': ref('int_changed_customers')} -%}
    {%- if key not in changed -%}
        {{ exceptions.raise_compiler_error("changed_only: changes are tracked by order_id and customer_id, not by '" ~ key ~ "'") }}
    {%- endif -%}
    {%- if is_partial_build() -%}
        {{ clause }} {{ key }} in (select changed_keys.{{ key }} from {{ changed[key] }} as changed_keys)
    {%- endif -%}
{%- endmacro %}
