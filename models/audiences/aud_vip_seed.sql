{# Grain: one row per VIP, with what she is worth. #}

with

vips as (

    {{ importance('vip') }}

),

customers as (

    select
        customer_id,
        customer_lifetime_value

    from {{ ref('customer_segments') }}

)

select
    'vip_seed' as audience,
    vips.customer_id,
    cast(customers.customer_lifetime_value as {{ type_double() }}) as value

from vips

inner join customers
    on vips.customer_id = customers.customer_id
