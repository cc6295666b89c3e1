{% macro number_series(count_expression, from_relation, digits=5) -%}
    {#- The whole numbers 0 … count − 1, made of digits: every engine has a cross join, not every engine a generator. -#}
    select
        {% for digit in range(digits) -%}
        digits_{{ digit }}.digit * {{ 10 ** digit }}{{ ' + ' if not loop.last }}
        {%- endfor %} as number
    from
        {%- for digit in range(digits) %}
        {{ 'cross join ' if not loop.first }}(
            {%- for value in range(10) %}select {{ value }} as digit{{ ' union all ' if not loop.last }}{% endfor -%}
        ) as digits_{{ digit }}
        {%- endfor %}
    cross join {{ from_relation }}
    where
        {% for digit in range(digits) -%}
        digits_{{ digit }}.digit * {{ 10 ** digit }}{{ ' + ' if not loop.last }}
        {%- endfor %} < {{ count_expression }}
{%- endmacro %}
