{% macro converted(amount) -%}
    {#- Orders in the reporting currency are not in int_foreign_orders; one without a known rate has no amount. -#}
    case
        when foreign_orders.order_id is null then {{ amount }}
        else {{ multiplied(amount, 'foreign_orders.exchange_rate') }}
    end
{%- endmacro %}
