{% macro can_be_asked(relation) -%}
    {#- Not while dbt parses or only compiles, with `--empty`, in a unit test (there a `ref` is rows of the test and no table), and
        not before the relation is built. -#}
    {%- set is_unit_test = model is defined and model.resource_type == 'unit_test' -%}
    {%- if not execute or flags.WHICH not in ['build', 'run', 'test', 'show'] or flags.EMPTY or is_unit_test -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return(load_relation(relation) is not none) }}
{%- endmacro %}
