{% macro day_of(block, argument, value) -%}
    {#- A date as written, or so many days before the as-of date. -#}
    {%- if value is integer and value is not boolean and value >= 0 -%}
        {{ return("(select " ~ add_days('as_of_date', -value) ~ " from " ~ ref('int_as_of') ~ ")") }}
    {%- elif is_date(value) -%}
        {{ return("date '" ~ value ~ "'") }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error(
        block ~ ": " ~ argument ~ " is '" ~ value ~ "'; it must be a date as in 2026-01-31, or a number of days before the as-of date"
    ) }}
{%- endmacro %}
