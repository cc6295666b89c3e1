{% macro say_which_interests_are_empty(results) -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set interests = ref('int_interests') -%}
    {%- set items = ref('int_interest_items') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- for result in results if result.node.name == 'int_interest_items' and result.status == 'success' -%}
            {%- set empty = run_query(
                'select interest, kind, item from ' ~ interests ~ ' as interests where interest not in (select interest from '
                ~ items ~ ' as items) order by interest'
            ) -%}
            {%- for row in empty.rows -%}
                {%- do log('Interest ' ~ row[0] ~ ' is in nothing that was ever sold (' ~ row[1] ~ ' ' ~ row[2] ~ '): its audience is empty.', info=true) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
