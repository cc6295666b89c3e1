{% macro rfm_tier() -%}
    {#- The tiers are the shop's own, in the seed rfm_tiers. -#}
    {%- set known = known_values(ref('rfm_tiers'), 'rfm_tier') -%}
    {%- if known is not none -%}
        {%- do refuse_unknown('rfm_tier', 'tier', varargs, known + ['prospects']) -%}
    {%- endif -%}
    {{ labelled_customers(ref('customer_rfm'), 'rfm_tier', varargs) }}
{%- endmacro %}
