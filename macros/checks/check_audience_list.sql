{% macro check_audience_list() -%}
    {#- An audience that nothing stands behind is built without a word; whatever is wrong with those on the list, int_audience_definitions says. -#}
    {%- if execute and flags.WHICH in ['build', 'run', 'test'] -%}
        {%- set forgotten = audience_nodes().keys() | reject('in', audience_models()) | list -%}
        {%- if forgotten -%}
            {{ exceptions.raise_compiler_error(
                forgotten | sort | join(', ') ~ ': not in the list of macros/audiences/audience_models.sql, so nothing would read it; add it there'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
