{% macro say_which_interests_are_empty(results) -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set items = ref('int_interest_items') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- for result in results if result.node.name == 'int_interest_items' and result.status == 'success' -%}
            {%- set found = run_query('select distinct interest from ' ~ items).columns[0].values() | list -%}
            {%- for interest in var('interests') if interest.name not in found -%}
                {%- set asked = 'keyword ' ~ interest.keyword if interest.keyword is defined else interest.kind ~ ' ' ~ interest.item -%}
                {%- do log('Interest ' ~ interest.name ~ ' is in nothing that was ever sold (' ~ asked ~ '): its audience is empty.', info=true) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
