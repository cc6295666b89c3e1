{% macro customer_type() -%}
    {%- do refuse_unknown('customer_type', 'label', varargs, segment_codes('customer_type')) -%}
    {{ labelled_customers(ref('customer_types'), 'customer_type', varargs) }}
{%- endmacro %}
