{% macro say_which_audiences_are_empty(results) -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set definitions, members = ref('int_audience_definitions'), ref('int_audience_members') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- for result in results if result.node.name == 'int_audience_members' and result.status == 'success' -%}
            {%- set found = run_query(
                'select model_name from ' ~ definitions
                ~ ' where model_name not in (select distinct ' ~ audience_model('audience') ~ ' from ' ~ members ~ ') order by model_name'
            ) -%}
            {%- if found.rows -%}
                {%- do log('Audiences that nobody is in: ' ~ found.columns[0].values() | list | join(', ') ~ '.', info=true) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
