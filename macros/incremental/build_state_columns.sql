{% macro build_state_columns() -%}
    {{ return([
        'as_of_at', 'orders_loaded_at', 'order_lines_loaded_at', 'refunds_loaded_at', 'customers_loaded_at',
        'products_loaded_at', 'exchange_rates_loaded_at', 'settings_fingerprint',
    ]) }}
{%- endmacro %}
