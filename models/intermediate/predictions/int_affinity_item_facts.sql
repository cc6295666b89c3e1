{# Grain: one row per snapshot and item sold before it. #}
{%- set shares = {
    '14d': 'item_days.age_days <= 14',
    '30d': 'item_days.age_days <= 30',
    '90d': 'item_days.age_days <= 90',
    '365d': 'item_days.age_days <= 365',
    'season': 'item_days.is_in_season',
    'before_season': 'item_days.is_before_season',
} %}

-- noqa: disable=LT02
-- The columns come in loops over windows, whose commas and casts the linter cannot indent.

with

snapshots as (

    select * from {{ ref('int_affinity_snapshots') }}

),

days_of_items as (

    select * from {{ ref('int_affinity_item_days') }}

),

days_of_shop as (

    select
        ordered_on,
        count(distinct customer_id) as order_count

    from {{ ref('int_affinity_purchases') }}

    group by ordered_on

),

{% for name, columns in {'item_days': 'days_of_items', 'shop_days': 'days_of_shop'}.items() %}
{{ name }} as (

    select
        {{ columns }}.*,
        snapshots.snapshot_on,
        snapshots.has_season,
        {{ days_between(columns ~ '.ordered_on', 'snapshots.snapshot_on') }} as age_days,
        {{ columns }}.ordered_on >= snapshots.season_from_on
        and {{ columns }}.ordered_on < snapshots.season_until_on as is_in_season,
        {{ columns }}.ordered_on < snapshots.season_from_on
        and {{ columns }}.ordered_on >= {{ add_days('snapshots.season_from_on', -90) }} as is_before_season

    from {{ columns }}

    inner join snapshots
        on {{ columns }}.ordered_on < snapshots.snapshot_on

),
{% endfor %}

shop_orders as (

    select
        snapshot_on,
        {% for name, condition in shares.items() %}
        sum(order_count) filter (where {{ condition | replace('item_days', 'shop_days') }}) as orders_{{ name }}
        {{- ',' if not loop.last }}
        {% endfor %}

    from shop_days

    group by snapshot_on

),

gaps_of_kind as (

    select
        snapshot_on,
        kind,
        sum(gap_days) / nullif(sum(gap_count), 0) as gap_days,
        sum(new_repeat_buyer_count) / cast(nullif(sum(new_buyer_count), 0) as {{ type_double() }}) as repeat_share

    from item_days

    group by
        snapshot_on,
        kind

),

item_sums as (

    select
        snapshot_on,
        has_season,
        kind,
        item_key,
        {% for name, condition in shares.items() %}
        coalesce(sum(purchase_count) filter (where {{ condition }}), 0) as purchases_{{ name }},
        {% endfor %}
        min(age_days) as days_since_sold,
        max(age_days) as days_on_sale,
        sum(new_buyer_count) as buyer_count,
        sum(new_repeat_buyer_count) as repeat_buyer_count,
        sum(gap_count) as gap_count,
        coalesce(sum(gap_days), 0) as gap_days,
        round(sum(log_price), 6) / nullif(sum(priced_count), 0) as log_price

    from item_days

    group by
        snapshot_on,
        has_season,
        kind,
        item_key

),

item_shares as (

    select
        item_sums.*,
        {% for name in shares %}
        {{ "case when item_sums.has_season then" if 'season' in name }}
        item_sums.purchases_{{ name }} / nullif(cast(shop_orders.orders_{{ name }} as {{ type_double() }}), 0)
        {{ "end" if 'season' in name }} as share_{{ name }},
        {% endfor %}
        -- Five purchases of doubt: an item bought again once is not yet one that returns every week.
        (item_sums.gap_days + 5 * coalesce(gaps_of_kind.gap_days, 90)) / (item_sums.gap_count + 5) as typical_gap_days,
        (item_sums.repeat_buyer_count + coalesce(gaps_of_kind.repeat_share, 0))
        / (item_sums.buyer_count + 1) as repeat_share

    from item_sums

    inner join shop_orders
        on item_sums.snapshot_on = shop_orders.snapshot_on

    inner join gaps_of_kind
        on
            item_sums.snapshot_on = gaps_of_kind.snapshot_on
            and item_sums.kind = gaps_of_kind.kind

),

item_facts as (

    select
        snapshot_on,
        kind,
        item_key,
        coalesce(share_30d, 0) as share_30d,
        coalesce(share_90d, 0) as share_90d,
        coalesce(share_365d, 0) as share_365d,
        ln((coalesce(share_14d, 0) + 0.0001) / (coalesce(share_90d, 0) + 0.0001)) as trend_14d,
        ln((coalesce(share_30d, 0) + 0.0001) / (coalesce(share_90d, 0) + 0.0001)) as trend_30d,
        ln((coalesce(share_90d, 0) + 0.0001) / (coalesce(share_365d, 0) + 0.0001)) as trend_90d,
        share_season,
        ln((share_season + 0.0001) / (coalesce(share_365d, 0) + 0.0001)) as season_lift,
        ln((share_season + 0.0001) / (share_before_season + 0.0001)) as season_rise,
        -- What is popular now, carried along the curve of last year.
        coalesce(share_30d, 0) * coalesce(
            (share_season + 0.002) / (coalesce(share_before_season, share_365d) + 0.002), 1
        ) as seasonal_popularity,
        days_since_sold,
        days_on_sale,
        cast(buyer_count as bigint) as buyer_count,
        repeat_share,
        typical_gap_days,
        log_price

    from item_shares

)

select * from item_facts
