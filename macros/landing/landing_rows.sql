{% macro landing_rows(source_name, table) -%}
    {%- if var('has_' ~ table, true) -%}
        select * from {{ source(source_name, table) }}
    {%- else -%}
        select * from (
            select
                {%- for column, type in landing_columns(table).items() %}
                cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
            where false
        ) as no_rows
    {%- endif -%}
{%- endmacro %}
