{# Who has a prediction has all of it, and its parts agree: a longer horizon holds a shorter one, a value is revenue so far and ahead.
   Red when a model scores somebody with a null or NaN, which the rankings of segments would put first or last. #}

with

predictions as (

    select * from {{ ref('pred_purchase_intent') }}

),

with_prediction as (

    select customer_id

    from predictions

    where
        basis in ('blend', 'btyd')
        and not coalesce(
            purchase_probability_30d >= 0
            and purchase_probability_30d <= purchase_probability_90d
            and purchase_probability_90d <= 1
            and churn_probability between 0 and 1
            and churn_risk in ('low', 'medium', 'high')
            and expected_orders_90d >= purchase_probability_90d
            and expected_orders_90d <= expected_orders_365d
            -- NaN and infinity are above every number.
            and expected_orders_365d < 100000
            and expected_order_amount >= 0
            and coalesce(next_order_within_90d_on <= expected_next_order_on, true)
            and expected_revenue_90d <= expected_revenue_365d
            and customer_lifetime_value is not null
            and model_version is not null,
            false
        )

),

without_prediction as (

    select customer_id

    from predictions

    where
        coalesce(basis, 'history') = 'history'
        and (
            gate_reason is null
            or purchase_probability_30d is not null
            or expected_orders_365d is not null
            or expected_revenue_365d is not null
            or churn_probability is not null
        )

),

faults as (

    select customer_id from with_prediction

    union all

    select customer_id from without_prediction

)

select * from faults
