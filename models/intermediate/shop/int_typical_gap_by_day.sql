{# Grain: one row per day on which a gap between orders closed: the shop's typical gap from the day after it on. #}

with

gaps as (

    select
        ordered_on,
        gap_days,
        count(*) as gap_count

    from {{ ref('int_order_days') }}

    where gap_days is not null

    group by
        ordered_on,
        gap_days

),

days as (

    select distinct ordered_on as closed_on from gaps

),

lengths as (

    select distinct gap_days from gaps

),

-- How many gaps of each length had closed by the end of each day.
gaps_closed as (

    select
        days.closed_on,
        lengths.gap_days,
        sum(gaps.gap_count) over (
            partition by lengths.gap_days order by days.closed_on
            rows between unbounded preceding and current row
        ) as gap_count

    from days

    cross join lengths

    left join gaps
        on
            days.closed_on = gaps.ordered_on
            and lengths.gap_days = gaps.gap_days

),

gaps_up_to as (

    select
        closed_on,
        gap_days,
        gap_count,
        sum(gap_count) over (
            partition by closed_on order by gap_days
            rows between unbounded preceding and current row
        ) as gap_count_up_to,
        sum(gap_count) over (partition by closed_on) as total_gap_count

    from gaps_closed

),

-- The median by rank: the mean of the lengths at positions (n + 1) div 2 and (n + 2) div 2.
medians as (

    select
        closed_on,
        max(total_gap_count) as gap_count,
        min(case when gap_count_up_to * 2 >= total_gap_count then gap_days end) as lower_median_days,
        min(case when gap_count_up_to * 2 >= total_gap_count + 1 then gap_days end) as upper_median_days

    from gaps_up_to

    group by closed_on

),

typical_gaps as (

    select
        {{ add_days('closed_on', 1) }} as known_from,
        cast(gap_count as bigint) as gap_count,
        case
            when gap_count < {{ var('min_gaps_for_typical') }}
                then cast({{ var('default_gap_days') }} as {{ type_double() }})
            else (lower_median_days + upper_median_days) / cast(2 as {{ type_double() }})
        end as typical_gap_days

    from medians

)

select * from typical_gaps
