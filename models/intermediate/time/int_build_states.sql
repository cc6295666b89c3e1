{# Grain: one row per table that is kept up to date by changes: what it described when it was last written. #}
-- The rows come from the post-hooks of those tables, in the transaction that writes the table, so that a state never says
-- more than its table holds. This model only makes sure that there is a place for them.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

with

no_states as (

    select
        cast(null as varchar) as table_name,
        {%- for column in build_state_columns() %}
        cast(null as {{ 'varchar' if column == 'settings_fingerprint' else 'timestamp' }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    where false

)

select * from no_states
