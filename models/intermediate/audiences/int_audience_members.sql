{# Grain: one row per audience and customer who is in it today. #}
{#-
    Arms are drawn by a salted hash of experiment and customer: whoever changes another audience's shares moves nobody here, and a growing
    share only moves people out of treatment. The global holdout is drawn once a customer and is the same in every audience. Samples are
    drawn apart from arms, so that a sample has the same arms as the whole.
-#}
{%- set salt = "'" ~ var('experiment_salt') ~ "|'" -%}

with

definitions as (

    select * from {{ ref('int_audience_definitions') }}

),

audience_rows as (

    select * from {{ ref('int_audience_rows') }}

),

-- One rank a model within its channel: of two with the same priority the one whose name comes first.
ranked_models as (

    select
        model_name,
        channel,
        experiment,
        sample_share,
        sample_at_least,
        case when holdout_share > 0 then control_below end as control_below,
        case
            when channel is not null and priority is not null
                then row_number() over (partition by channel order by priority nulls last, model_name)
        end as channel_rank

    from definitions

),

members as (

    select
        audience_rows.audience,
        audience_rows.model_name,
        audience_rows.customer_id,
        audience_rows.member_value,
        ranked_models.channel,
        ranked_models.channel_rank,
        ranked_models.sample_share,
        ranked_models.sample_at_least,
        {% if var('global_holdout_share') > 0 -%}
        case
            when {{ dbt.hash(salt ~ " || 'global|' || audience_rows.customer_id") }} < '{{ share_bound(var("global_holdout_share")) }}' then 'held_out'
            when ranked_models.control_below is null then 'treatment'
        {%- else -%}
        case
            when ranked_models.control_below is null then 'treatment'
        {%- endif %}
            when
                {{ dbt.hash(salt ~ " || ranked_models.experiment || '|' || audience_rows.customer_id") }}
                < ranked_models.control_below
                then 'control'
            else 'treatment'
        end as arm

    from audience_rows

    inner join ranked_models
        on audience_rows.model_name = ranked_models.model_name

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
        min(channel_rank) as channel_rank

    from members

    where channel_rank is not null

    group by channel, customer_id

),

members_with_places as (

    select
        members.audience,
        members.model_name,
        members.customer_id,
        members.member_value,
        members.arm,
        not_sampled.customer_id is null as is_sampled,
        coalesce(members.channel_rank = best_of_channel.channel_rank, true) as is_primary

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
