{% macro percent_below(rank_column, count_column) -%}
    {#- The percent rank as whole percent, rounded down: one division of whole numbers, which is exact where it comes out even. -#}
    case
        when {{ count_column }} > 1
            then cast(floor(({{ rank_column }} - 1) * 100 / cast({{ count_column }} - 1 as {{ type_double() }})) as integer)
        else 0
    end
{%- endmacro %}
