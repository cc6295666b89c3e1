{# Grain: one row per audience and customer who is in it today. #}
{#-
    Arms are drawn by a salted hash of experiment and customer: whoever changes another audience's shares moves nobody here, and a growing
    share only moves people out of treatment. The global holdout is drawn once a customer and is the same in every audience. Samples are
    drawn apart from arms, so that a sample has the same arms as the whole; each of the three hashes has a word of its own, so that
    no experiment's name can make it one of the others.
-#}
{%- set salt = "'" ~ var('experiment_salt') ~ "|'" -%}
{%- set global_hash = dbt.hash(salt ~ " || 'global|' || audience_rows.customer_id") -%}
{%- set global_share = var('global_holdout_share') -%}
{%- set is_held_out = global_hash ~ " < '" ~ share_bound(global_share) ~ "'" if global_share > 0 else '1 = 0' -%}

with

definitions as (

    select * from {{ ref('int_audience_definitions') }}

),

audience_rows as (

    select * from {{ ref('int_audience_rows') }}

),

-- One rank an audience model within its channel: who has no priority comes last; of two with the same the one whose name comes first.
ranked_definitions as (

    select
        model_name,
        channel,
        experiment,
        sample_at_least,
        -- A share is a decimal number: as a double, 0.07 of 100 is a little more than 7, and would be rounded up to 8.
        cast(sample_share as numeric(18, 9)) as sample_share,
        case when holdout_share > 0 then control_below end as control_below,
        case
            when channel is not null
                then row_number() over (partition by channel order by priority nulls last, model_name)
        end as channel_rank

    from definitions

),

members as (

    select
        audience_rows.audience,
        audience_rows.customer_id,
        audience_rows.member_value,
        ranked_definitions.channel,
        ranked_definitions.sample_share,
        ranked_definitions.sample_at_least,
        -- Of one family the audience whose name comes first.
        case
            when ranked_definitions.channel is not null
                then lpad(cast(ranked_definitions.channel_rank as {{ dbt.type_string() }}), 6, '0') || audience_rows.audience
        end as channel_place,
        case
            when {{ is_held_out }} then 'held_out'
            when ranked_definitions.control_below is null then 'treatment'
            when
                {{ dbt.hash(salt ~ " || 'experiment|' || ranked_definitions.experiment || '|' || audience_rows.customer_id") }}
                < ranked_definitions.control_below
                then 'control'
            else 'treatment'
        end as arm

    from audience_rows

    inner join ranked_definitions
        on audience_rows.model_name = ranked_definitions.model_name

),

sample_places as (

    select
        audience,
        customer_id,
        sample_share,
        sample_at_least,
        row_number() over (
            partition by audience
            order by {{ dbt.hash(salt ~ " || 'sample|' || audience || '|' || customer_id") }}, customer_id
        ) as sample_place,
        count(*) over (partition by audience) as member_count

    from members

    where sample_share is not null

),

not_sampled as (

    select
        audience,
        customer_id

    from sample_places

    where sample_place > greatest(ceil(sample_share * member_count), sample_at_least)

),

best_of_channel as (

    select
        channel,
        customer_id,
        min(channel_place) as channel_place

    from members

    where channel is not null

    group by channel, customer_id

),

members_with_places as (

    select
        members.audience,
        members.customer_id,
        members.member_value,
        members.arm,
        not_sampled.customer_id is null as is_sampled,
        coalesce(members.channel_place = best_of_channel.channel_place, true) as is_primary

    from members

    left join not_sampled
        on
            members.audience = not_sampled.audience
            and members.customer_id = not_sampled.customer_id

    left join best_of_channel
        on
            members.channel = best_of_channel.channel
            and members.customer_id = best_of_channel.customer_id

)

select * from members_with_places
