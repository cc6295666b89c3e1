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
        customers.*,
        intent.purchase_probability_90d

    from customers

    left join intent
        on customers.customer_id = intent.customer_id

)

select * from scoring
