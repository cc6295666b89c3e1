{% macro divide_amount(amount, divisor) -%}
    {{ return(adapter.dispatch('divide_amount', 'regulars')(amount, divisor)) }}
{%- endmacro %}

{% macro default__divide_amount(amount, divisor) -%}
    cast(round(cast({{ amount }} as numeric(38, 10)) / nullif({{ divisor }}, 0), 4) as numeric(18, 4))
{%- endmacro %}

{% macro duckdb__divide_amount(amount, divisor) -%}
    {#- DuckDB divides decimals as doubles, which rounds some halves the wrong way; whole ten-thousandths are exact. -#}
    cast(
        cast(
            sign({{ amount }}) * (
                (cast(abs(cast({{ amount }} as decimal(22, 4))) * 20000 as hugeint) + {{ divisor }}) // nullif(2 * cast({{ divisor }} as hugeint), 0)
            ) as decimal(22, 0)
        ) * 0.0001 as numeric(18, 4)
    )
{%- endmacro %}
