{# Grain: one row per table that is kept up to date by changes: what it described when it was last written. #}
-- The rows come from the post-hooks of those tables, in the transaction that writes the table, so that a state never
-- says more than its table holds. This model only makes sure that there is a place for them.
{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy('append'),
    on_schema_change='fail',
) }}

with

no_states as (

    select
        cast(null as {{ dbt.type_string() }}) as table_name,
        cast(null as timestamp) as as_of_at,
        cast(null as timestamp) as orders_loaded_at,
        cast(null as timestamp) as order_lines_loaded_at,
        cast(null as timestamp) as refunds_loaded_at,
        cast(null as timestamp) as customers_loaded_at,
        cast(null as timestamp) as products_loaded_at,
        cast(null as timestamp) as exchange_rates_loaded_at,
        cast(null as {{ dbt.type_string() }}) as settings_fingerprint

    where false

)

select * from no_states
