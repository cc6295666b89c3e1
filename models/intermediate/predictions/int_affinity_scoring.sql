{# Grain: one row per customer who has bought, with the chance that she comes at all: whom pred_product_affinity scores. #}

with

customers as (

    select * from {{ ref('int_affinity_customers') }}

    where snapshot_role = 'scoring'

),

intent as (

    select
        customer_id,
        purchase_probability_90d

    from {{ ref('pred_purchase_intent') }}

),

scoring as (

    select
        customers.snapshot_on,
        customers.customer_id,
        customers.random_rank,
        customers.customer_bucket,
        customers.order_day_count,
        customers.recency_days,
        customers.tenure_days,
        customers.mean_gap_days,
        customers.order_days_90d,
        customers.order_days_365d,
        customers.season_order_day_count,
        intent.purchase_probability_90d

    from customers

    left join intent
        on customers.customer_id = intent.customer_id

)

select * from scoring
