{# Grain: one row per day and channel; the newest load of it wins. #}

with

source as (

    {{ landing_rows('ads', 'marketing_spend') }}

),

latest as (

    {{ latest_per_key('source', 'marketing_spend', key=['day', blank_to_null('channel')]) }}

),

renamed as (

    select
        -- ids
        cast(day as date) as spent_on,
        {{ blank_to_null('channel') }} as channel,

        -- strings
        upper(currency) as currency_code,

        -- numerics
        cast(amount as numeric(18, 4)) as spend_amount,

        -- timestamps (UTC)
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
