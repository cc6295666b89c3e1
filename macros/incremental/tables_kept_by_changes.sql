{% macro tables_kept_by_changes() -%}
    {{ return(['fct_orders', 'int_order_days', 'int_customer_orders', 'customer_category_facts']) }}
{%- endmacro %}
