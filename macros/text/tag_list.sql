{% macro tag_list(column) -%}
    {#- 'Gift, summer' becomes ',gift,summer,': whole tags can then be found with a plain like. -#}
    ',' || replace(replace(lower(trim({{ column }})), ', ', ','), ' ,', ',') || ','
{%- endmacro %}
