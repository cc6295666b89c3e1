{% macro tables_with_state() -%}
    {#- The four tables that are brought up to date, and every table between the landing tables and them: all must describe the same. -#}
    {{ return([
        'fct_orders', 'int_order_days', 'int_customer_orders', 'customer_category_facts',
        'int_identity_sightings', 'customer_identities', 'int_foreign_orders', 'int_order_refunds', 'int_line_refunds',
        'int_gift_days', 'int_changed_orders',
    ]) }}
{%- endmacro %}
