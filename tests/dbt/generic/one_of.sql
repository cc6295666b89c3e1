{% test one_of(model, column_name, values) %}

    {#- A label is total: every row has one of `values`. Unlike accepted_values this counts a null as wrong. -#}
    select
        {{ column_name }},
        count(*) as row_count

    from {{ model }}

    where
        {{ column_name }} is null
        or {{ column_name }} not in ('{{ values | join("', '") }}')

    group by {{ column_name }}

{% endtest %}
