{# Grain: one row per audience model and day on which a build looked at it (`row_kind` seen), and per stay of a customer (`stay`). #}
{#-
    Looks and stays are one table, so that a build that breaks off leaves neither without the other. A look at a day says who was in the
    audiences of a model then, a family's all together; a stay is a run of looks that saw her in one. So a day can be looked at in any
    order, and twice: of each customer only the stays between the look before and the look after are made anew, from three answers: was
    she in before, today, after? And a stay keeps the arm and the sample of the first build that drew them, whatever is told
    afterwards of the time before.

    The memory of past builds cannot be rebuilt from today's data, so it is carried over by every build, also by a full refresh. As for
    RFM tiers, a day later than the newest load has not come and is not remembered; a past day only where somebody asks for it, because
    it tells the past by today's rules.

    There may be fifteen million stays. So a stay does not repeat its model, which its audience's name says; and stays and members are read
    where they are needed instead of in one import, which DuckDB would write out first.
-#}
{{ config(materialized='table') }}
{%- set memory = load_relation(this) if execute else none -%}
{%- set text = dbt.type_string() -%}
{#- Who was only told to have been in before is drawn by the first build that sees her. -#}
{%- set keeps_arm = 'stays_before.customer_id is not null' if var('write_past_history') else 'stays_before.is_drawn' -%}
{%- set takes_later_arm = 'answers.is_in and stays_after.is_drawn and not answers.is_drawn' -%}
{%- set columns = "audience, customer_id, entered_on, left_on, arm, is_sampled, " ~ audience_model('audience') ~ " as model_name" -%}
{%- set no_stays = "select *, cast(null as date) as entered_on, cast(null as date) as left_on from " ~ ref('int_audience_members') ~ " where 1 = 0" -%}
{%- set stays = "(select " ~ columns ~ " from " ~ (this ~ " where row_kind = 'stay'" if memory else "(" ~ no_stays ~ ") as nobody") ~ ")" %}

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
        definition_hash,
        experiment_key

    from {{ ref('int_audience_definitions') }}

),

looks as (

    {% if memory -%}
    select
        model_name,
        entered_on as seen_on,
        definition_hash,
        experiment_key

    from {{ this }}

    where row_kind = 'seen'
    {%- else -%}
    select
        model_name,
        cast(null as date) as seen_on,
        definition_hash,
        experiment_key

    from definitions

    where 1 = 0
    {%- endif %}

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
        {%- if flags.EMPTY %}
        and 1 = 0
        {%- endif %}
        {%- if not var('write_past_history') %}
        and (newest_look.seen_on is null or as_of.as_of_date >= newest_look.seen_on)
        {%- endif %}

),

-- A model that is gone has nobody in it today.
known_models as (

    select model_name from definitions

    union

    select model_name from looks

),

-- Today, and the looks before and after it; of them those that drew arms, which a day that is only told afterwards does not.
windows as (

    select
        known_models.model_name,
        today.as_of_date,
        max(case when looks.seen_on < today.as_of_date then looks.seen_on end) as previous_on,
        min(case when looks.seen_on > today.as_of_date then looks.seen_on end) as next_on,
        max(case when looks.seen_on < today.as_of_date and looks.experiment_key is not null then looks.seen_on end) as previous_draw_on,
        min(case when looks.seen_on > today.as_of_date and looks.experiment_key is not null then looks.seen_on end) as next_draw_on

    from known_models

    cross join today

    left join looks
        on known_models.model_name = looks.model_name

    group by
        known_models.model_name,
        today.as_of_date
    {%- if var('write_past_history') %}

    -- What a build saw on the day itself is not told anew: people were held back by it.
    having count(case when looks.seen_on = today.as_of_date then looks.experiment_key end) = 0
    {%- endif %}

),

models_left_alone as (

    select known_models.model_name

    from known_models

    left join windows
        on known_models.model_name = windows.model_name

    where windows.model_name is null

),

new_looks as (

    select
        windows.model_name,
        windows.as_of_date as seen_on,
        definitions.definition_hash,
        -- Nobody was ever held back on a day that is only told afterwards: it is part of no experiment.
        {% if var('write_past_history') -%}
        cast(null as {{ text }}) as experiment_key
        {%- else -%}
        definitions.experiment_key
        {%- endif %}

    from windows

    left join definitions
        on windows.model_name = definitions.model_name

),

kept_looks as (

    select
        looks.model_name,
        looks.seen_on,
        looks.definition_hash,
        looks.experiment_key

    from looks

    left join windows
        on
            looks.model_name = windows.model_name
            and looks.seen_on = windows.as_of_date

    where windows.model_name is null

),

-- Over before the look before.
stays_long_over as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on,
        stays.left_on,
        stays.arm,
        stays.is_sampled

    from {{ stays }} as stays

    inner join windows
        on stays.model_name = windows.model_name

    where
        stays.left_on is not null
        and stays.left_on <= windows.previous_on

),

-- Begun after the look after.
stays_long_after as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on,
        stays.left_on,
        stays.arm,
        stays.is_sampled

    from {{ stays }} as stays

    inner join windows
        on stays.model_name = windows.model_name

    where
        windows.next_on is not null
        and stays.entered_on > windows.next_on

),

