{# Grain: one row per item and order day; sums that add up over any days before a snapshot. #}

with

purchases as (

    select * from {{ ref('int_affinity_purchases') }}

),

item_days as (

    select
        kind,
        item_key,
        ordered_on,
        count(*) as purchase_count,
        count(*) filter (where purchase_number = 1) as new_buyer_count,
        count(*) filter (where purchase_number = 2) as new_repeat_buyer_count,
        count(gap_days) as gap_count,
        sum(cast(gap_days as {{ type_double() }})) as gap_days,
        count(log_price) as priced_count,
        round(sum(log_price), 6) as log_price

    from purchases

    group by
        kind,
        item_key,
        ordered_on

)

select * from item_days
