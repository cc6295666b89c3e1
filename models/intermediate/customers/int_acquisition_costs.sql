{# Grain: one row per channel and calendar month with spend and first orders: what a new customer cost there. #}

with

as_of as (

    select
        as_of_date,
        reporting_currency

    from {{ ref('int_as_of') }}

),

spend as (

    select
        spent_on,
        channel,
        currency_code,
        spend_amount

    from {{ ref('stg_ads__marketing_spend') }}

),

rates as (

    select
        currency_code,
        rate_on,
        exchange_rate

    from {{ ref('stg_shop__exchange_rates') }}

),

customers as (

    select
        customer_id,
        acquisition_channel,
        first_ordered_on

    from {{ ref('int_customer_acquisition') }}

),

existing_spend as (

    select
        spend.spent_on,
        spend.channel,
        spend.currency_code,
        spend.spend_amount,
        spend.currency_code is null or spend.currency_code = as_of.reporting_currency as is_reporting_currency

    from spend

    inner join as_of
        on spend.spent_on < as_of.as_of_date

    where spend.channel is not null

),

rate_days as (

    select
        existing_spend.spent_on,
        existing_spend.currency_code,
        max(rates.rate_on) as rate_on

    from existing_spend

    inner join rates
        on
            existing_spend.currency_code = rates.currency_code
            and existing_spend.spent_on >= rates.rate_on

    group by
        existing_spend.spent_on,
        existing_spend.currency_code

),

converted_spend as (

    select
        existing_spend.channel,
        cast({{ dbt.date_trunc('month', 'existing_spend.spent_on') }} as date) as month_on,
        case
            when existing_spend.is_reporting_currency then existing_spend.spend_amount
            else {{ multiplied('existing_spend.spend_amount', 'rates.exchange_rate') }}
        end as spend_amount

    from existing_spend

    left join rate_days
        on
            existing_spend.spent_on = rate_days.spent_on
            and existing_spend.currency_code = rate_days.currency_code

    left join rates
        on
            rate_days.currency_code = rates.currency_code
            and rate_days.rate_on = rates.rate_on

),

spend_by_month as (

    select
        channel,
        month_on,
        -- One day without a rate makes the month's spend unknown.
        case when count(*) = count(spend_amount) then sum(spend_amount) end as spend_amount

    from converted_spend

    group by
        channel,
        month_on

),

customers_by_month as (

    select
        acquisition_channel,
        cast({{ dbt.date_trunc('month', 'first_ordered_on') }} as date) as month_on,
        count(*) as customer_count

    from customers

    where
        acquisition_channel is not null
        and first_ordered_on is not null

    group by
        acquisition_channel,
        cast({{ dbt.date_trunc('month', 'first_ordered_on') }} as date)

),

acquisition_costs as (

    select
        spend_by_month.channel,
        spend_by_month.month_on,
        {{ divide_amount('spend_by_month.spend_amount', 'customers_by_month.customer_count') }}
            as acquisition_cost_amount

    from spend_by_month

    inner join customers_by_month
        on
            spend_by_month.channel = customers_by_month.acquisition_channel
            and spend_by_month.month_on = customers_by_month.month_on

)

select * from acquisition_costs
