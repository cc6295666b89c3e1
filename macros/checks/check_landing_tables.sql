{% macro check_landing_tables() -%}
    {#- One sentence before the first model runs, instead of a catalogue error in the middle of it. -#}
    {%- if execute and flags.WHICH in ['build', 'run', 'test', 'snapshot'] -%}
        {%- set missing = [] -%}
        {%- for table in landing_table_names() -%}
            {%- if var('has_' ~ table, true) -%}
                {%- set name = var('landing_tables').get(table, table) -%}
                {%- set relation = adapter.get_relation(var('landing_database') or target.database, var('landing_schema'), name) -%}
                {%- if relation is none -%}
                    {%- do missing.append(var('landing_schema') ~ '.' ~ name ~ (
                        ' (required)' if table in ['orders', 'order_lines']
                        else ' (optional: set has_' ~ table ~ ': false if the shop has none)'
                    )) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if missing -%}
            {{ exceptions.raise_compiler_error(
                'landing tables that do not exist in database ' ~ (var('landing_database') or target.database)
                ~ ':\n  - ' ~ missing | join('\n  - ')
                ~ '\nLoad a shop first (regulars load FILES), or point landing_database, landing_schema and landing_tables at yours.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
