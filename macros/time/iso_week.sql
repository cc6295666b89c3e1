{% macro iso_week(date_column) -%}
    {#- The week's number is its Thursday's place in the year: arithmetic every engine shares. -#}
    cast(
        floor((extract(doy from {{ add_days(dbt.date_trunc('week', date_column), 3) }}) - 1) / 7.0) + 1 as integer
    )
{%- endmacro %}
