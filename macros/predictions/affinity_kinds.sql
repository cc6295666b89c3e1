{% macro affinity_kinds() -%}
    {#- What a customer can be interested in, and the SQL of the item on a row of dim_products. -#}
    {{ return({'product': 'product_id', 'category': 'category', 'brand': 'brand'}) }}
{%- endmacro %}
