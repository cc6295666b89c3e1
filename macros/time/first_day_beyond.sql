{% macro first_day_beyond(date_column, days) -%}
    {#- `int`: a var that is no number is refused with a sentence by `check_vars`, which runs after the project is read. -#}
    {{ add_days(date_column, (days | int) + 1) }}
{%- endmacro %}
