{# Grain: one row: what this build describes, what the stored tables describe, and whether everything has changed. #}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

table_states as (

    select * from {{ ref('int_build_states') }}

    where table_name in ('{{ tables_with_state() | join("', '") }}')

),

-- The tables agree unless a build broke half-way or somebody built only some; then nobody knows what is missing.
agreed_states as (

    select
        {%- for column in build_state_columns() %}
        min({{ column }}) as {{ column }},
        {%- endfor %}
        count(*) as table_count

    from table_states

    having
        count(*) = {{ tables_with_state() | length }}
        {%- for column in build_state_columns() %}
        and min({{ column }}) = max({{ column }})
        {%- endfor %}

),

scope as (

    select
        {%- for column in build_state_columns() %}
        as_of.{{ column }},
        agreed_states.{{ column }} as previous_{{ column }},
        {%- endfor %}
        coalesce(agreed_states.settings_fingerprint <> as_of.settings_fingerprint, true) as has_everything_changed

    from as_of

    left join agreed_states
        on agreed_states.table_count > 0

)

select * from scope
