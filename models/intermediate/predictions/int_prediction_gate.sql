{# Grain: one row: how much the shop has to learn from, and the vars that say how much is needed. #}
{{ config(materialized='view') }}

with

as_of as (

    select
        as_of_date,
        reporting_currency

    from {{ ref('int_as_of') }}

),

purchase_days as (

    select
        customer_id,
        ordered_on,
        gap_days

    from {{ ref('int_purchase_days') }}

),

purchases as (

    select
        count(distinct customer_id) as buyer_count,
        count(distinct case when gap_days is not null then customer_id end) as repeat_buyer_count,
        count(*) as order_day_count,
        min(ordered_on) as first_ordered_on,
        max(ordered_on) as last_ordered_on

    from purchase_days

),

gate as (

    select
        as_of.as_of_date,
        as_of.reporting_currency as currency_code,
        purchases.buyer_count,
        purchases.repeat_buyer_count,
        purchases.order_day_count,
        cast({{ days_between('purchases.first_ordered_on', 'as_of.as_of_date') }} as integer) as history_days,
        cast({{ days_between('purchases.last_ordered_on', 'as_of.as_of_date') }} as integer) as idle_days,
        {%- for name in [
            'prediction_min_buyers', 'prediction_min_history_days', 'prediction_max_idle_days', 'prediction_min_repeat_buyers',
            'prediction_training_rows', 'retrain_after_days', 'churn_horizon_days'
        ] %}
        cast({{ var(name) }} as integer) as {{ name }},
        {%- endfor %}
        cast({{ var('churn_medium_risk') }} as {{ type_double() }}) as churn_medium_risk,
        cast({{ var('churn_high_risk') }} as {{ type_double() }}) as churn_high_risk,
        -- What shapes a model besides the orders: after a change the stored one is of no use.
        {{ dbt.hash("'" ~ prediction_settings_text() ~ "'") }} as settings_fingerprint

    from as_of

    cross join purchases

)

select * from gate
