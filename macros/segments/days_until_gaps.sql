{% macro days_until_gaps(expected_gap_days, ratio) -%}
    {#- The first whole number of days that is no longer within the ratio. -#}
    {%- set terms = fraction_terms(ratio) -%}
    cast(ceil({{ expected_gap_days }} * {{ terms[0] }} / {{ terms[1] }}) as integer)
{%- endmacro %}
