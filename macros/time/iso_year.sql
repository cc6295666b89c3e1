{% macro iso_year(date_column) -%}
    cast(extract(year from {{ add_days(dbt.date_trunc('week', date_column), 3) }}) as integer)
{%- endmacro %}
