{% macro compared(block, argument, value) -%}
    {#- '>= 2', '< 50', '= 1' as written; a bare number means exactly so many. -#}
    {%- set text = ('= ' ~ value if value is number else value) | string | trim -%}
    {%- if not modules.re.match('^(=|<|<=|>|>=|<>) *-?[0-9]+([.][0-9]+)?$', text) -%}
        {{ exceptions.raise_compiler_error(
            block ~ ": " ~ argument ~ " is '" ~ value ~ "'; it must be a number, or a comparison such as '>= 2'"
        ) }}
    {%- endif -%}
    {%- if '-' in text or modules.re.match('^< *0+([.]0+)?$', text) -%}
        {{ exceptions.raise_compiler_error(
            block ~ ": " ~ argument ~ " is '" ~ value ~ "', and none is below 0; it must be a number from 0 on, or a comparison such as '>= 2'"
        ) }}
    {%- endif -%}
    {{ return(text) }}
{%- endmacro %}
