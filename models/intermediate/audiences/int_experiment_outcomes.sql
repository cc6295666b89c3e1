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

stays as (

    select
        history.audience,
        history.model_name,
        history.customer_id,
        history.entered_on,
        history.arm,
        history.is_sampled

    from {{ ref('audience_history') }} as history

    inner join experiments
        on
            history.model_name = experiments.model_name
            -- Who entered under another experiment, salt or share was drawn otherwise, and may have changed sides since.
            and history.experiment_key = experiments.experiment_key

    -- A later stay in the history of another day's build is not known yet.
    inner join as_of
        on history.entered_on <= as_of.as_of_date

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

order_days as (

    select
        customer_id,
        ordered_on,
        count(*) as order_count,
        sum(net_amount) as net_amount

    from {{ ref('fct_orders') }}

    where
        is_valid
        and customer_id is not null

    group by
        customer_id,
        ordered_on

),

orders_by_entrant as (

    select
        entrants.audience,
        entrants.customer_id,
        sum(case when order_days.ordered_on >= entrants.entered_on then order_days.order_count end) as order_count,
        sum(case when order_days.ordered_on >= entrants.entered_on then order_days.net_amount end) as net_revenue_amount,
        sum(case when order_days.ordered_on < entrants.entered_on then order_days.order_count end)
            as order_count_before,
        sum(
            case
                when
                    order_days.ordered_on < entrants.entered_on
                    and order_days.ordered_on >= entrants.before_since_on
                    then order_days.net_amount
            end
        ) as net_revenue_amount_before

    from entrants

    inner join order_days
        on
            entrants.customer_id = order_days.customer_id
            and entrants.outcome_until_on > order_days.ordered_on

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
