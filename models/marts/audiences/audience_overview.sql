{# Grain: one row per audience: how many, what they are worth, what they will be worth, who came and who went. #}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

definitions as (

    select * from {{ ref('int_audience_definitions') }}

),

overlap as (

    select * from {{ ref('audience_overlap') }}

),

customers as (

    select * from {{ ref('customer_segments') }}

),

shop as (

    select
        count(*) as customer_count,
        sum(net_revenue_amount) as net_revenue_amount,
        max(currency_code) as currency_code

    from customers

),

-- What does not depend on the audience is computed once a customer, in whole units of what is summed: sums of doubles differ by order.
customer_figures as (

    select
        customer_id,
        net_revenue_amount,
        order_count,
        greatest(tenure_days, 365) as tenure_days,
        lifecycle_state = 'lost' as is_lost,
        order_count > 0 as is_buyer,
        coalesce(is_subscribed and has_email_consent, false) as may_get_email,
        cast(customer_lifetime_value as numeric(18, 4)) as customer_lifetime_value,
        cast(purchase_probability_30d as numeric(18, 6)) as buyers_30d,
        cast(purchase_probability_90d as numeric(18, 6)) as buyers_90d,
        cast(purchase_probability_30d * expected_order_amount as numeric(18, 4)) as revenue_30d,
        cast(purchase_probability_90d * expected_order_amount as numeric(18, 4)) as revenue_90d

    from customers

),

member_sums as (

    select
        members.audience,
        count(*) as customer_count,
        count(case when customers.may_get_email then 1 end) as email_consent_count,
        count(case when members.arm = 'treatment' then 1 end) as treatment_count,
        count(case when members.arm = 'control' then 1 end) as control_count,
        count(case when members.arm = 'held_out' then 1 end) as held_out_count,
        count(case when members.is_sampled then 1 end) as sampled_count,
        count(case when members.is_primary then 1 end) as primary_count,
        sum(customers.net_revenue_amount) as net_revenue_amount,
        sum(customers.customer_lifetime_value) as customer_lifetime_value,
        sum(customers.order_count) as order_count,
        sum(case when customers.is_buyer then customers.tenure_days else 0 end) as tenure_days,
        count(case when customers.is_lost then 1 end) as lost_count,
        count(case when customers.is_buyer then 1 end) as buyer_count,
        sum(customers.buyers_30d) as expected_buyers_30d,
        sum(customers.buyers_90d) as expected_buyers_90d,
        sum(customers.revenue_30d) as potential_revenue_30d,
        sum(customers.revenue_90d) as potential_revenue_90d

    from {{ ref('int_audience_members') }} as members

    inner join customer_figures as customers
        on members.customer_id = customers.customer_id

    group by members.audience

),

looks as (

    select
        memory.model_name,
        max(case when memory.entered_on < as_of.as_of_date then memory.entered_on end) as previous_look_on,
        max(case when memory.entered_on = as_of.as_of_date then 1 else 0 end) = 1 as is_looked_at

    from {{ ref('int_audience_memory') }} as memory

    cross join as_of

    where memory.row_kind = 'seen'

    group by memory.model_name

),

comings_and_goings as (

    select
        memory.audience,
        count(case when memory.entered_on = as_of.as_of_date then 1 end) as entered_count,
        count(case when memory.left_on = as_of.as_of_date then 1 end) as left_count

    from {{ ref('int_audience_memory') }} as memory

    -- Few of millions of stays begin or end on one day.
    inner join as_of
        on as_of.as_of_date in (memory.entered_on, memory.left_on)

    where memory.row_kind = 'stay'

    group by memory.audience

),

ranked_neighbours as (

    select
        audience,
        other_audience,
        shared_count,
        jaccard,
        row_number() over (partition by audience order by jaccard desc, other_audience asc) as neighbour_rank

    from overlap

),

nearest as (

    select
        audience,
        max(case when neighbour_rank = 1 then other_audience end) as nearest_audience,
        max(case when neighbour_rank = 1 then shared_count end) as nearest_shared_count,
        max(case when neighbour_rank = 1 then jaccard end) as nearest_jaccard,
        {{ dbt.listagg("other_audience || ' (' || cast(shared_count as " ~ dbt.type_string() ~ ") || ')'", "', '", "order by neighbour_rank") }} as neighbours

    from ranked_neighbours

    where neighbour_rank <= 3

    group by audience

),

-- An audience that nobody is in has a row too; of a family, each that has anybody, or had until today.
names as (

    select audience from member_sums

    union

    select audience from definitions

    where not is_family

    union

    select memory.audience

    from {{ ref('int_audience_memory') }} as memory

    inner join as_of
        on memory.left_on = as_of.as_of_date

    where memory.row_kind = 'stay'

),

audience_names as (

    select
        audience,
        {{ audience_model('audience') }} as model_name,
        substring(audience from position(':' in audience) + 1) as item

    from names

),

-- What people call an item: a product's title, not its id.
items as (

    select
        item,
        min(label) as label

    from {{ ref('int_interests') }}

    group by item

),

overview as (

    select
        audience_names.audience,
        audience_names.model_name,
        replace(
            definitions.label,
            '{item}',
            coalesce(items.label, audience_names.item)
        ) as label,
        definitions.purpose,
        definitions.advice,
        definitions.owner,
        definitions.channel,
        definitions.priority,
        definitions.destinations,
        definitions.definition_hash,
        as_of.as_of_date,
        shop.currency_code,
        coalesce(member_sums.customer_count, 0) as customer_count,
        cast(coalesce(member_sums.customer_count, 0) as {{ type_double() }}) / nullif(shop.customer_count, 0) as customer_share,
        case when looks.is_looked_at then looks.previous_look_on end as previous_look_on,
        case when looks.previous_look_on is not null and looks.is_looked_at then coalesce(comings_and_goings.entered_count, 0) end as entered_count,
        case when looks.previous_look_on is not null and looks.is_looked_at then coalesce(comings_and_goings.left_count, 0) end as left_count,
        case
            when looks.previous_look_on is not null and looks.is_looked_at
                then coalesce(comings_and_goings.entered_count, 0) - coalesce(comings_and_goings.left_count, 0)
        end as growth_count,
        coalesce(member_sums.email_consent_count, 0) as email_consent_count,
        coalesce(member_sums.treatment_count, 0) as treatment_count,
        coalesce(member_sums.control_count, 0) as control_count,
        coalesce(member_sums.held_out_count, 0) as held_out_count,
        coalesce(member_sums.sampled_count, 0) as sampled_count,
        coalesce(member_sums.primary_count, 0) as primary_count,
        coalesce(member_sums.net_revenue_amount, 0) as net_revenue_amount,
        cast(member_sums.net_revenue_amount as {{ type_double() }}) / nullif(shop.net_revenue_amount, 0) as net_revenue_share,
        member_sums.customer_lifetime_value,
        {{ divide_amount('member_sums.net_revenue_amount', 'member_sums.order_count') }} as average_order_amount,
        365 * cast(member_sums.order_count as {{ type_double() }}) / nullif(member_sums.tenure_days, 0) as orders_per_year,
        cast(member_sums.lost_count as {{ type_double() }}) / nullif(member_sums.buyer_count, 0) as lost_share,
        cast(member_sums.expected_buyers_30d as {{ type_double() }}) as expected_buyers_30d,
        cast(member_sums.expected_buyers_90d as {{ type_double() }}) as expected_buyers_90d,
        member_sums.potential_revenue_30d,
        member_sums.potential_revenue_90d,
        nearest.nearest_audience,
        nearest.nearest_shared_count,
        nearest.nearest_jaccard,
        nearest.neighbours

    from audience_names

    inner join definitions
        on audience_names.model_name = definitions.model_name

    cross join as_of

    cross join shop

    left join member_sums
        on audience_names.audience = member_sums.audience

    left join looks
        on audience_names.model_name = looks.model_name

    left join comings_and_goings
        on audience_names.audience = comings_and_goings.audience

    left join items
        on audience_names.item = items.item

    left join nearest
        on audience_names.audience = nearest.audience

)

select * from overview
