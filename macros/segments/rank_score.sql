{% macro rank_score(rank_column, count_column) -%}
    {#- 1 to 5 from the lowest rank of ties: equal values get equal scores on every engine, which ntile does not promise. -#}
    cast(
        case
            when {{ count_column }} > 1
                then least(5, 1 + floor(5.0 * ({{ rank_column }} - 1) / ({{ count_column }} - 1)))
            else 1
        end as integer
    )
{%- endmacro %}
