{# Orders, gross, discounts, refunds and what is left of them, by status and currency: straight from the landing
   tables, with their own newest-load and exchange rules, against fct_orders. Red when a join drops or doubles an
   order, a line or a refund, a rate of the wrong day is used, or an order that was corrected keeps its old money. #}

with

as_of as (

    select
        as_of_at,
        reporting_currency

    from {{ ref('int_as_of') }}

),

landed_orders as (

    select
        order_id,
        lower(status) as order_status,
        upper(currency) as currency_code,
        {{ utc_timestamp('ordered_at') }} as ordered_at,
        row_number() over (
            partition by order_id
            order by _loaded_at desc, ordered_at asc, status asc, customer_id asc, email asc
        ) as version_rank

    from ({{ landing_rows('shop', 'orders') }}) as landing

),

landed_lines as (

    select
        order_id,
        line_number,
        round(cast(quantity as numeric(20, 4)) * unit_price, 4) as gross_amount,
        case when quantity <> 0 then coalesce(discount_amount, 0) else 0 end as discount_amount,
        row_number() over (
            partition by order_id, line_number
            order by _loaded_at desc, product_id asc, quantity asc, unit_price asc, discount_amount asc
        ) as version_rank

    from ({{ landing_rows('shop', 'order_lines') }}) as landing

),

landed_refunds as (

    select
        order_id,
        amount,
        {{ utc_timestamp('refunded_at') }} as refunded_at,
        row_number() over (
            partition by refund_id
            order by _loaded_at desc, order_id asc, refunded_at asc, amount asc, line_number asc, quantity asc
        ) as version_rank

    from ({{ landing_rows('shop', 'refunds') }}) as landing

),

landed_rates as (

    select
        cast(day as date) as rate_on,
        upper(currency) as currency_code,
        rate,
        row_number() over (partition by day, upper(currency) order by _loaded_at desc, rate asc) as version_rank

    from ({{ landing_rows('shop', 'exchange_rates') }}) as landing

),

existing_orders as (

    select
        landed_orders.order_id,
        landed_orders.order_status,
        landed_orders.currency_code,
        {{ shop_date('landed_orders.ordered_at') }} as ordered_on,
        landed_orders.currency_code = as_of.reporting_currency as is_in_reporting_currency

    from landed_orders

    inner join as_of
        on landed_orders.ordered_at < as_of.as_of_at

    where landed_orders.version_rank = 1

),

days_of_orders as (

    select distinct
        currency_code,
        ordered_on

    from existing_orders

    where not is_in_reporting_currency

),

-- The rate of each day that needs one: the newest on or before it.
ranked_rates as (

    select
        days_of_orders.currency_code,
        days_of_orders.ordered_on,
        landed_rates.rate,
        row_number() over (
            partition by days_of_orders.currency_code, days_of_orders.ordered_on
            order by landed_rates.rate_on desc
        ) as age_rank

    from days_of_orders

    inner join landed_rates
        on
            days_of_orders.currency_code = landed_rates.currency_code
            and landed_rates.version_rank = 1
            and days_of_orders.ordered_on >= landed_rates.rate_on

),

orders_with_rate as (

    select
        existing_orders.order_id,
        existing_orders.order_status,
        existing_orders.currency_code,
        case when existing_orders.is_in_reporting_currency then 1 else ranked_rates.rate end as rate

    from existing_orders

    left join ranked_rates
        on
            existing_orders.currency_code = ranked_rates.currency_code
            and existing_orders.ordered_on = ranked_rates.ordered_on
            and ranked_rates.age_rank = 1

),

-- One row per order, line and refund, so that nothing is joined to anything it could be multiplied by.
landed_parts as (

    select
        order_status,
        currency_code,
        1 as order_count,
        cast(0 as numeric(18, 4)) as gross_amount,
        cast(0 as numeric(18, 4)) as discount_amount,
        cast(0 as numeric(18, 4)) as refund_amount

    from orders_with_rate

    union all

    select
        orders_with_rate.order_status,
        orders_with_rate.currency_code,
        0 as order_count,
        cast(round(cast(landed_lines.gross_amount as numeric(20, 4)) * orders_with_rate.rate, 4) as numeric(18, 4)) as gross_amount,
        cast(round(cast(landed_lines.discount_amount as numeric(20, 4)) * orders_with_rate.rate, 4) as numeric(18, 4)) as discount_amount,
        cast(0 as numeric(18, 4)) as refund_amount

    from landed_lines

    inner join orders_with_rate
        on landed_lines.order_id = orders_with_rate.order_id

    where landed_lines.version_rank = 1

    union all

    select
        orders_with_rate.order_status,
        orders_with_rate.currency_code,
        0 as order_count,
        cast(0 as numeric(18, 4)) as gross_amount,
        cast(0 as numeric(18, 4)) as discount_amount,
        cast(round(cast(landed_refunds.amount as numeric(20, 4)) * orders_with_rate.rate, 4) as numeric(18, 4)) as refund_amount

    from landed_refunds

    inner join orders_with_rate
        on landed_refunds.order_id = orders_with_rate.order_id

    inner join as_of
        on landed_refunds.refunded_at < as_of.as_of_at

    where landed_refunds.version_rank = 1

),

fct_parts as (

    select
        order_status,
        order_currency_code as currency_code,
        gross_amount,
        discount_amount,
        refund_amount,
        net_amount

    from {{ ref('fct_orders') }}

),

landed as (

    select
        order_status,
        currency_code,
        sum(order_count) as order_count,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(refund_amount), 0) as refund_amount

    from landed_parts

    group by
        order_status,
        currency_code

),

arrived as (

    select
        order_status,
        currency_code,
        count(*) as order_count,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(refund_amount), 0) as refund_amount,
        coalesce(sum(net_amount), 0) as net_amount

    from fct_parts

    group by
        order_status,
        currency_code

),

differences as (

    select
        coalesce(landed.order_status, arrived.order_status) as order_status,
        coalesce(landed.currency_code, arrived.currency_code) as currency_code,
        landed.order_count as landed_order_count,
        arrived.order_count as arrived_order_count,
        landed.gross_amount as landed_gross_amount,
        arrived.gross_amount as arrived_gross_amount,
        landed.discount_amount as landed_discount_amount,
        arrived.discount_amount as arrived_discount_amount,
        landed.refund_amount as landed_refund_amount,
        arrived.refund_amount as arrived_refund_amount,
        landed.gross_amount - landed.discount_amount - landed.refund_amount as landed_net_amount,
        arrived.net_amount as arrived_net_amount

    from landed

    full outer join arrived
        on
            landed.order_status = arrived.order_status
            and landed.currency_code = arrived.currency_code

)

select *

from differences

where
    landed_order_count is distinct from arrived_order_count
    or landed_gross_amount is distinct from arrived_gross_amount
    or landed_discount_amount is distinct from arrived_discount_amount
    or landed_refund_amount is distinct from arrived_refund_amount
    or landed_net_amount is distinct from arrived_net_amount
