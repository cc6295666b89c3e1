{# Grain: one row per customer: how she can be reached, as her profiles say it. Personal data; no mart shows it. #}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

identities as (

    select
        identity_key,
        customer_id

    from {{ ref('customer_identities') }}

),

sightings as (

    select
        identity_key,
        email

    from {{ ref('int_identity_sightings') }}

),

profiles as (

    select
        identities.customer_id,
        profiles.email,
        profiles.phone,
        profiles.first_name,
        profiles.last_name,
        profiles.country,
        profiles.postal_code,
        row_number() over (
            partition by identities.customer_id
            order by
                case when profiles.source_customer_id = identities.customer_id then 0 else 1 end asc,
                case when profiles.created_at is null then 1 else 0 end asc,
                profiles.created_at desc,
                profiles.source_customer_id asc
        ) as profile_rank

    from {{ ref('stg_shop__customers') }} as profiles

    inner join as_of
        on profiles.created_at is null or profiles.created_at < as_of.as_of_at

    inner join identities
        on profiles.identity_key = identities.identity_key

),

-- Of two profiles the customer's own, else the newest: an address whole from one profile, not a street of one in the town of another.
own_profiles as (

    select * from profiles

    where profile_rank = 1

),

-- Who has no profile ordered with an e-mail.
seen_emails as (

    select
        identities.customer_id,
        min(sightings.email) as email

    from identities

    inner join sightings
        on identities.identity_key = sightings.identity_key

    group by identities.customer_id

),

customers as (

    select customer_id from {{ ref('dim_customers') }}

),

customer_contacts as (

    select
        customers.customer_id,
        coalesce(own_profiles.email, seen_emails.email) as email,
        own_profiles.phone,
        own_profiles.first_name,
        own_profiles.last_name,
        own_profiles.country,
        own_profiles.postal_code

    from customers

    left join own_profiles
        on customers.customer_id = own_profiles.customer_id

    left join seen_emails
        on customers.customer_id = seen_emails.customer_id

)

select * from customer_contacts
