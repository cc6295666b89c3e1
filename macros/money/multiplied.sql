{% macro multiplied(amount, factor) -%}
    {#- Twenty digits before the product: DuckDB keeps that of two eighteen-digit decimals in eighteen, which ten thousand million overflow. -#}
    cast(round(cast({{ amount }} as numeric(20, 4)) * {{ factor }}, 4) as numeric(18, 4))
{%- endmacro %}
