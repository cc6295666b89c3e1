{# Grain: one row per customer with a valid order in a peak window. #}

with

order_days as (

    select
        customer_id,
        ordered_on,
        order_count

    from {{ ref('int_order_days') }}

),

peak_weeks as (

    select iso_week from {{ ref('int_peak_weeks') }}

),

seasons as (

    select
        cast(starts_on as date) as starts_on,
        cast(ends_on as date) as ends_on

    from {{ ref('peak_seasons') }}

),

days as (

    select distinct ordered_on from order_days

),

seed_size as (

    select count(*) as season_count from seasons

),

-- The shop's own seasons if it named any, else the weeks found in its revenue.
peak_days as (

    select distinct days.ordered_on

    from days

    inner join seasons
        on days.ordered_on between seasons.starts_on and seasons.ends_on

    union

    select days.ordered_on

    from days

    inner join peak_weeks
        on {{ iso_week('days.ordered_on') }} = peak_weeks.iso_week

    inner join seed_size
        on seed_size.season_count = 0

    -- A week that ends before the season in one year may reach into it in another.
    where extract(month from days.ordered_on) <= {{ var('peak_last_month') }}

),

peak_orders as (

    select
        order_days.customer_id,
        cast(sum(order_days.order_count) as bigint) as peak_order_count

    from order_days

    inner join peak_days
        on order_days.ordered_on = peak_days.ordered_on

    group by order_days.customer_id

)

select * from peak_orders
