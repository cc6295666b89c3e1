{% macro latest_per_key(relation, table, key) -%}
    {%- set columns = landing_columns(table) -%}
    {%- set order_by = ['_loaded_at desc'] -%}
    {%- for column in columns if column not in key and column != '_loaded_at' -%}
        {%- do order_by.append(column) -%}
    {%- endfor -%}
    select {{ relation }}.*
    from (
        select
            {{ relation }}.*,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by {{ order_by | join(', ') }}
            ) as row_number_in_key
        from {{ relation }}
    ) as {{ relation }}
    where row_number_in_key = 1
{%- endmacro %}
