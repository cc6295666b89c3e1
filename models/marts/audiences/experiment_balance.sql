{# Grain: one row per audience, kind of stratum, stratum and arm. #}

with

outcomes as (

    select * from {{ ref('int_experiment_outcomes') }}

    where
        is_sampled
        and is_over

),

-- Only buyers are ranked: most people of many an audience spent nothing lately, and are one stratum.
ranked as (

    select
        audience,
        customer_id,
        arm,
        entered_on,
        order_count_before,
        net_revenue_amount_before,
        as_of_date,
        rank() over (
            partition by audience, case when net_revenue_amount_before > 0 then 1 else 0 end
            order by net_revenue_amount_before
        ) as spend_rank,
        count(*) over (
            partition by audience, case when net_revenue_amount_before > 0 then 1 else 0 end
        ) as spend_count

    from outcomes

),

strata as (

    select
        audience,
        arm,
        as_of_date,
        'spend_before' as stratum_kind,
        case
            when net_revenue_amount_before <= 0 then 'nothing'
            when 3 * (spend_rank - 1) < spend_count then 'lowest_third'
            when 3 * (spend_rank - 1) < 2 * spend_count then 'middle_third'
            else 'highest_third'
        end as stratum
    from ranked
    union all
    select
        audience,
        arm,
        as_of_date,
        'orders_before' as stratum_kind,
        case
            when order_count_before <= 2 then cast(order_count_before as {{ dbt.type_string() }})
            when order_count_before <= 5 then '3_to_5'
            else '6_or_more'
        end as stratum
    from ranked
    union all
    select
        audience,
        arm,
        as_of_date,
        'entered_month' as stratum_kind,
        substring(cast(entered_on as {{ dbt.type_string() }}), 1, 7) as stratum
    from ranked

),

-- A stratum that has nobody of an arm says so with a 0.
strata_of_audience as (

    select distinct
        audience,
        stratum_kind,
        stratum

    from strata

),

arm_totals as (

    select
        audience,
        arm,
        as_of_date,
        count(*) as arm_count

    from outcomes

    group by
        audience,
        arm,
        as_of_date

),

counts as (

    select
        audience,
        stratum_kind,
        stratum,
        arm,
        count(*) as customer_count

    from strata

    group by
        audience,
        stratum_kind,
        stratum,
        arm

),

balance as (

    select
        strata_of_audience.audience,
        strata_of_audience.stratum_kind,
        strata_of_audience.stratum,
        arm_totals.arm,
        coalesce(counts.customer_count, 0) as customer_count,
        cast(coalesce(counts.customer_count, 0) as {{ type_double() }}) / arm_totals.arm_count as customer_share,
        arm_totals.as_of_date

    from strata_of_audience

    inner join arm_totals
        on strata_of_audience.audience = arm_totals.audience

    left join counts
        on
            strata_of_audience.audience = counts.audience
            and strata_of_audience.stratum_kind = counts.stratum_kind
            and strata_of_audience.stratum = counts.stratum
            and arm_totals.arm = counts.arm

)

select * from balance
