{% macro say_what_is_absent(results) -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set inputs = ref('int_inputs') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- for result in results if result.node.name == 'int_inputs' and result.status == 'success' -%}
            {%- set absent = run_query('select input_name, absent_without from ' ~ inputs ~ ' where not has_rows order by input_name') -%}
            {%- for row in absent.rows -%}
                {%- do log('No ' ~ (row[0] | replace('_', ' ')) ~ ', so not known: ' ~ row[1] ~ '.', info=true) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
