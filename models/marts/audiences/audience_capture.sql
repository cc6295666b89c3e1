{# Grain: one row per family of interest audiences and size: how much of the shop it takes for so many of the real buyers. #}
{{ config(materialized='view') }}

with

quality as (

    select
        prediction,
        metric,
        metric_value,
        baseline_value,
        model_version,
        trained_as_of,
        tested_as_of,
        customer_count

    from {{ ref('prediction_quality') }}

    where prediction in ('audience_category', 'audience_brand', 'audience_product')

),

ranked_quality as (

    select
        quality.*,
        dense_rank() over (order by trained_as_of desc, model_version asc) as model_rank

    from quality

),

newest_quality as (

    select * from ranked_quality

    where model_rank = 1

),

sizes as (

    {% for percent in [50, 70, 90] %}
    select
        'share_for_{{ percent }}' as metric,
        cast({{ percent }} / 100.0 as {{ type_double() }}) as capture_share
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

of_families as (

    select
        prediction,
        max(case when metric = 'auc' then metric_value end) as auc,
        max(case when metric = 'auc' then baseline_value end) as bought_before_auc,
        max(case when metric = 'lift_of_top_tenth' then metric_value end) as lift_of_top_tenth,
        max(case when metric = 'lift_of_top_tenth' then baseline_value end) as bought_before_lift_of_top_tenth

    from newest_quality

    group by prediction

),

capture as (

    select
        case newest_quality.prediction
            when 'audience_category' then 'interested_in_categories'
            when 'audience_brand' then 'interested_in_brands'
            else 'interested_in_long_tail'
        end as audience_family,
        sizes.capture_share,
        newest_quality.metric_value as customer_share,
        newest_quality.baseline_value as bought_before_customer_share,
        sizes.capture_share / nullif(newest_quality.metric_value, 0) as lift,
        sizes.capture_share / nullif(newest_quality.baseline_value, 0) as bought_before_lift,
        of_families.lift_of_top_tenth,
        of_families.bought_before_lift_of_top_tenth,
        of_families.auc,
        of_families.bought_before_auc,
        newest_quality.tested_as_of,
        newest_quality.customer_count

    from newest_quality

    inner join sizes
        on newest_quality.metric = sizes.metric

    inner join of_families
        on newest_quality.prediction = of_families.prediction

)

select * from capture
