{% test same_rows_as(model, other, key) %}

    {#- Every `key` of the other relation is here exactly once, and no other: nobody is lost, doubled or made up. -#}
    select
        {{ key }},
        sum(row_count) as row_count,
        sum(other_row_count) as other_row_count

    from (
        select {{ key }}, 1 as row_count, 0 as other_row_count from {{ model }}
        union all
        select {{ key }}, 0 as row_count, 1 as other_row_count from {{ other }}
    ) as keys_of_both

    group by {{ key }}

    having
        sum(row_count) <> 1
        or sum(other_row_count) <> 1
        or {{ key }} is null

{% endtest %}
