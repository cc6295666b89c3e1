{% macro audience_model(audience) -%}
    {#- The model that returns an audience, from its name: of a family, what stands before the colon. A test holds models to it. Millions of
        stays are asked: so no split_part, for which DuckDB makes a list each time. -#}
    'aud_' || case when position(':' in {{ audience }}) > 0 then substring({{ audience }} from 1 for position(':' in {{ audience }}) - 1) else {{ audience }} end
{%- endmacro %}
