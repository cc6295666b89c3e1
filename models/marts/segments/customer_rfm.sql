{# Grain: one row per customer, buyers or not. #}
-- A view: customer_segments stores these words, and a second copy would be written anew by every daily build.
{{ config(materialized='view') }}

with

scores as (

    select * from {{ ref('int_rfm_scores') }}

),

facts as (

    select
        customer_id,
        recency_days,
        order_count,
        net_revenue_amount,
        currency_code

    from {{ ref('customer_facts') }}

),

stays as (

    select
        customer_id,
        previous_rfm_tier,
        entered_on

    from {{ ref('int_rfm_tier_stays') }}

    where previous_rfm_tier is not null

),

newest_changes as (

    select
        stays.customer_id,
        max(stays.entered_on) as entered_on

    from stays

    inner join scores
        on
            stays.customer_id = scores.customer_id
            and stays.entered_on <= scores.as_of_date

    group by stays.customer_id

),

rfm as (

    select
        scores.customer_id,
        scores.recency_score,
        scores.frequency_score,
        scores.monetary_score,
        scores.fm_score,
        cast(scores.recency_score as {{ dbt.type_string() }})
        || cast(scores.frequency_score as {{ dbt.type_string() }})
        || cast(scores.monetary_score as {{ dbt.type_string() }}) as rfm_cell,
        scores.rfm_tier,
        case
            when scores.recency_score is null then 'No purchase so far.'
            else
                'Last order ' || {{ label_count('facts.recency_days', 'day', 'days') }}
                || ' ago (recency ' || cast(scores.recency_score as {{ dbt.type_string() }}) || ' of 5), '
                || {{ label_count('facts.order_count', 'order', 'orders') }}
                || ' (frequency ' || cast(scores.frequency_score as {{ dbt.type_string() }}) || '), '
                || {{ label_amount('facts.net_revenue_amount') }} || ' ' || facts.currency_code
                || ' (value ' || cast(scores.monetary_score as {{ dbt.type_string() }}) || ').'
        end as rfm_tier_reason,
        stays.previous_rfm_tier,
        stays.entered_on as rfm_tier_changed_on

    from scores

    inner join facts
        on scores.customer_id = facts.customer_id

    left join newest_changes
        on scores.customer_id = newest_changes.customer_id

    left join stays
        on
            newest_changes.customer_id = stays.customer_id
            and newest_changes.entered_on = stays.entered_on

)

select * from rfm
