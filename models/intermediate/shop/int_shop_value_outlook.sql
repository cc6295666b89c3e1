{# Grain: one row per measure and coming day on which the shop's average changes because orders leave its window. #}
-- Nothing has to happen for this: it is known today, and with it the day on which a customer stops being above average.

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

shop as (

    select
        average_order_amount,
        average_margin_amount

    from {{ ref('int_shop_facts') }}

),

orders as (

    select
        ordered_on,
        net_amount,
        margin_amount

    from {{ ref('fct_orders') }}

    where is_valid

),

days_in_window as (

    select
        orders.ordered_on,
        count(*) as order_count,
        sum(orders.net_amount) as net_amount,
        count(orders.margin_amount) as order_with_margin_count,
        sum(orders.margin_amount) as margin_amount

    from orders

    inner join as_of
        on orders.ordered_on >= {{ add_days('as_of.as_of_date', '-1 * ' ~ (var('aov_window_days') or 0)) }}
    {% if var('aov_window_days') is none %}
    -- Without a window no order ever leaves it.
    where false
    {% endif %}

    group by orders.ordered_on

),

values_after_days as (

    select
        {{ first_day_beyond('ordered_on', var('aov_window_days') or 0) }} as changes_on,
        sum(order_count) over later_days as order_count,
        sum(net_amount) over later_days as net_amount,
        sum(order_with_margin_count) over later_days as order_with_margin_count,
        sum(margin_amount) over later_days as margin_amount

    from days_in_window

    window later_days as (order by ordered_on rows between 1 following and unbounded following)

),

averages as (

    select
        'order' as measure,
        shop.average_order_amount as average_now,
        values_after_days.changes_on,
        {{ divide_amount('values_after_days.net_amount', 'values_after_days.order_count') }} as average_amount

    from values_after_days

    cross join shop
    {% if var('average_order_value') is not none %}
    where false
    {% endif %}

    union all

    select
        'margin' as measure,
        shop.average_margin_amount as average_now,
        values_after_days.changes_on,
        {{ divide_amount('values_after_days.margin_amount', 'values_after_days.order_with_margin_count') }}
            as average_amount

    from values_after_days

    cross join shop

),

-- The highest and the lowest the average will have been, up to the day and up to the change before it. An empty window
-- has no average, and nobody is above that: it counts as higher than any amount.
extremes as (

    select
        measure,
        changes_on,
        greatest(
            average_now,
            max(coalesce(average_amount, 99999999999999)) over (
                partition by measure order by changes_on rows between unbounded preceding and current row
            )
        ) as highest_amount,
        greatest(
            average_now,
            max(coalesce(average_amount, 99999999999999)) over (
                partition by measure order by changes_on rows between unbounded preceding and 1 preceding
            )
        ) as highest_amount_before,
        least(
            average_now,
            min(average_amount) over (
                partition by measure order by changes_on rows between unbounded preceding and current row
            )
        ) as lowest_amount,
        least(
            average_now,
            min(average_amount) over (
                partition by measure order by changes_on rows between unbounded preceding and 1 preceding
            )
        ) as lowest_amount_before

    from averages

    where average_now is not null

),

records as (

    select
        measure,
        changes_on,
        cast(highest_amount as numeric(18, 4)) as highest_amount,
        cast(highest_amount_before as numeric(18, 4)) as highest_amount_before,
        cast(lowest_amount as numeric(18, 4)) as lowest_amount,
        cast(lowest_amount_before as numeric(18, 4)) as lowest_amount_before

    from extremes

    where
        highest_amount > highest_amount_before
        or lowest_amount < lowest_amount_before

)

select * from records
