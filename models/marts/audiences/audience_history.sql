{# Grain: one row per audience, customer and stay: from the first build that saw her in it to the first that saw her gone. #}
-- A view: the stays stand in the memory already.
{{ config(materialized='view') }}

with

-- All of a family are looked at together, also those that nobody was in.
looks as (

    select
        model_name,
        entered_on as seen_on,
        definition_hash,
        experiment_key,
        lag(definition_hash) over (partition by model_name order by entered_on) as previous_definition_hash,
        row_number() over (partition by model_name order by entered_on) as look_number

    from {{ ref('int_audience_memory') }}

    where row_kind = 'seen'

),

stays as (

    select
        audience,
        customer_id,
        entered_on,
        left_on,
        arm,
        is_sampled,
        {{ audience_model('audience') }} as model_name

    from {{ ref('int_audience_memory') }}

    where row_kind = 'stay'

),

-- Of a family: the day on which anybody was first in one of its audiences, and the day since which nobody is.
of_items as (

    select
        audience,
        min(entered_on) as first_entered_on,
        case when count(*) = count(left_on) then max(left_on) end as last_left_on

    from stays

    where position(':' in audience) > 0

    group by audience

),

history as (

    select
        stays.audience,
        stays.model_name,
        stays.customer_id,
        stays.entered_on,
        stays.left_on,
        stays.arm,
        stays.is_sampled,
        entries.definition_hash,
        entries.experiment_key,
        case
            when entries.look_number = 1 then 'first_look'
            when of_items.first_entered_on = stays.entered_on then 'item_new'
            when entries.definition_hash = entries.previous_definition_hash then 'customer'
            else 'definition'
        end as entered_because,
        case
            when stays.left_on is null then null
            when exits.definition_hash is null then 'audience_gone'
            when of_items.last_left_on = stays.left_on then 'item_gone'
            when exits.definition_hash = exits.previous_definition_hash then 'customer'
            else 'definition'
        end as left_because

    from stays

    inner join looks as entries
        on
            stays.model_name = entries.model_name
            and stays.entered_on = entries.seen_on

    left join of_items
        on stays.audience = of_items.audience

    left join looks as exits
        on
            stays.model_name = exits.model_name
            and stays.left_on = exits.seen_on

)

select * from history
