{% macro is_date(text) -%}
    {%- set words = text | string -%}
    {%- if not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', words) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set year, month, day = words[0:4] | int, words[5:7] | int, words[8:10] | int -%}
    {%- set leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 -%}
    {%- set lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {{ return(year >= 1900 and 1 <= month <= 12 and 1 <= day <= lengths[month - 1]) }}
{%- endmacro %}
