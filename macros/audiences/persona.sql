{% macro persona() -%}
    {%- do refuse_unknown('persona', 'label', varargs, segment_codes('persona')) -%}
    {{ labelled_customers(ref('customer_personas'), 'persona', varargs) }}
{%- endmacro %}
