{# Grain: one row per customer, buyers or not. No names and no addresses: those stay in the landing tables. #}

with

customer_profiles as (

    select * from {{ ref('int_customer_profiles') }}

),

customers as (

    select
        customer_id,
        identity_count,
        country,
        language,
        acquisition_channel as profile_acquisition_channel,
        created_at,
        {{ shop_date('created_at') }} as created_on,
        coalesce(has_email_consent, false) as has_email_consent,
        coalesce(has_sms_consent, false) as has_sms_consent,
        coalesce(has_ads_user_data_consent, false) as has_ads_user_data_consent,
        coalesce(has_ads_personalization_consent, false) as has_ads_personalization_consent,
        coalesce(has_tracking_consent, false) as has_tracking_consent,
        consent_updated_at

    from customer_profiles

)

select * from customers
