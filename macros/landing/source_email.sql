{% macro source_email(customer_id, email) -%}
    coalesce(
        {{ normalised_email(email) }},
        case when {{ customer_id }} like '%@%' then {{ normalised_email(customer_id) }} end
    )
{%- endmacro %}
