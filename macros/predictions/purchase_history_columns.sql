{% macro purchase_history_columns() -%}
    {{ return([
        'order_day_count', 'recency_days', 'age_days', 'last_gap_days', 'longest_gap_days', 'log_gap_sum', 'log_gap_square_sum',
        'order_days_14d', 'order_days_30d', 'order_days_60d', 'order_days_90d', 'order_days_180d', 'order_days_365d',
        'order_days_year_ago_30d', 'order_days_year_ago_90d', 'faded_order_days_40d', 'faded_order_days_125d',
        'paid_cents', 'paid_cents_365d', 'paid_cents_90d', 'last_paid_cents', 'line_count', 'last_line_count',
    ]) }}
{%- endmacro %}
