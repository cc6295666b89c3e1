{% macro purchase_history_features(pairs, purchase_days) -%}
    {#- Everything here is a count, a whole-number sum, a minimum or a maximum, so that it is the same to the last bit in whatever
        order an engine adds up: sums of doubles are not, and a model must not see another number because of it. -#}
    {%- set age = days_between('days.ordered_on', 'pairs.snapshot_on') -%}
    {%- set is_last = '(days.next_ordered_on is null or days.next_ordered_on >= pairs.snapshot_on)' -%}
    {%- set is_repeat = 'days.gap_days is not null' -%}
    {%- set cents = 'cast(round(days.paid_amount * 100) as bigint)' -%}
    select
        pairs.customer_id,
        pairs.snapshot_on,
        count(*) as order_day_count,
        min({{ age }}) as recency_days,
        max({{ age }}) as age_days,
        max(case when {{ is_last }} then days.gap_days end) as last_gap_days,
        max(days.gap_days) as longest_gap_days,
        sum(case when {{ is_repeat }} then cast(round(1000000 * ln(days.gap_days)) as bigint) end) as log_gap_sum,
        sum(case when {{ is_repeat }} then cast(round(1000000 * ln(days.gap_days) * ln(days.gap_days)) as bigint) end)
            as log_gap_square_sum,
        {%- for days_back in [14, 30, 60, 90, 180, 365] %}
        sum(case when {{ age }} <= {{ days_back }} then 1 else 0 end) as order_days_{{ days_back }}d,
        {%- endfor %}
        {%- for days_ahead in [30, 90] %}
        -- The same weeks of the year before: 52 weeks, so that weekdays fall together.
        sum(case when {{ age }} <= 364 and {{ age }} > 364 - {{ days_ahead }} then 1 else 0 end)
            as order_days_year_ago_{{ days_ahead }}d,
        {%- endfor %}
        {%- for half_life in [40, 125] %}
        sum(cast(round(1000000 * exp(-{{ age }} * ln(2) / {{ half_life }})) as bigint)) as faded_order_days_{{ half_life }}d,
        {%- endfor %}
        sum({{ cents }}) as paid_cents,
        sum(case when {{ age }} <= 365 then {{ cents }} else 0 end) as paid_cents_365d,
        sum(case when {{ age }} <= 90 then {{ cents }} else 0 end) as paid_cents_90d,
        max(case when {{ is_last }} then {{ cents }} end) as last_paid_cents,
        sum(days.line_count) as line_count,
        max(case when {{ is_last }} then days.line_count end) as last_line_count

    from {{ pairs }} as pairs

    inner join {{ purchase_days }} as days
        on
            pairs.customer_id = days.customer_id
            and days.ordered_on < pairs.snapshot_on

    group by
        pairs.customer_id,
        pairs.snapshot_on
{%- endmacro %}
