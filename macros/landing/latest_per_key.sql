{% macro latest_per_key(relation, key, order_by) -%}
    {%- if not key or not order_by -%}
        {{ exceptions.raise_compiler_error("latest_per_key: `key` and `order_by` must each name at least one column") }}
    {%- endif -%}
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
