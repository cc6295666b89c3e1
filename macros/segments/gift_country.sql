{% macro gift_country(order, profile) -%}
    {#- Whose calendar of gifts counts for an order: where it goes, else where the customer lives. -#}
    coalesce(
        {{ order }}.ship_to_country,
        {{ profile }}.country
        {%- if var('shop_country') is not none %},
        '{{ var("shop_country") | upper }}'
        {%- endif %}
    )
{%- endmacro %}
