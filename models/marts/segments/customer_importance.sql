{# Grain: one row per customer, buyers or not. #}
-- A view: customer_segments stores these words, and a second copy would be written anew by every daily build.
{{ config(materialized='view') }}

with

customers as (

    select
        customer_id,
        order_count,
        currency_code

    from {{ ref('customer_facts') }}

),

projection as (

    select * from {{ ref('int_customer_projection') }}

),

ranked_buyers as (

    select
        customer_id,
        expected_order_count,
        projected_order_count,
        projected_revenue_amount,
        projection_basis,
        count(*) over () as buyer_count,
        rank() over (order by projected_order_count) as order_rank,
        rank() over (order by projected_revenue_amount) as revenue_rank

    from projection

),

percent_ranked_buyers as (

    select
        customer_id,
        expected_order_count,
        projected_revenue_amount,
        projection_basis,
        {{ percent_rank_of('order_rank', 'buyer_count') }} as order_percent_rank,
        {{ percent_rank_of('revenue_rank', 'buyer_count') }} as revenue_percent_rank,
        {{ percent_below('order_rank', 'buyer_count') }} as order_percent,
        {{ percent_below('revenue_rank', 'buyer_count') }} as revenue_percent

    from ranked_buyers

),

importance as (

    select
        customers.customer_id,
        case
            when customers.order_count = 0 then 'none'
            when customers.order_count = 1 then 'one_time'
            when
                percent_ranked_buyers.order_percent_rank >= {{ var('vip_percent_rank') }}
                and percent_ranked_buyers.revenue_percent_rank >= {{ var('vip_percent_rank') }}
                then 'vip'
            when percent_ranked_buyers.order_percent_rank >= {{ var('frequent_percent_rank') }} then 'frequent'
            else 'loyal'
        end as importance,
        case
            when customers.order_count = 0 then 'No purchase so far.'
            else
                {{ label_count('customers.order_count', 'order', 'orders') }}
                || case
                    when percent_ranked_buyers.projection_basis = 'history' then ''
                    else
                        ' so far and '
                        || cast(
                            cast(round(percent_ranked_buyers.expected_order_count, 1) as numeric(18, 1))
                            as {{ dbt.type_string() }}
                        )
                        || ' expected within a year'
                end
                || ' (at or above ' || cast(percent_ranked_buyers.order_percent as {{ dbt.type_string() }})
                || '% of buyers) and '
                || {{ label_amount('percent_ranked_buyers.projected_revenue_amount') }}
                || ' ' || customers.currency_code
                || ' (at or above ' || cast(percent_ranked_buyers.revenue_percent as {{ dbt.type_string() }})
                || '%), from '
                || case percent_ranked_buyers.projection_basis
                    when 'history' then 'orders so far.'
                    else 'both together.'
                end
        end as importance_reason,
        percent_ranked_buyers.projection_basis as importance_basis,
        percent_ranked_buyers.order_percent_rank,
        percent_ranked_buyers.revenue_percent_rank

    from customers

    left join percent_ranked_buyers
        on customers.customer_id = percent_ranked_buyers.customer_id

)

select * from importance
