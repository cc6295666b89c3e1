{% macro percent_rank_of(rank_column, count_column) -%}
    case
        when {{ count_column }} > 1
            then cast({{ rank_column }} - 1 as {{ type_double() }}) / ({{ count_column }} - 1)
        else cast(0 as {{ type_double() }})
    end
{%- endmacro %}
