{% macro known_values(relation, column, where=none, joined=none, most=none) -%}
    {#- None where the warehouse cannot be asked: while dbt parses or only compiles, with `--empty`, in a unit test (there a `ref`
        is rows of the test and no table) and before the relation is built. A caller that refuses an unknown value lets it pass then. -#}
    {%- set is_unit_test = model is defined and model.resource_type == 'unit_test' -%}
    {%- if not execute or flags.WHICH not in ['build', 'run', 'test', 'show'] or flags.EMPTY or is_unit_test -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if load_relation(relation) is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        'select distinct cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ') as known_value from ' ~ relation ~ (', ' ~ joined if joined else '')
        ~ ' where ' ~ column ~ ' is not null' ~ (' and (' ~ where ~ ')' if where else '') ~ ' order by known_value' ~ (' limit ' ~ most if most else '')
    ) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}
