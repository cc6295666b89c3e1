{# Grain: one row per buyer: orders and revenue so far plus those expected within a year. #}
-- The one joint where predictions come in: until they do, nothing is expected and the basis is history.
{{ config(materialized='view') }}

with

facts as (

    select
        customer_id,
        order_count,
        net_revenue_amount

    from {{ ref('customer_facts') }}

    where order_count > 0

),

projection as (

    select
        customer_id,
        order_count as projected_order_count,
        net_revenue_amount as projected_revenue_amount,
        'history' as projection_basis

    from facts

)

select * from projection
