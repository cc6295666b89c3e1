{% macro landing_table_names() -%}
    {{ return([
        'orders', 'order_lines', 'refunds', 'customers', 'products', 'exchange_rates', 'email_events', 'web_events',
        'marketing_spend',
    ]) }}
{%- endmacro %}
