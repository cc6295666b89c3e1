{% macro check_vars() -%}
    {%- set problems = [] -%}
    {%- set whole_numbers = {
        'recent_engagement_days': 1, 'open_cart_days': 1, 'default_gap_days': 1, 'min_gaps_for_typical': 1,
        'new_customer_days': 0, 'slipping_floor_days': 0, 'lost_floor_days': 0, 'recent_purchase_days': 0,
        'just_passing_from_days': 0, 'lapsed_purchase_days': 0, 'frequent_orders': 2, 'frequent_engagements': 2,
        'too_new_days': 0, 'espresso_engagement_days': 1, 'best_customer_orders': 1, 'sale_shopper_orders': 1,
        'disengaged_emails': 1, 'peak_season_orders': 1, 'sale_reference_percent': 1, 'gift_clues': 1, 'peak_years': 1,
        'peak_last_month': 1, 'landing_lookback_hours': 0, 'prediction_min_buyers': 1, 'prediction_min_history_days': 1,
        'prediction_max_idle_days': 0, 'prediction_min_repeat_buyers': 1, 'prediction_snapshots': 1,
        'prediction_snapshot_days': 1, 'prediction_least_look_back_days': 1, 'prediction_training_rows': 1000,
        'retrain_after_days': 0, 'churn_horizon_days': 1, 'guardrail_min_emails': 1,
        'affinity_snapshots': 1, 'affinity_half_life_days': 1, 'affinity_training_customers': 1, 'affinity_training_rows': 1000,
        'affinity_buckets': 1, 'affinity_top': 1, 'pair_minimum_support': 1, 'pair_customers': 1,
        'pair_products_per_customer': 2, 'pair_top': 1, 'recommendation_count': 1, 'recommendations_per_category': 1,
        'experiment_window_days': 1, 'experiment_pre_days': 1,
    } -%}
    {%- set highest = {'sale_reference_percent': 100, 'gift_clues': 3, 'peak_last_month': 12, 'prediction_snapshots': 900,
                        'churn_horizon_days': 365} -%}
    {%- set shares = ['vip_percent_rank', 'frequent_percent_rank', 'best_customer_percent_rank', 'sale_shopper_score',
                      'sale_discount_weight', 'core_category_share', 'peak_season_share', 'least_discount_share',
                      'churn_medium_risk', 'churn_high_risk', 'likely_buyer_percent_rank', 'likely_high_value_percent_rank',
                      'consumable_repeat_share', 'global_holdout_share'] -%}
    {%- set ratios = ['slipping_ratio', 'lost_ratio', 'peak_week_ratio'] -%}
    {%- set switches = ['has_refunds', 'has_customers', 'has_products', 'has_email_events', 'has_web_events',
                        'has_marketing_spend', 'has_exchange_rates', 'merge_customers_by_email',
                        'require_tracking_consent', 'count_unflagged_opens', 'write_past_history'] -%}
    {%- set lists = ['gift_tags', 'gift_wrap_tags', 'gift_card_tags'] -%}
    {%- set others = ['landing_database', 'landing_schema', 'landing_tables', 'as_of_date', 'shop_timezone', 'shop_country',
                      'reporting_currency', 'aov_window_days', 'average_order_value', 'customer_type_value', 'experiment_salt'] -%}
    {%- for name, least in whole_numbers.items() -%}
        {%- if var(name) is not integer or var(name) is boolean or var(name) < least -%}
            {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be a whole number of at least ' ~ least) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, most in highest.items() if var(name) is integer and var(name) > most -%}
        {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be a whole number of at most ' ~ most) -%}
    {%- endfor -%}
    {%- for name in shares -%}
        {%- if var(name) is not number or var(name) is boolean or var(name) < 0 or var(name) > 1 -%}
            {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be a number from 0 to 1') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in ratios -%}
        {%- if not modules.re.match('^(?=.*[1-9])[0-9]+([.][0-9]+)?$|^0*[1-9][0-9]* */ *0*[1-9][0-9]*$', var(name) | string) -%}
            {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be a positive number or a fraction such as 4/3') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in switches -%}
        {%- if var(name) is not boolean -%}
            {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be true or false') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in lists -%}
        {%- if var(name) is string or var(name) is not sequence -%}
            {%- do problems.append(name ~ ' is ' ~ var(name) ~ '; it must be a list such as [gift]') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('aov_window_days') is not none and (var('aov_window_days') is not integer or var('aov_window_days') < 1) -%}
        {%- do problems.append('aov_window_days is ' ~ var('aov_window_days') ~ '; it must be a whole number of at least 1, or null for all time') -%}
    {%- endif -%}
    {%- if var('average_order_value') is not none and (var('average_order_value') is not number or var('average_order_value') <= 0) -%}
        {%- do problems.append('average_order_value is ' ~ var('average_order_value') ~ '; it must be a number above 0, or null for the measured average') -%}
    {%- endif -%}
    {%- if var('customer_type_value') not in ['aov', 'margin'] -%}
        {%- do problems.append('customer_type_value is ' ~ var('customer_type_value') ~ '; it must be aov or margin') -%}
    {%- endif -%}
    {%- if not var('experiment_salt') or not modules.re.match('^[A-Za-z0-9_.-]+$', var('experiment_salt') | string) -%}
        {%- do problems.append('experiment_salt is ' ~ var('experiment_salt') ~ '; it must be a word of letters, digits, points, dashes and underscores') -%}
    {%- endif -%}
    {%- if var('reporting_currency') is not none and not modules.re.match('^[A-Za-z]{3}$', var('reporting_currency') | string) -%}
        {%- do problems.append('reporting_currency is ' ~ var('reporting_currency') ~ '; it must be a three-letter ISO 4217 code, or null') -%}
    {%- endif -%}
    {%- if var('shop_country') is not none and not modules.re.match('^[A-Za-z]{2}$', var('shop_country') | string) -%}
        {%- do problems.append('shop_country is ' ~ var('shop_country') ~ '; it must be a two-letter ISO 3166 code, or null') -%}
    {%- endif -%}
    {%- if var('as_of_date') is not none and not is_date(var('as_of_date')) -%}
        {%- do problems.append('as_of_date is ' ~ var('as_of_date') ~ '; it must be a date as in 2026-01-31, or null for the day after the newest order or event') -%}
    {%- endif -%}
    {%- if var('shop_timezone') is none or var('shop_timezone') | string not in modules.pytz.all_timezones_set -%}
        {%- do problems.append('shop_timezone is ' ~ var('shop_timezone') ~ '; it must be an IANA name such as Europe/Copenhagen or UTC') -%}
    {%- endif -%}
    {%- if var('landing_tables') is not mapping -%}
        {%- do problems.append('landing_tables is ' ~ var('landing_tables') ~ '; it must be a mapping such as {orders: shop_orders}') -%}
    {%- else -%}
        {%- for table in var('landing_tables') if table not in landing_table_names() -%}
            {%- do problems.append("landing_tables names '" ~ table ~ "'; there are: " ~ landing_table_names() | join(', ')) -%}
        {%- endfor -%}
    {%- endif -%}
    {#- Between vars, once each makes sense alone. -#}
    {%- if not problems -%}
        {%- for lower, higher in [
            ('recent_purchase_days', 'lapsed_purchase_days'), ('just_passing_from_days', 'lapsed_purchase_days'),
            ('slipping_floor_days', 'lost_floor_days'), ('frequent_percent_rank', 'vip_percent_rank'),
            ('churn_medium_risk', 'churn_high_risk'),
        ] if var(lower) > var(higher) -%}
            {%- do problems.append(higher ~ ' is ' ~ var(higher) ~ '; it must not be below ' ~ lower ~ ' (' ~ var(lower) ~ ')') -%}
        {%- endfor -%}
        {%- set slipping, lost = fraction_terms('slipping_ratio'), fraction_terms('lost_ratio') -%}
        {%- if lost[0] * slipping[1] < slipping[0] * lost[1] -%}
            {%- do problems.append('lost_ratio is ' ~ var('lost_ratio') ~ '; it must not be below slipping_ratio (' ~ var('slipping_ratio') ~ ')') -%}
        {%- endif -%}
    {%- endif -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error('vars that make no sense (defaults and meaning: dbt_project.yml, docs/vars.md):\n  - ' ~ problems | join('\n  - ')) }}
    {%- endif -%}
    {%- set known = whole_numbers.keys() | list + shares + ratios + switches + lists + others -%}
    {%- for name in (invocation_args_dict.get('vars') or {}) if name not in known -%}
        {%- do exceptions.warn("--vars names '" ~ name ~ "', which is no var of Regulars: nothing here reads it (docs/vars.md lists them)") -%}
    {%- endfor -%}
    {#- A day that has not come is not wrong, but hardly what somebody wants: everybody looks lost. -#}
    {%- if var('as_of_date') is not none and var('as_of_date') | string > (run_started_at + modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d') -%}
        {%- do exceptions.warn('as_of_date is ' ~ var('as_of_date') ~ ', a day that has not come: customers will look as if they had ordered nothing until then') -%}
    {%- endif -%}
{%- endmacro %}
