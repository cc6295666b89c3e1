{% macro halved_by_age(from_date, to_date, half_life_days) -%}
    {#- Dates only: one order on `from_date` weighs 1 on `to_date`, 1/2 a half-life later. -#}
    power(
        cast(0.5 as {{ type_double() }}),
        {{ days_between(from_date, to_date) }} / cast({{ half_life_days }} as {{ type_double() }})
    )
{%- endmacro %}
