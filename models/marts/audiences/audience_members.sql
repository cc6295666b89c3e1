{# Grain: one row per audience and customer who is in it today. #}
-- A view: who is in stands in a table already, and a sentence for each of twenty million memberships is read by few.
{{ config(materialized='view') }}

with

as_of as (

    select as_of_date from {{ ref('int_as_of') }}

),

members as (

    select * from {{ ref('int_audience_members') }}

),

definitions as (

    select * from {{ ref('int_audience_definitions') }}

),

stays as (

    select
        audience,
        customer_id,
        entered_on,
        left_on

    from {{ ref('int_audience_memory') }}

    where row_kind = 'stay'

),

customers as (

    select * from {{ ref('customer_segments') }}

),

todays_stays as (

    select
        stays.audience,
        stays.customer_id,
        stays.entered_on

    from stays

    cross join as_of

    where
        stays.entered_on <= as_of.as_of_date
        and (stays.left_on is null or stays.left_on > as_of.as_of_date)

),

audience_members as (

    select
        members.audience,
        members.customer_id,
        customers.as_of_date,
        todays_stays.entered_on,
        case
            when
                definitions.is_by_lifecycle or definitions.is_by_importance or definitions.is_by_persona
                or definitions.is_by_rfm_tier or definitions.is_by_customer_type
                then
                    trim(
                        case when definitions.is_by_importance then customers.importance_reason || ' ' else '' end
                        || case when definitions.is_by_lifecycle then customers.lifecycle_reason || ' ' else '' end
                        || case when definitions.is_by_persona then customers.persona_reason || ' ' else '' end
                        || case when definitions.is_by_rfm_tier then customers.rfm_tier_reason || ' ' else '' end
                        || case when definitions.is_by_customer_type then customers.customer_type_reason else '' end
                    )
            when customers.order_count = 0 then 'No order so far.'
            else
                {{ label_count('customers.order_count', 'order', 'orders') }} || ' for '
                || {{ label_amount('customers.net_revenue_amount') }} || ' ' || customers.currency_code || ', the last '
                || {{ label_count('customers.recency_days', 'day', 'days') }} || ' ago.'
        end as reason,
        members.arm,
        members.is_sampled,
        members.is_primary,
        members.member_value as value

    from members

    inner join definitions
        on {{ audience_model('members.audience') }} = definitions.model_name

    inner join customers
        on members.customer_id = customers.customer_id

    left join todays_stays
        on
            members.audience = todays_stays.audience
            and members.customer_id = todays_stays.customer_id

)

select * from audience_members
