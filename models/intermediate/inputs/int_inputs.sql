{# Grain: one row per optional input: whether the shop brought it, and what cannot be known without. #}

with

as_of as (

    select
        as_of_date,
        as_of_at

    from {{ ref('int_as_of') }}

),

profiles as (

    select
        has_email_consent,
        has_tracking_consent

    from {{ ref('stg_shop__customers') }}

    cross join as_of

    where
        created_at is null
        or created_at < as_of.as_of_at

),

products as (

    select
        category,
        unit_cost_amount

    from {{ ref('int_existing_products') }}

),

refunds as (

    select min(refunded_at) as first_at from {{ ref('stg_shop__refunds') }}

),

email_events as (

    select min(occurred_at) as first_at from {{ ref('stg_email__events') }}

),

web_events as (

    select min(occurred_at) as first_at from {{ ref('stg_web__events') }}

),

marketing_spend as (

    select min(spent_on) as first_on from {{ ref('stg_ads__marketing_spend') }}

),

profile_counts as (

    select
        count(*) as profile_count,
        count(has_email_consent) as email_consent_count,
        count(has_tracking_consent) as tracking_consent_count

    from profiles

),

product_counts as (

    select
        count(category) as category_count,
        count(unit_cost_amount) as cost_count

    from products

),

inputs as (

    select
        'refunds' as input_name,
        coalesce(refunds.first_at < as_of.as_of_at, false) as has_rows,
        'what customers were given back; every order counts in full' as absent_without

    from as_of

    cross join refunds

    union all

    select
        'customers' as input_name,
        profile_count > 0 as has_rows,
        'people who never bought, unless events name them; languages and consents' as absent_without

    from profile_counts

    union all

    select
        'email_consents' as input_name,
        email_consent_count > 0 as has_rows,
        'subscribers, and who among them is disengaged' as absent_without

    from profile_counts

    union all

    select
        'email_events' as input_name,
        coalesce(email_events.first_at < as_of.as_of_at, false) as has_rows,
        'engagement, espresso shots, almost there, waiting for wows, false starts' as absent_without

    from as_of

    cross join email_events

    union all

    select
        'web_events' as input_name,
        coalesce(web_events.first_at < as_of.as_of_at, false) as has_rows,
        'site intent, window shoppers, abandoned and open carts' as absent_without

    from as_of

    cross join web_events

    {% if var('require_tracking_consent') -%}
    union all

    select
        'tracking_consents' as input_name,
        tracking_consent_count > 0 as has_rows,
        'whom site events may be counted for (var require_tracking_consent)' as absent_without

    from profile_counts

    {% endif -%}
    union all

    select
        'product_categories' as input_name,
        category_count > 0 as has_rows,
        'category buyers and category counts' as absent_without

    from product_counts

    union all

    select
        'product_costs' as input_name,
        cost_count > 0 as has_rows,
        'gross margins' as absent_without

    from product_counts

    union all

    select
        'marketing_spend' as input_name,
        coalesce(marketing_spend.first_on < as_of.as_of_date, false) as has_rows,
        'acquisition costs' as absent_without

    from as_of

    cross join marketing_spend

)

select * from inputs
