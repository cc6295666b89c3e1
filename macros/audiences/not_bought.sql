{% macro not_bought(product=none, category=none, brand=none, keyword=none, since=none, until=none, at_least=1) -%}
    {#- Over buyers: who never bought anything is no news. -#}
    (
        select customer_id
        from {{ ref('customer_facts') }}
        where order_count > 0

        except

        {{ bought(product, category, brand, keyword, since, until, at_least) }}
    )
{%- endmacro %}
