{# Grain: one row per customer with an open cart, buyers and others. #}

with

members as (

    {{ customer_type('abandoned_cart') }}

    union

    {{ attribute('has_open_cart', in=[true]) }}

)

select
    'abandoned_carts' as audience,
    customer_id

from members
