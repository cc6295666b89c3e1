{% macro segment_codes(kind) -%}
    {#- The codes of the labels whose rules are fixed; a test holds them against the seed segment_labels. None of others. -#}
    {{ return({
        'lifecycle_state': ['prospect', 'new', 'active', 'slipping_away', 'lost'],
        'importance': ['vip', 'frequent', 'loyal', 'one_time', 'none'],
        'persona': [
            'high_roller', 'brand_enthusiast', 'potential_high_roller', 'potential_brand_enthusiast', 'lapsed_high_roller',
            'lapsed_enthusiast', 'one_hit_wonder', 'just_passing_through', 'window_shopper', 'almost_there', 'waiting_for_wows',
            'false_start', 'dead_weight', 'too_new',
        ],
        'customer_type': [
            'loyal', 'low_value_active', 'at_risk', 'non_target', 'abandoned_cart', 'subscriber', 'unreachable',
        ],
        'ad_segment': [
            'all_customers', 'best_customers', 'sale_shoppers', 'full_price_shoppers', 'gift_buyers', 'disengaged',
            'peak_season_buyers', 'likely_to_buy_30d', 'likely_high_order_value',
        ],
        'churn_risk': ['low', 'medium', 'high'],
    }.get(kind)) }}
{%- endmacro %}
