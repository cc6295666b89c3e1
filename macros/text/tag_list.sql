{% macro tag_list(column) -%}
    {#- ' Gift ,  summer' becomes ',gift,summer,': whole tags can then be found as part of a text. -#}
    ',' || {{ without_blanks_around_commas('lower(trim(' ~ column ~ '))') }} || ','
{%- endmacro %}
