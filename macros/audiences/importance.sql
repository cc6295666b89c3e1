{% macro importance() -%}
    {%- do refuse_unknown('importance', 'label', varargs, segment_codes('importance')) -%}
    {{ labelled_customers(ref('customer_importance'), 'importance', varargs) }}
{%- endmacro %}
