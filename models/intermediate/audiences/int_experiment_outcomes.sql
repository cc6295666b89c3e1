{# Grain: one row per audience and customer who entered it since its experiment began: her first stay, and what she bought after. #}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

experiments as (

    select
        model_name,
        experiment_key

    from {{ ref('int_audience_definitions') }}

    where holdout_share > 0 or global_holdout_share > 0

),

-- A later look, in the memory of another day's build, is not known yet.
looks as (

    select
        memory.model_name,
        memory.entered_on as seen_on,
        memory.experiment_key

    from {{ ref('int_audience_memory') }} as memory

    inner join as_of
        on memory.entered_on <= as_of.as_of_date

    where memory.row_kind = 'seen'

),

-- A day that is only told afterwards drew no arms: whoever it says to have been in already enters the experiment with the next look that did.
draws as (

    select
        looks.model_name,
        looks.seen_on,
        min(later_looks.seen_on) as drawn_on

    from looks

    inner join looks as later_looks
        on
            looks.model_name = later_looks.model_name
            and looks.seen_on <= later_looks.seen_on

    where later_looks.experiment_key is not null

    group by
        looks.model_name,
        looks.seen_on

),

-- Who was drawn under another experiment, salt or share was drawn otherwise, and may have changed sides since.
draws_of_experiments as (

    select
        draws.model_name,
        draws.seen_on,
        draws.drawn_on

    from draws

    inner join looks
        on
            draws.model_name = looks.model_name
            and draws.drawn_on = looks.seen_on

    inner join experiments
        on
            looks.model_name = experiments.model_name
            and looks.experiment_key = experiments.experiment_key

),

stays as (

    select
        memory.audience,
        draws.model_name,
        memory.customer_id,
        draws.drawn_on as entered_on,
        memory.arm,
        memory.is_sampled

    from {{ ref('int_audience_memory') }} as memory

    inner join draws_of_experiments as draws
        on
            {{ audience_model('memory.audience') }} = draws.model_name
            and memory.entered_on = draws.seen_on

    where
        memory.row_kind = 'stay'
        and (memory.left_on is null or memory.left_on > draws.drawn_on)

),

-- Before anybody was held back there was nobody to compare with: those people met another season.
starts as (

    select
        audience,
        min(entered_on) as started_on

    from stays

    where arm in ('control', 'held_out')

    group by audience

),

stays_since_start as (

    select
        stays.*,
        row_number() over (
            partition by stays.audience, stays.customer_id
            order by stays.entered_on
        ) as stay_number

    from stays

    inner join starts
        on
            stays.audience = starts.audience
            and stays.entered_on >= starts.started_on

),

entrants as (

    select
        stays_since_start.audience,
        stays_since_start.model_name,
        stays_since_start.customer_id,
        stays_since_start.entered_on,
        stays_since_start.arm,
        stays_since_start.is_sampled,
        {{ add_days('stays_since_start.entered_on', var('experiment_window_days')) }} as outcome_until_on,
        {{ add_days('stays_since_start.entered_on', 0 - var('experiment_pre_days')) }} as before_since_on,
        as_of.as_of_date

    from stays_since_start

    cross join as_of

    where stays_since_start.stay_number = 1

),

orders as (

    select
        customer_id,
        ordered_on,
        net_amount

    from {{ ref('fct_orders') }}

    where
        is_valid
        and customer_id is not null

),

orders_by_entrant as (

    select
        entrants.audience,
        entrants.customer_id,
        count(case when orders.ordered_on >= entrants.entered_on then 1 end) as order_count,
        sum(case when orders.ordered_on >= entrants.entered_on then orders.net_amount end) as net_revenue_amount,
        count(case when orders.ordered_on < entrants.entered_on then 1 end) as order_count_before,
        sum(
            case
                when
                    orders.ordered_on < entrants.entered_on
                    and orders.ordered_on >= entrants.before_since_on
                    then orders.net_amount
            end
        ) as net_revenue_amount_before

    from entrants

    inner join orders
        on
            entrants.customer_id = orders.customer_id
            and entrants.outcome_until_on > orders.ordered_on

    group by
        entrants.audience,
        entrants.customer_id

),

outcomes as (

    select
        entrants.audience,
        entrants.model_name,
        entrants.customer_id,
        entrants.entered_on,
        entrants.arm,
        entrants.is_sampled,
        entrants.outcome_until_on,
        entrants.outcome_until_on <= entrants.as_of_date as is_over,
        cast(coalesce(orders_by_entrant.order_count, 0) as bigint) as order_count,
        cast(coalesce(orders_by_entrant.net_revenue_amount, 0) as numeric(18, 4)) as net_revenue_amount,
        cast(coalesce(orders_by_entrant.order_count_before, 0) as bigint) as order_count_before,
        cast(coalesce(orders_by_entrant.net_revenue_amount_before, 0) as numeric(18, 4)) as net_revenue_amount_before,
        entrants.as_of_date

    from entrants

    left join orders_by_entrant
        on
            entrants.audience = orders_by_entrant.audience
            and entrants.customer_id = orders_by_entrant.customer_id

)

select * from outcomes
