{# Grain: one row per day and currency; the newest load of it wins. #}

with

source as (

    {{ landing_rows('shop', 'exchange_rates') }}

),

latest as (

    {{ latest_per_key('source', 'exchange_rates', key=['day', 'upper(currency)']) }}

),

renamed as (

    select
        -- ids
        cast(day as date) as rate_on,
        upper(currency) as currency_code,

        -- numerics
        cast(rate as numeric(18, 8)) as exchange_rate,

        -- timestamps (UTC)
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
