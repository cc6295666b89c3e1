{% macro identity_key(customer_id, email) -%}
    {#- Who a row says it is about: its customer id, else a hash of its e-mail (never the e-mail itself), else nobody. An id that is an
        e-mail is that e-mail. -#}
    case
        when {{ customer_id }} like '%@%' then 'email:' || {{ dbt.hash(normalised_email(customer_id)) }}
        when {{ blank_to_null(customer_id) }} is not null then 'id:' || {{ blank_to_null(customer_id) }}
        when {{ normalised_email(email) }} is not null then 'email:' || {{ dbt.hash(normalised_email(email)) }}
    end
{%- endmacro %}
