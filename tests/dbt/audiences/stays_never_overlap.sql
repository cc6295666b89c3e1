{# A customer has one stay in an audience at a time: it ends after it begins, and the next begins after a look that saw her gone. Two
   stays that touch would be one. One row per audience and fault. -#}
{%- set problems -%}
    with

    stays as (

        select
            audience,
            customer_id,
            entered_on,
            left_on,
            lead(entered_on) over (
                partition by audience, customer_id
                order by entered_on, left_on nulls last
            ) as next_entered_on

        from {{ ref('int_audience_memory') }}

        where row_kind = 'stay'

    ),

    faults as (

        select
            audience,
            customer_id,
            case
                when entered_on is null then 'stays without a first day'
                when left_on <= entered_on then 'stays that end before they begin'
                when next_entered_on = left_on then 'stays that touch the next, and should be one with it'
                else 'stays that overlap the next'
            end as fault

        from stays

        where
            entered_on is null
            or left_on <= entered_on
            or next_entered_on <= left_on
            or (next_entered_on is not null and left_on is null)

    )

    select
        audience,
        fault || ': ' || cast(count(*) as {{ dbt.type_string() }}) || ', one is of ' || min(customer_id) as problem

    from faults

    group by audience, fault
{%- endset -%}
{%- do say_problems('int_audience_memory has stays that cannot be', problems) -%}

{{ problems }}
