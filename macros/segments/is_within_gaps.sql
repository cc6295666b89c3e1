{% macro is_within_gaps(recency_days, expected_gap_days, ratio) -%}
    {#- recency / expected < ratio, as whole numbers on both sides: 120 days are exactly 4/3 of 90, and not below. -#}
    {%- set terms = fraction_terms(ratio) -%}
    {{ recency_days }} * {{ terms[1] }} < {{ expected_gap_days }} * {{ terms[0] }}
{%- endmacro %}
