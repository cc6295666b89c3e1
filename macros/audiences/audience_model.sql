{% macro audience_model(audience) -%}
    {#- The model that returns an audience, from its name: of a family, what stands before the colon. A test holds models to it. -#}
    'aud_' || {{ dbt.split_part(audience, "':'", 1) }}
{%- endmacro %}
