{% macro consented(purpose) -%}
    {#- Nobody who did not say yes: unknown is no. -#}
    {%- set columns = {
        'email': 'is_subscribed and has_email_consent',
        'sms': 'has_sms_consent',
        'ads_user_data': 'has_ads_user_data_consent',
        'ads_personalization': 'has_ads_personalization_consent',
        'tracking': 'has_tracking_consent',
    } -%}
    {%- do refuse_unknown('consented', 'purpose', [purpose], columns.keys() | list) -%}
    (
        select customer_id
        from {{ ref('customer_facts') }}
        where {{ columns[purpose] }}
    )
{%- endmacro %}
