{# Grain: one row, what the newest complete build described; written after every table that is kept up to date by changes. #}

-- depends_on: {{ ref('fct_orders') }}
-- depends_on: {{ ref('int_order_days') }}
-- depends_on: {{ ref('int_customer_orders') }}
-- depends_on: {{ ref('customer_category_facts') }}

with

as_of as (

    select
        as_of_date,
        as_of_at,
        loaded_through_at,
        settings_fingerprint

    from {{ ref('int_as_of') }}

)

select * from as_of
