{# Grain: one row per buyer: orders and revenue so far plus those expected within a year. #}
-- The one joint where predictions come into importance. Where there are none nothing is expected, and the basis is history.
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

predictions as (

    select
        customer_id,
        expected_orders_365d,
        expected_revenue_365d,
        basis

    from {{ ref('pred_purchase_intent') }}

    where basis in ('blend', 'btyd')

),

projection as (

    select
        facts.customer_id,
        coalesce(predictions.expected_orders_365d, 0) as expected_order_count,
        facts.order_count + coalesce(predictions.expected_orders_365d, 0) as projected_order_count,
        cast(
            facts.net_revenue_amount + coalesce(predictions.expected_revenue_365d, 0)
            as numeric(18, 4)
        ) as projected_revenue_amount,
        coalesce(predictions.basis, 'history') as projection_basis

    from facts

    left join predictions
        on facts.customer_id = predictions.customer_id

)

select * from projection
