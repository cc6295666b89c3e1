{% macro incremental_strategy(kind) -%}
    {%- set strategies = adapter.dispatch('incremental_strategy', 'regulars')() -%}
    {%- if kind not in strategies -%}
        {{ exceptions.raise_compiler_error("incremental_strategy: there is no kind '" ~ kind ~ "'; there are: " ~ strategies | join(', ')) }}
    {%- endif -%}
    {{ return(strategies[kind]) }}
{%- endmacro %}

{% macro default__incremental_strategy() -%}
    {{ return({'replace_keys': 'delete+insert', 'append': 'append'}) }}
{%- endmacro %}

{% macro spark__incremental_strategy() -%}
    {{ return({'replace_keys': 'merge', 'append': 'append'}) }}
{%- endmacro %}
