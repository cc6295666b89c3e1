{# Every code a customer bears has a name and advice in segment_labels. Red when a rule, or an edited rfm_tiers,
   brings a code nobody gave words to, or when a customer has no label at all. #}

with

codes as (
    {% for label in ['rfm_tier', 'lifecycle_state', 'importance', 'persona', 'customer_type'] %}
    select distinct
        '{{ label }}' as segment_kind,
        {{ label }} as code

    from {{ ref('customer_segments') }}

    union all
    {% endfor %}
    select distinct
        'ad_segment' as segment_kind,
        -- All categories share one name.
        case when ad_segment like 'category_buyers:%' then 'category_buyers' else ad_segment end as code

    from {{ ref('customer_ad_segments') }}

),

words as (

    select
        segment_kind,
        code

    from {{ ref('segment_labels') }}

)

select
    codes.segment_kind,
    codes.code

from codes

left join words
    on
        codes.segment_kind = words.segment_kind
        and codes.code = words.code

where words.code is null
