{# Grain: one row per ISO week number in which the shop sells far more than usual, outside the season everybody has. #}
-- Used only while the seed peak_seasons is empty.

with

orders as (

    select
        ordered_on,
        net_amount

    from {{ ref('fct_orders') }}

    where is_valid

),

days as (

    select
        ordered_on,
        sum(net_amount) as net_amount

    from orders

    group by ordered_on

),

weeks as (

    select
        {{ iso_year('ordered_on') }} as iso_year,
        {{ iso_week('ordered_on') }} as iso_week,
        cast({{ dbt.date_trunc('week', 'ordered_on') }} as date) as monday_on,
        sum(net_amount) as net_amount

    from days

    group by
        {{ iso_year('ordered_on') }},
        {{ iso_week('ordered_on') }},
        cast({{ dbt.date_trunc('week', 'ordered_on') }} as date)

),

ranked_weeks as (

    select
        iso_year,
        iso_week,
        monday_on,
        net_amount,
        row_number() over (partition by iso_year order by net_amount, iso_week) as revenue_rank,
        count(*) over (partition by iso_year) as week_count

    from weeks

),

-- The median by rank: the mean of the weeks at positions (n + 1) div 2 and (n + 2) div 2.
yearly_medians as (

    select
        iso_year,
        -- Twice the median, of one week or of two: no division, so that exactly one and a half times it is enough.
        sum(net_amount) * (3 - count(*)) as doubled_median_amount

    from ranked_weeks

    where
        revenue_rank * 2 >= week_count
        and revenue_rank * 2 <= week_count + 2

    group by iso_year

),

high_weeks as (

    select ranked_weeks.iso_week

    from ranked_weeks

    inner join yearly_medians
        on ranked_weeks.iso_year = yearly_medians.iso_year

    where
        ranked_weeks.net_amount * 2 * {{ fraction_terms('peak_week_ratio')[1] }}
        >= yearly_medians.doubled_median_amount * {{ fraction_terms('peak_week_ratio')[0] }}
        and extract(month from ranked_weeks.monday_on) <= {{ var('peak_last_month') }}
        and extract(month from {{ add_days('ranked_weeks.monday_on', 6) }}) <= {{ var('peak_last_month') }}

),

span as (

    select
        min(monday_on) as first_monday_on,
        {{ days_between('min(monday_on)', 'max(monday_on)') }} / 7 + 1 as week_count

    from weeks

),

week_numbers as (

    {{ number_series('span.week_count', 'span', digits=4) }}

),

mondays as (

    select {{ add_days('span.first_monday_on', 'week_numbers.number * 7') }} as monday_on

    from week_numbers

    cross join span

),

-- In how many years the shop has been through a week, with sales or without.
week_years as (

    select
        {{ iso_week('monday_on') }} as iso_week,
        count(*) as year_count

    from mondays

    group by {{ iso_week('monday_on') }}

),

high_week_years as (

    select
        iso_week,
        count(*) as high_year_count

    from high_weeks

    group by iso_week

),

peak_weeks as (

    select high_week_years.iso_week

    from high_week_years

    inner join week_years
        on high_week_years.iso_week = week_years.iso_week

    where high_week_years.high_year_count >= least({{ var('peak_years') }}, week_years.year_count)

)

select * from peak_weeks
