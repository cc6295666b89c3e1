{% test one_row(model) %}

    {#- Cross joined with every customer: no row would empty the marts, a second one would double them. -#}
    select count(*) as row_count

    from {{ model }}

    having count(*) <> 1

{% endtest %}
