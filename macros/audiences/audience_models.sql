{% macro audience_models() -%}
    {#- Every model in models/audiences/. dbt wants its references written out; `regulars audience new` adds to this list. -#}
    {{ return([
        'aud_abandoned_carts',
        'aud_all_buyers',
        'aud_full_price_shoppers',
        'aud_interested_in_brands',
        'aud_interested_in_categories',
        'aud_interested_in_long_tail',
        'aud_likely_high_order_value',
        'aud_likely_to_buy_30d',
        'aud_lost_buyers',
        'aud_lost_vips',
        'aud_mothers_day_gift_buyers',
        'aud_non_target',
        'aud_non_target_seed',
        'aud_one_time_buyers_by_brand',
        'aud_peak_season_buyers',
        'aud_sale_shoppers',
        'aud_slipping_away',
        'aud_tent_without_repellent',
        'aud_vip_seed',
        'aud_winback_false_start',
        'aud_winback_just_passing_through',
        'aud_winback_one_hit_wonder',
    ]) }}
{%- endmacro %}
