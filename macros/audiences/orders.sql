{% macro orders(count=none, average=none, first=none, last=none, in_period=none, in_occasion=none) -%}
    {#- Comparisons such as '>= 2' of valid orders: how many, their average amount, days since the first and the last. In a period
        (first day, day after the last) or around an occasion of the seed gift_occasions, only those orders; whose country's calendar
        counts is decided as for gift orders. -#}
    {%- if in_period is not none and in_occasion is not none -%}
        {{ exceptions.raise_compiler_error("orders: in_period and in_occasion at once; join two subqueries by `intersect`") }}
    {%- endif -%}
    {%- if in_period is not none and (in_period is string or in_period is not sequence or in_period | length != 2) -%}
        {{ exceptions.raise_compiler_error("orders: in_period is '" ~ in_period ~ "'; it must be [first day, day after the last]") }}
    {%- endif -%}
    {%- if in_period is not none -%}
        {%- set day, day_after = day_of('orders', 'in_period', in_period[0]), day_of('orders', 'in_period', in_period[1]) -%}
        {%- do refuse_empty_period('orders', "in_period is '" ~ in_period ~ "'", 'its first', in_period[0], in_period[1]) -%}
    {%- endif -%}
    {%- if in_occasion is not none -%}
        {%- set known = known_values(ref('gift_occasions'), 'occasion') -%}
        {%- if known is not none -%}{%- do refuse_unknown('orders', 'occasion', [in_occasion], known) -%}{%- endif -%}
    {%- endif -%}
    {%- if count is not none and (count | string | trim) in ['0', '= 0', '=0', '< 1', '<1', '<= 0', '<=0'] -%}
        {{ exceptions.raise_compiler_error("orders: count is '" ~ count ~ "', and who has no order has none to compare; write attribute('order_count', in=[0])") }}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- for argument, expression, value in [
        ('count', 'count(*)', count),
        ('average', 'sum(orders.net_amount) / count(*)', average),
        ('first', days_between('min(orders.ordered_on)', 'min(as_of.as_of_date)'), first),
        ('last', days_between('max(orders.ordered_on)', 'min(as_of.as_of_date)'), last),
    ] if value is not none -%}
        {%- do conditions.append(expression ~ ' ' ~ compared('orders', argument, value)) -%}
    {%- endfor -%}
    (
        select orders.customer_id
        from {{ ref('fct_orders') }} as orders
        cross join {{ ref('int_as_of') }} as as_of
        where
            orders.is_valid
            and orders.customer_id is not null
            {%- if in_period is not none %}
            and orders.ordered_on >= {{ day }}
            and orders.ordered_on < {{ day_after }}
            {%- endif %}
            {%- if in_occasion is not none %}
            and exists (
                select 1
                from {{ ref('gift_occasions') }} as occasions
                where
                    occasions.occasion = '{{ in_occasion | replace("'", "''") }}'
                    and upper(occasions.country) = orders.order_country
                    and orders.ordered_on between cast(occasions.starts_on as date) and cast(occasions.ends_on as date)
            )
            {%- endif %}
        group by orders.customer_id
        {%- if conditions %}
        having {{ conditions | join(' and ') }}
        {%- endif %}
    )
{%- endmacro %}
