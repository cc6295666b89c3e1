{% macro in_audience(name) -%}
    {#- 'lost_vips', or one of a family: 'interested_in_brands:Taiga'. An audience that is built from itself is a circle, which dbt refuses. -#}
    {%- set model_name = 'aud_' ~ name.split(':')[0] -%}
    {%- set known = [] -%}
    {%- for model in audience_models() -%}{%- do known.append(model | replace('aud_', '', 1)) -%}{%- endfor -%}
    {%- do refuse_unknown('in_audience', 'audience', [name.split(':')[0]], known) -%}
    (
        select customer_id
        from {{ ref(model_name) }}
        {%- if ':' in name %}
        where audience = '{{ name | replace("'", "''") }}'
        {%- endif %}
    )
{%- endmacro %}
