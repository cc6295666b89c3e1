{% macro refuse_empty_period(block, said, first, day, day_after) -%}
    {#- Days that day_of took. A date beside a number of days is not compared: where the number leads, the as-of date says. -#}
    {%- set in_days = day is integer and day_after is integer -%}
    {%- set in_dates = day is not integer and day_after is not integer -%}
    {%- if (in_days and day <= day_after) or (in_dates and day | string >= day_after | string) -%}
        {{ exceptions.raise_compiler_error(
            block ~ ": " ~ said ~ ", which leaves no day; " ~ first ~ " must be the earlier"
            ~ (", the larger number of days before the as-of date" if in_days else "")
        ) }}
    {%- endif -%}
{%- endmacro %}
