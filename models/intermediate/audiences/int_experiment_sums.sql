{# Grain: one row per audience and arm of its experiment: all that its results follow from. #}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

definitions as (

    select
        model_name,
        cast(coalesce(holdout_share, 0) as {{ type_double() }}) as holdout_share,
        cast(coalesce(global_holdout_share, 0) as {{ type_double() }}) as global_holdout_share

    from {{ ref('int_audience_definitions') }}

),

outcomes as (

    select * from {{ ref('int_experiment_outcomes') }}

    where is_sampled

),

audiences as (

    select distinct
        audience,
        model_name

    from outcomes

),

-- The global holdout is drawn first; a holdout is a share of those who remain.
arms as (

    select
        model_name,
        'treatment' as arm,
        (1 - global_holdout_share) * (1 - holdout_share) as intended_share
    from definitions
    union all
    select
        model_name,
        'control' as arm,
        (1 - global_holdout_share) * holdout_share as intended_share
    from definitions
    union all
    select
        model_name,
        'held_out' as arm,
        global_holdout_share as intended_share
    from definitions

),

audience_arms as (

    select
        audiences.audience,
        audiences.model_name,
        arms.arm,
        arms.intended_share

    from audiences

    inner join arms
        on audiences.model_name = arms.model_name

    where arms.intended_share > 0

),

-- Decimals add up to the same last digit in any order of rows; doubles do not.
sums_by_arm as (

    select
        audience,
        arm,
        sum(case when is_over then 1 else 0 end) as customer_count,
        sum(case when is_over then 0 else 1 end) as waiting_count,
        sum(case when is_over and order_count > 0 then 1 else 0 end) as conversion_count,
        sum(case when is_over then net_revenue_amount end) as net_revenue_amount,
        sum(case when is_over then net_revenue_amount * net_revenue_amount end) as net_revenue_square_sum,
        sum(case when is_over then net_revenue_amount_before end) as net_revenue_amount_before,
        sum(case when is_over then net_revenue_amount_before * net_revenue_amount_before end)
            as net_revenue_before_square_sum,
        sum(case when is_over and order_count > 0 then net_revenue_amount_before end)
            as converted_net_revenue_amount_before,
        sum(case when is_over then net_revenue_amount * net_revenue_amount_before end) as net_revenue_product_sum

    from outcomes

    group by
        audience,
        arm

),

sums as (

    select
        audience_arms.audience,
        audience_arms.model_name,
        audience_arms.arm,
        audience_arms.intended_share,
        {{ var('experiment_window_days') }} as window_days,
        cast(coalesce(sums_by_arm.customer_count, 0) as bigint) as customer_count,
        cast(coalesce(sums_by_arm.waiting_count, 0) as bigint) as waiting_count,
        cast(coalesce(sums_by_arm.conversion_count, 0) as bigint) as conversion_count,
        cast(coalesce(sums_by_arm.net_revenue_amount, 0) as numeric(38, 4)) as net_revenue_amount,
        cast(coalesce(sums_by_arm.net_revenue_square_sum, 0) as numeric(38, 8)) as net_revenue_square_sum,
        cast(coalesce(sums_by_arm.net_revenue_amount_before, 0) as numeric(38, 4)) as net_revenue_amount_before,
        cast(coalesce(sums_by_arm.net_revenue_before_square_sum, 0) as numeric(38, 8)) as net_revenue_before_square_sum,
        cast(coalesce(sums_by_arm.converted_net_revenue_amount_before, 0) as numeric(38, 4))
            as converted_net_revenue_amount_before,
        cast(coalesce(sums_by_arm.net_revenue_product_sum, 0) as numeric(38, 8)) as net_revenue_product_sum,
        as_of.as_of_date

    from audience_arms

    cross join as_of

    left join sums_by_arm
        on
            audience_arms.audience = sums_by_arm.audience
            and audience_arms.arm = sums_by_arm.arm

)

select * from sums
