{% macro remember_build_state() -%}
    {%- set scope, as_of = ref('int_build_scope'), ref('int_as_of') -%}
    insert into {{ ref('int_build_states') }}
    select
        '{{ this.identifier }}' as table_name,
        {%- for column in build_state_columns() if column != 'settings_fingerprint' %}
        scope.{{ column }},
        {%- endfor %}
        -- Built as of another date than the changes were worked out for (a hand-picked selection of models): start afresh next time.
        case when scope.as_of_at = as_of.as_of_at then scope.settings_fingerprint else 'out of step' end as settings_fingerprint
    from {{ scope }} as scope
    cross join {{ as_of }} as as_of
{%- endmacro %}
