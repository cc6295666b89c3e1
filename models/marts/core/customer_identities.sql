{# Grain: one row per identity the shop's data mentions: which customer it is, and why. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

sightings as (

    select
        identity_key,
        source_customer_id,
        email,
        first_seen_at

    from {{ ref('int_identity_sightings') }}

),

emails as (

    select
        email,
        count(*) as identity_count,
        count(source_customer_id) as customer_id_count

    from sightings

    where email is not null

    group by email

    having count(*) > 1

),

shared_emails as (

    select
        email,
        identity_count

    from emails
    {% if not var('merge_customers_by_email') %}
    -- Ids stay apart; an e-mail that came without an id still belongs to the one id that has it.
    where customer_id_count = 1
    {% endif %}

),

sightings_of_shared_emails as (

    select
        sightings.identity_key,
        sightings.source_customer_id,
        sightings.email,
        shared_emails.identity_count,
        row_number() over (
            partition by sightings.email
            order by
                case when sightings.source_customer_id is null then 1 else 0 end,
                case when sightings.first_seen_at is null then 1 else 0 end,
                sightings.first_seen_at,
                sightings.source_customer_id
        ) as survivor_rank

    from sightings

    inner join shared_emails
        on sightings.email = shared_emails.email

),

survivors as (

    select
        email,
        source_customer_id as customer_id

    from sightings_of_shared_emails

    where survivor_rank = 1

),

identities as (

    select
        sightings.identity_key,
        sightings.source_customer_id,
        coalesce(
            survivors.customer_id,
            sightings.source_customer_id,
            'email_' || {{ dbt.hash('sightings.email') }}
        ) as customer_id,
        case
            when survivors.customer_id is null and sightings.source_customer_id is null then 'email_only'
            when survivors.customer_id is null then 'own_id'
            when survivors.customer_id = sightings.source_customer_id then 'survivor_of_shared_email'
            else 'merged_by_shared_email'
        end as match_rule,
        sightings.first_seen_at

    from sightings

    left join survivors
        on sightings.email = survivors.email

)

select * from identities
