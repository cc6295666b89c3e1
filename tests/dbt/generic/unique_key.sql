{% test unique_key(model, columns) %}

    {#- One row per combination of `columns`, none of them null: the grain of a table. -#}
    select
        {{ columns | join(', ') }},
        count(*) as row_count

    from {{ model }}

    group by {{ columns | join(', ') }}

    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}

{% endtest %}
