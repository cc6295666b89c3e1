{% macro source_customer_id(customer_id) -%}
    {#- Some shops use the e-mail as the id; no e-mail leaves the landing tables as somebody's key. -#}
    case
        when {{ customer_id }} like '%@%' then 'email_' || {{ dbt.hash(normalised_email(customer_id)) }}
        else {{ blank_to_null(customer_id) }}
    end
{%- endmacro %}
