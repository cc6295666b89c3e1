{# Who is in today is who has a stay that covers today, where this build wrote today into history. One row per audience and side. -#}
{%- set problems -%}
    with

    memory as (

        select * from {{ ref('int_audience_memory') }}

    ),

    newest_look as (

        select max(entered_on) as seen_on

        from memory

        where row_kind = 'seen'

    ),

    -- No row: this build did not write; what was remembered of that day need not be what is said of it now. A day told afterwards leaves
    -- what a build saw on that day.
    today as (

        select
            looks.model_name,
            as_of.as_of_date

        from {{ ref('int_as_of') }} as as_of

        cross join newest_look

        inner join memory as looks
            on as_of.as_of_date = looks.entered_on

        where
            looks.row_kind = 'seen'
            and {{ 'looks.experiment_key is null' if var('write_past_history') else 'as_of.as_of_date >= newest_look.seen_on' }}

    ),

    members as (

        select
            members.audience,
            members.customer_id

        from {{ ref('int_audience_members') }} as members

        inner join today
            on {{ audience_model('members.audience') }} = today.model_name

    ),

    open_stays as (

        select
            memory.audience,
            memory.customer_id

        from memory

        inner join today
            on {{ audience_model('memory.audience') }} = today.model_name

        where
            memory.row_kind = 'stay'
            and memory.entered_on <= today.as_of_date
            and (memory.left_on is null or memory.left_on > today.as_of_date)

    ),

    differences as (

        select
            coalesce(members.audience, open_stays.audience) as audience,
            coalesce(members.customer_id, open_stays.customer_id) as customer_id,
            open_stays.audience is null as is_without_stay

        from members

        full outer join open_stays
            on
                members.audience = open_stays.audience
                and members.customer_id = open_stays.customer_id

        where members.audience is null or open_stays.audience is null

    )

    select
        audience,
        case when is_without_stay then 'members without a stay that covers today: ' else 'stays that cover today of nobody who is in: ' end
        || cast(count(*) as {{ dbt.type_string() }}) || ', one is ' || min(customer_id)
        || '; build int_audience_memory together with int_audience_members' as problem

    from differences

    group by audience, is_without_stay
{%- endset -%}
{%- do say_problems('int_audience_members and int_audience_memory say different things about today', problems) -%}

{{ problems }}
