{% macro labelled_customers(relation, label_column, codes) -%}
    (
        select customer_id
        from {{ relation }}
        where {{ label_column }} in ('{{ codes | join("', '") }}')
    )
{%- endmacro %}
