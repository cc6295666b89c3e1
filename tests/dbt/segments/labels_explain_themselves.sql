{# "Why is she in here, and when will that change?" Red when a label has no sentence (one null in the numbers empties
   it), or says that it changed already. #}

{%- set labels = {
    'rfm_tier': none,
    'lifecycle': 'lifecycle_changes_on',
    'importance': none,
    'persona': 'persona_changes_on',
    'customer_type': 'customer_type_changes_on',
} %}

with

segments as (

    select * from {{ ref('customer_segments') }}

),

ad_segments as (

    select
        customer_id,
        ad_segment,
        ad_segment_reason

    from {{ ref('customer_ad_segments') }}

),

problems as (
    {% for label, changes_on in labels.items() %}
    select
        customer_id,
        '{{ label }}' as label_name,
        {{ label }}_reason as reason,
        {{ changes_on or 'cast(null as date)' }} as changes_on

    from segments

    where
        coalesce(trim({{ label }}_reason), '') = ''
        {% if changes_on -%}
        or {{ changes_on }} <= as_of_date
        {%- endif %}

    union all
    {% endfor %}
    select
        customer_id,
        ad_segment as label_name,
        ad_segment_reason as reason,
        cast(null as date) as changes_on

    from ad_segments

    where coalesce(trim(ad_segment_reason), '') = ''

)

select * from problems
