{# Grain: one row per customer, buyers or not: the table that BI reads. #}

with

facts as (

    select * from {{ ref('customer_facts') }}

),

rfm as (

    select * from {{ ref('customer_rfm') }}

),

lifecycle as (

    select * from {{ ref('customer_lifecycle') }}

),

importance as (

    select * from {{ ref('customer_importance') }}

),

personas as (

    select * from {{ ref('customer_personas') }}

),

types as (

    select * from {{ ref('customer_types') }}

),

ad_flags as (

    select * from {{ ref('int_customer_ad_flags') }}

),

predictions as (

    select * from {{ ref('pred_purchase_intent') }}

),

predicted_flags as (

    select * from {{ ref('int_customer_predicted_flags') }}

),

segments as (

    select
        facts.customer_id,
        facts.as_of_date,

        -- who
        facts.country,
        facts.language,
        facts.has_email_consent,
        facts.is_subscribed,
        facts.has_sms_consent,
        facts.has_ads_user_data_consent,
        facts.has_ads_personalization_consent,
        facts.has_tracking_consent,
        facts.created_on,
        facts.acquisition_channel,
        facts.acquisition_cost_amount,

        -- key facts
        facts.currency_code,
        facts.first_ordered_on,
        facts.last_ordered_on,
        facts.order_count,
        facts.recency_days,
        facts.tenure_days,
        facts.gross_revenue_amount,
        facts.discount_amount,
        facts.refund_amount,
        facts.net_revenue_amount,
        facts.gross_margin_amount,
        facts.average_order_amount,
        facts.median_gap_days,
        facts.discount_share,
        facts.category_count,
        facts.email_received_count,
        facts.engagement_count_90d,
        facts.site_intent_count_90d,
        facts.last_engaged_at,
        facts.open_cart_at,

        -- labels
        rfm.rfm_cell,
        rfm.rfm_tier,
        rfm.rfm_tier_reason,
        rfm.previous_rfm_tier,
        rfm.rfm_tier_changed_on,
        lifecycle.lifecycle_state,
        lifecycle.lifecycle_reason,
        lifecycle.lifecycle_changes_on,
        lifecycle.expected_gap_days,
        lifecycle.gap_ratio,
        importance.importance,
        importance.importance_reason,
        importance.importance_basis,
        personas.persona,
        personas.persona_reason,
        personas.persona_changes_on,
        types.customer_type,
        types.customer_type_reason,
        types.customer_type_changes_on,

        -- predictions; null with a reason where the data cannot carry them
        predictions.purchase_probability_30d,
        predictions.purchase_probability_90d,
        predictions.expected_orders_90d,
        predictions.expected_orders_365d,
        predictions.expected_order_amount,
        predictions.expected_revenue_90d,
        predictions.expected_revenue_365d,
        predictions.customer_lifetime_value,
        predictions.churn_probability,
        predictions.churn_risk,
        predictions.expected_next_order_on,
        predictions.basis as prediction_basis,
        predictions.gate_reason as prediction_gate_reason,

        -- flags
        lifecycle.is_won_back,
        personas.is_espresso_shot,
        types.has_open_cart,
        ad_flags.is_best_customer,
        ad_flags.is_sale_shopper,
        ad_flags.is_full_price_shopper,
        ad_flags.is_gift_buyer,
        ad_flags.is_disengaged,
        ad_flags.is_peak_season_buyer,
        predicted_flags.is_likely_to_buy_30d,
        predicted_flags.is_likely_high_order_value

    from facts

    inner join rfm
        on facts.customer_id = rfm.customer_id

    inner join lifecycle
        on facts.customer_id = lifecycle.customer_id

    inner join importance
        on facts.customer_id = importance.customer_id

    inner join personas
        on facts.customer_id = personas.customer_id

    inner join types
        on facts.customer_id = types.customer_id

    inner join ad_flags
        on facts.customer_id = ad_flags.customer_id

    left join predictions
        on facts.customer_id = predictions.customer_id

    left join predicted_flags
        on facts.customer_id = predicted_flags.customer_id

)

select * from segments
