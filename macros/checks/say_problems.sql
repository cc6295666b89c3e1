{% macro say_problems(title, query) -%}
    {#- For a singular test, of which dbt shows only how many rows it returns: stop with the rows themselves, `audience` and `problem`. -#}
    {%- if execute and flags.WHICH in ['build', 'test'] and not flags.EMPTY -%}
        {%- set said = [] -%}
        {%- for row in run_query('select audience, problem from (' ~ query ~ ') as problems order by audience, problem limit 21').rows -%}
            {%- do said.append((row[0] or 'no audience') ~ ': ' ~ row[1] if loop.index < 21 else 'and more') -%}
        {%- endfor -%}
        {%- if said -%}
            {{ exceptions.raise_compiler_error(title ~ ':\n  - ' ~ said | join('\n  - ')) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
