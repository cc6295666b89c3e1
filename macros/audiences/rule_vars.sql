{% macro rule_vars() -%}
    {#- The vars that decide who is in an audience, and those that a macro reads on behalf of the model that calls it. A test names
        any other var that a model above an audience reads, and says which are left out and why. -#}
    {%- set macros = {
        'lifecycle_state': ['new_customer_days', 'slipping_ratio', 'slipping_floor_days', 'lost_ratio', 'lost_floor_days'],
        'shop_date': ['shop_timezone'],
        'shop_midnight': ['shop_timezone'],
    } -%}
    {%- set names = dict(macros) -%}
    {%- for name in [
        'has_refunds', 'has_customers', 'has_products', 'has_email_events', 'has_web_events', 'has_marketing_spend',
        'has_exchange_rates', 'shop_timezone', 'shop_country',
        'reporting_currency', 'merge_customers_by_email', 'require_tracking_consent', 'count_unflagged_opens', 'aov_window_days',
        'average_order_value', 'recent_engagement_days', 'open_cart_days', 'default_gap_days', 'min_gaps_for_typical',
        'vip_percent_rank', 'frequent_percent_rank', 'recent_purchase_days', 'just_passing_from_days', 'lapsed_purchase_days',
        'frequent_orders', 'frequent_engagements', 'too_new_days', 'espresso_engagement_days', 'customer_type_value',
        'least_discount_share', 'best_customer_orders', 'best_customer_percent_rank', 'sale_shopper_orders', 'sale_shopper_score',
        'sale_reference_percent', 'sale_discount_weight', 'core_category_share', 'disengaged_emails', 'gift_clues', 'gift_tags',
        'gift_wrap_tags', 'gift_card_tags', 'peak_season_orders', 'peak_season_share', 'peak_week_ratio', 'peak_years',
        'peak_last_month', 'likely_buyer_percent_rank', 'likely_high_value_percent_rank', 'affinity_half_life_days',
        'affinity_snapshots', 'affinity_training_customers', 'affinity_training_rows', 'prediction_min_buyers',
        'prediction_min_history_days', 'prediction_max_idle_days', 'prediction_min_repeat_buyers', 'prediction_snapshots',
        'prediction_snapshot_days', 'prediction_least_look_back_days', 'prediction_training_rows', 'churn_horizon_days',
        'churn_medium_risk', 'churn_high_risk',
    ] -%}
        {%- do names.setdefault(name, []) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