stays_left_alone as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on,
        stays.left_on,
        stays.arm,
        stays.is_sampled

    from {{ stays }} as stays

    inner join models_left_alone
        on stays.model_name = models_left_alone.model_name

),

stays_before as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on,
        stays.arm,
        stays.is_sampled,
        coalesce(stays.entered_on <= windows.previous_draw_on, false) as is_drawn

    from {{ stays }} as stays

    inner join windows
        on stays.model_name = windows.model_name

    where
        stays.entered_on <= windows.previous_on
        and (stays.left_on is null or stays.left_on > windows.previous_on)

),

stays_after as (

    select
        stays.audience,
        stays.customer_id,
        stays.left_on,
        stays.arm,
        stays.is_sampled,
        windows.next_on,
        windows.next_draw_on is not null and (stays.left_on is null or stays.left_on > windows.next_draw_on) as is_drawn

    from {{ stays }} as stays

    inner join windows
        on stays.model_name = windows.model_name

    where
        stays.entered_on <= windows.next_on
        and (stays.left_on is null or stays.left_on > windows.next_on)

),

-- Was she in before, and today?
answers as (

    select
        coalesce(members.audience, stays_before.audience) as audience,
        coalesce(members.customer_id, stays_before.customer_id) as customer_id,
        members.customer_id is not null as is_in,
        stays_before.entered_on as before_on,
        coalesce(stays_before.is_drawn, false) as is_drawn,
        case when {{ keeps_arm }} then stays_before.arm else coalesce(members.arm, stays_before.arm) end as arm,
        case when {{ keeps_arm }} then stays_before.is_sampled else coalesce(members.is_sampled, stays_before.is_sampled) end as is_sampled

    from {{ ref('int_audience_members') }} as members

    full outer join stays_before
        on
            members.audience = stays_before.audience
            and members.customer_id = stays_before.customer_id

),

-- In today: one stay, from where it began to where it ends. Not in today, but before: up to today.
stays_up_to_today as (

    select
        answers.audience,
        answers.customer_id,
        coalesce(answers.before_on, windows.as_of_date) as entered_on,
        case
            when not answers.is_in then windows.as_of_date
            when stays_after.customer_id is not null then stays_after.left_on
            else windows.next_on
        end as left_on,
        case when {{ takes_later_arm }} then stays_after.arm else answers.arm end as arm,
        case when {{ takes_later_arm }} then stays_after.is_sampled else answers.is_sampled end as is_sampled

    from answers

    inner join windows
        on {{ audience_model('answers.audience') }} = windows.model_name

    left join stays_after
        on
            answers.audience = stays_after.audience
            and answers.customer_id = stays_after.customer_id

),

-- Of most looks there is none after: then nobody is to be looked up here.
members_before_next_look as (

    select
        members.audience,
        members.customer_id

    from {{ ref('int_audience_members') }} as members

    inner join windows
        on {{ audience_model('members.audience') }} = windows.model_name

    where windows.next_on is not null

),

-- Not in today, but after: from the look after on.
stays_from_next_look as (

    select
        stays_after.audience,
        stays_after.customer_id,
        stays_after.next_on as entered_on,
        stays_after.left_on,
        stays_after.arm,
        stays_after.is_sampled

    from stays_after

    left join members_before_next_look as members
        on
            stays_after.audience = members.audience
            and stays_after.customer_id = members.customer_id

    where members.customer_id is null

),

all_stays as (

    select * from stays_long_over

    union all

    select * from stays_long_after

    union all

    select * from stays_left_alone

    union all

    select * from stays_up_to_today

    union all

    select * from stays_from_next_look

),

all_looks as (

    select * from kept_looks

    union all

    select * from new_looks

),

memory as (

    select
        'stay' as row_kind,
        cast(null as {{ text }}) as model_name,
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled,
        cast(null as {{ text }}) as definition_hash,
        cast(null as {{ text }}) as experiment_key

    from all_stays

    union all

    select
        'seen' as row_kind,
        model_name,
        cast(null as {{ text }}) as audience,
        cast(null as {{ text }}) as customer_id,
        seen_on as entered_on,
        cast(null as date) as left_on,
        cast(null as {{ text }}) as arm,
        cast(null as boolean) as is_sampled,
        definition_hash,
        experiment_key

    from all_looks

)

select * from memory
