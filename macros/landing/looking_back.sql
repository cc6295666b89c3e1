{% macro looking_back(loaded_at) -%}
    {#- `regulars load` gives every load a later time than all before; tables that others fill may get rows that say they are older. -#}
    {%- if var('landing_lookback_hours') -%}
        {{ dbt.dateadd('hour', '-1 * ' ~ var('landing_lookback_hours'), loaded_at) }}
    {%- else -%}
        {{ loaded_at }}
    {%- endif -%}
{%- endmacro %}
