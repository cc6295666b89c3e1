{% macro identity_key(customer_id, email) -%}
    {#- Who a row says it is about: its customer id, else a hash of its e-mail (never the e-mail itself), else nobody. -#}
    case
        when {{ customer_id }} is not null then 'id:' || {{ customer_id }}
        when {{ email }} is not null then 'email:' || {{ dbt.hash(email) }}
    end
{%- endmacro %}
