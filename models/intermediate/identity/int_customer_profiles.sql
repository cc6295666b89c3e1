{# Grain: one row per customer: what the profiles of the identities that are this customer say, put together. #}

with

as_of as (

    select as_of_at from {{ ref('int_as_of') }}

),

identities as (

    select
        identity_key,
        source_customer_id,
        customer_id

    from {{ ref('customer_identities') }}

),

sightings as (

    select
        identity_key,
        profile_created_at,
        first_happened_at,
        has_profile

    from {{ ref('int_identity_sightings') }}

),

profiles as (

    select
        identity_key,
        source_customer_id,
        country,
        language,
        acquisition_channel,
        attributes,
        has_email_consent,
        has_sms_consent,
        has_ads_user_data_consent,
        has_ads_personalization_consent,
        has_tracking_consent,
        created_at,
        consent_updated_at

    from {{ ref('stg_shop__customers') }}

),

customers as (

    select
        identities.customer_id,
        count(*) as identity_count,
        sum(case when sightings.has_profile then 1 else 0 end) as profile_count,
        least(min(sightings.profile_created_at), min(sightings.first_happened_at)) as created_at

    from identities

    inner join sightings
        on identities.identity_key = sightings.identity_key

    group by identities.customer_id

),

profiles_of_customers as (

    select
        identities.customer_id,
        customers.profile_count,
        profiles.*

    from profiles

    inner join as_of
        on profiles.created_at is null or profiles.created_at < as_of.as_of_at

    inner join identities
        on profiles.identity_key = identities.identity_key

    inner join customers
        on identities.customer_id = customers.customer_id

),

-- Ranking is for the few customers with several profiles; the rest go past it.
profiles_to_merge as (

    select
        profiles_of_customers.*,
        row_number() over (
            partition by customer_id
            order by
                case when consent_updated_at is null then 1 else 0 end asc,
                consent_updated_at desc,
                case when created_at is null then 1 else 0 end asc,
                created_at desc,
                source_customer_id asc
        ) as consent_rank,
        row_number() over (
            partition by customer_id
            order by
                case when source_customer_id = customer_id then 0 else 1 end asc,
                case when created_at is null then 1 else 0 end asc,
                created_at desc,
                source_customer_id asc
        ) as profile_rank

    from profiles_of_customers

    where profile_count > 1

),

-- The first word that is known counts: the survivor's own, else the newest profile's.
ranks_of_known_words as (

    select
        customer_id,
        min(case when country is not null then profile_rank end) as country_rank,
        min(case when language is not null then profile_rank end) as language_rank,
        min(case when acquisition_channel is not null then profile_rank end) as acquisition_channel_rank,
        min(case when attributes is not null then profile_rank end) as attributes_rank

    from profiles_to_merge

    group by customer_id

),

merged_profiles as (

    select
        profiles_to_merge.customer_id,
        max(case when profile_rank = country_rank then country end) as country,
        max(case when profile_rank = language_rank then language end) as language,
        max(case when profile_rank = acquisition_channel_rank then acquisition_channel end) as acquisition_channel,
        max(case when profile_rank = attributes_rank then attributes end) as attributes,
        max(case when consent_rank = 1 then cast(has_email_consent as integer) end) = 1 as has_email_consent,
        max(case when consent_rank = 1 then cast(has_sms_consent as integer) end) = 1 as has_sms_consent,
        max(case when consent_rank = 1 then cast(has_ads_user_data_consent as integer) end) = 1
            as has_ads_user_data_consent,
        max(case when consent_rank = 1 then cast(has_ads_personalization_consent as integer) end) = 1
            as has_ads_personalization_consent,
        max(case when consent_rank = 1 then cast(has_tracking_consent as integer) end) = 1 as has_tracking_consent,
        max(case when consent_rank = 1 then consent_updated_at end) as consent_updated_at

    from profiles_to_merge

    inner join ranks_of_known_words
        on profiles_to_merge.customer_id = ranks_of_known_words.customer_id

    group by profiles_to_merge.customer_id

),

one_profile_each as (

    select
        customer_id,
        country,
        language,
        acquisition_channel,
        attributes,
        has_email_consent,
        has_sms_consent,
        has_ads_user_data_consent,
        has_ads_personalization_consent,
        has_tracking_consent,
        consent_updated_at

    from profiles_of_customers

    where profile_count = 1

    union all

    select
        customer_id,
        country,
        language,
        acquisition_channel,
        attributes,
        has_email_consent,
        has_sms_consent,
        has_ads_user_data_consent,
        has_ads_personalization_consent,
        has_tracking_consent,
        consent_updated_at

    from merged_profiles

),

customer_profiles as (

    select
        customers.customer_id,
        customers.identity_count,
        customers.created_at,
        one_profile_each.country,
        one_profile_each.language,
        one_profile_each.acquisition_channel,
        one_profile_each.attributes,
        one_profile_each.has_email_consent,
        one_profile_each.has_sms_consent,
        one_profile_each.has_ads_user_data_consent,
        one_profile_each.has_ads_personalization_consent,
        one_profile_each.has_tracking_consent,
        one_profile_each.consent_updated_at

    from customers

    left join one_profile_each
        on customers.customer_id = one_profile_each.customer_id

)

select * from customer_profiles
