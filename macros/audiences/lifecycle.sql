{% macro lifecycle() -%}
    {%- do refuse_unknown('lifecycle', 'label', varargs, segment_codes('lifecycle_state')) -%}
    {{ labelled_customers(ref('customer_lifecycle'), 'lifecycle_state', varargs) }}
{%- endmacro %}
