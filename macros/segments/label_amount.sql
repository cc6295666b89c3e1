{% macro label_amount(amount) -%}
    {#- An amount as a person reads it in a reason: two decimals. -#}
    cast(cast(round({{ amount }}, 2) as numeric(18, 2)) as {{ dbt.type_string() }})
{%- endmacro %}
