{# Grain: one row per refund; the newest load of it wins. #}

with

source as (

    {{ landing_rows('shop', 'refunds') }}

),

latest as (

    {{ latest_per_key('source', 'refunds', key=['refund_id']) }}

),

renamed as (

    select
        -- ids
        cast(refund_id as {{ dbt.type_string() }}) as refund_id,
        cast(order_id as {{ dbt.type_string() }}) as order_id,
        cast(line_number as bigint) as line_number,

        -- numerics
        cast(amount as numeric(18, 4)) as refund_amount,
        cast(quantity as numeric(18, 4)) as quantity,

        -- timestamps (UTC)
        {{ utc_timestamp('refunded_at') }} as refunded_at,
        {{ utc_timestamp('_loaded_at') }} as loaded_at

    from latest

)

select * from renamed
