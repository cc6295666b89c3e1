{% macro known_values(relation, column, where=none, joined=none, most=none) -%}
    {#- None where the warehouse cannot be asked. A caller that refuses an unknown value lets it pass then. -#}
    {%- if not can_be_asked(relation) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        'select distinct cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ') as known_value from ' ~ relation ~ (', ' ~ joined if joined else '')
        ~ ' where ' ~ column ~ ' is not null' ~ (' and (' ~ where ~ ')' if where else '') ~ ' order by known_value' ~ (' limit ' ~ most if most else '')
    ) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}
