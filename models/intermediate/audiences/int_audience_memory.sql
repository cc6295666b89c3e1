{# Grain: one row per audience and day on which a build looked at it (`row_kind` seen), and per stay of a customer in it (`stay`). #}
{#-
    Looks and stays are one table, so that a build that breaks off leaves neither without the other. A look at a day says who was in the
    audience then; a stay is a run of looks that saw her in it. So a day can be looked at in any order, and twice: of each customer only
    the stays between the look before and the look after are made anew, from three answers: was she in before, today, after?

    The memory of past builds cannot be rebuilt from today's data, so it is carried over by every build, also by a full refresh. As for
    RFM tiers, a day later than the newest load has not come and is not remembered; a past day only where somebody asks for it, because
    it tells the past by today's rules.
-#}
{{ config(materialized='table') }}
{%- set memory = load_relation(this) if execute else none -%}
{%- set is_dry = flags.EMPTY -%}

with

as_of as (

    select
        as_of_date,
        {{ add_days(shop_date('newest_loaded_at'), 1) }} as day_after_newest_load_on

    from {{ ref('int_as_of') }}

),

definitions as (

    select
        model_name,
        audience,
        definition_hash

    from {{ ref('int_audience_definitions') }}

),

members as (

    select
        model_name,
        audience,
        customer_id,
        arm,
        is_sampled

    from {{ ref('int_audience_members') }}

),

remembered as (

    {% if memory -%}
    select
        row_kind,
        model_name,
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled,
        definition_hash

    from {{ this }}
    {%- else -%}
    select
        cast(null as {{ dbt.type_string() }}) as row_kind,
        cast(null as {{ dbt.type_string() }}) as model_name,
        cast(null as {{ dbt.type_string() }}) as audience,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        cast(null as date) as entered_on,
        cast(null as date) as left_on,
        cast(null as {{ dbt.type_string() }}) as arm,
        cast(null as boolean) as is_sampled,
        cast(null as {{ dbt.type_string() }}) as definition_hash

    from as_of

    where 1 = 0
    {%- endif %}

),

looks as (

    select
        model_name,
        audience,
        entered_on as seen_on,
        definition_hash

    from remembered

    where row_kind = 'seen'

),

stays as (

    select
        model_name,
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled

    from remembered

    where row_kind = 'stay'

),

newest_look as (

    select max(seen_on) as seen_on from looks

),

-- No row: this build writes nothing.
today as (

    select as_of.as_of_date

    from as_of

    cross join newest_look

    where
        as_of.as_of_date <= as_of.day_after_newest_load_on
        {%- if is_dry %}
        and 1 = 0
        {%- endif %}
        {%- if not var('write_past_history') %}
        and (newest_look.seen_on is null or as_of.as_of_date >= newest_look.seen_on)
        {%- endif %}

),

-- Whatever is defined, has members, or ever had: an audience that is gone has nobody in it today.
audience_names as (

    select
        model_name,
        audience

    from definitions

    union

    select
        model_name,
        audience

    from members

    union

    select
        model_name,
        audience

    from looks

),

-- Who looks at a model looks at all of its audiences, also at a member of a family that had nobody then.
model_looks as (

    select
        model_name,
        seen_on,
        max(definition_hash) as definition_hash

    from looks

    group by model_name, seen_on

),

neighbours as (

    select
        audience_names.audience,
        max(case when model_looks.seen_on < today.as_of_date then model_looks.seen_on end) as previous_on,
        min(case when model_looks.seen_on > today.as_of_date then model_looks.seen_on end) as next_on

    from audience_names

    cross join today

    left join model_looks
        on audience_names.model_name = model_looks.model_name

    group by audience_names.audience

),

known_audiences as (

    select distinct audience from looks

),

-- An audience that has its first member was looked at whenever its model was, and had nobody.
caught_up_looks as (

    select
        audience_names.model_name,
        audience_names.audience,
        model_looks.seen_on,
        model_looks.definition_hash

    from audience_names

    inner join model_looks
        on audience_names.model_name = model_looks.model_name

    inner join today
        on model_looks.seen_on <> today.as_of_date

    left join known_audiences
        on audience_names.audience = known_audiences.audience

    where known_audiences.audience is null

),

new_looks as (

    select
        audience_names.model_name,
        audience_names.audience,
        today.as_of_date as seen_on,
        definitions.definition_hash

    from audience_names

    cross join today

    left join definitions
        on audience_names.model_name = definitions.model_name

    union all

    select
        model_name,
        audience,
        seen_on,
        definition_hash

    from caught_up_looks

),

kept_looks as (

    select
        looks.model_name,
        looks.audience,
        looks.seen_on,
        looks.definition_hash

    from looks

    left join today
        on looks.seen_on = today.as_of_date

    where today.as_of_date is null

),

placed_stays as (

    select
        stays.*,
        neighbours.audience is not null
        and (neighbours.previous_on is null or stays.left_on is null or stays.left_on > neighbours.previous_on)
        and (neighbours.next_on is null or stays.entered_on <= neighbours.next_on) as is_open_to_change,
        coalesce(stays.entered_on <= neighbours.previous_on, false) as is_from_before,
        coalesce(stays.left_on is null or stays.left_on > neighbours.next_on, false)
        and neighbours.next_on is not null as is_to_after

    from stays

    left join neighbours
        on stays.audience = neighbours.audience

),

changing as (

    select
        audience,
        customer_id,
        min(model_name) as model_name,
        max(case when is_from_before then entered_on end) as before_entered_on,
        max(case when is_from_before then arm end) as before_arm,
        bool_or(is_from_before and is_sampled) as before_is_sampled,
        bool_or(is_from_before) as was_in,
        max(case when is_to_after then left_on end) as after_left_on,
        max(case when is_to_after then arm end) as after_arm,
        bool_or(is_to_after and is_sampled) as after_is_sampled,
        bool_or(is_to_after) as is_in_after

    from placed_stays

    where is_open_to_change

    group by audience, customer_id

),

todays_members as (

    select members.*

    from members

    cross join today

),

answers as (

    select
        coalesce(todays_members.audience, changing.audience) as audience,
        coalesce(todays_members.customer_id, changing.customer_id) as customer_id,
        coalesce(todays_members.model_name, changing.model_name) as model_name,
        todays_members.customer_id is not null as is_in,
        coalesce(changing.was_in, false) as was_in,
        coalesce(changing.is_in_after, false) as is_in_after,
        changing.before_entered_on,
        changing.before_arm,
        changing.before_is_sampled,
        changing.after_left_on,
        changing.after_arm,
        changing.after_is_sampled,
        todays_members.arm,
        todays_members.is_sampled

    from todays_members

    full outer join changing
        on
            todays_members.audience = changing.audience
            and todays_members.customer_id = changing.customer_id

),

dated_answers as (

    select
        answers.*,
        today.as_of_date,
        neighbours.next_on

    from answers

    cross join today

    inner join neighbours
        on answers.audience = neighbours.audience

),

-- In today: one stay, from where it began to where it ends. Not in: up to today what was before, from the next look on what is after.
new_stays as (

    select
        model_name,
        audience,
        customer_id,
        case when was_in then before_entered_on else as_of_date end as entered_on,
        case when is_in_after then after_left_on else next_on end as left_on,
        case when was_in then before_arm else arm end as arm,
        case when was_in then before_is_sampled else is_sampled end as is_sampled

    from dated_answers

    where is_in

    union all

    select
        model_name,
        audience,
        customer_id,
        before_entered_on as entered_on,
        as_of_date as left_on,
        before_arm as arm,
        before_is_sampled as is_sampled

    from dated_answers

    where not is_in and was_in

    union all

    select
        model_name,
        audience,
        customer_id,
        next_on as entered_on,
        after_left_on as left_on,
        after_arm as arm,
        after_is_sampled as is_sampled

    from dated_answers

    where not is_in and is_in_after

),

memory as (

    select
        'stay' as row_kind,
        model_name,
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled,
        cast(null as {{ dbt.type_string() }}) as definition_hash

    from placed_stays

    where not is_open_to_change

    union all

    select
        'stay' as row_kind,
        model_name,
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled,
        cast(null as {{ dbt.type_string() }}) as definition_hash

    from new_stays

    union all

    select
        'seen' as row_kind,
        model_name,
        audience,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        seen_on as entered_on,
        cast(null as date) as left_on,
        cast(null as {{ dbt.type_string() }}) as arm,
        cast(null as boolean) as is_sampled,
        definition_hash

    from kept_looks

    union all

    select
        'seen' as row_kind,
        model_name,
        audience,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        seen_on as entered_on,
        cast(null as date) as left_on,
        cast(null as {{ dbt.type_string() }}) as arm,
        cast(null as boolean) as is_sampled,
        definition_hash

    from new_looks

)

select * from memory
