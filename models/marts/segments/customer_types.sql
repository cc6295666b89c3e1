{# Grain: one row per customer, buyers or not. #}
-- A view: customer_segments stores these words, and a second copy would be written anew by every daily build.
{{ config(materialized='view') }}

with

facts as (

    select
        customer_id,
        currency_code,
        order_count,
        is_subscribed,
        open_cart_at,
        open_cart_on

    from {{ ref('customer_facts') }}

),

lifecycle as (

    select
        customer_id,
        lifecycle_state,
        activity_ends_on

    from {{ ref('customer_lifecycle') }}

),

customer_value as (

    select
        customer_id,
        type_value_amount,
        shop_type_value_amount,
        is_high_value,
        high_value_turns_on

    from {{ ref('int_customer_value') }}

),

answers as (

    select
        facts.*,
        lifecycle.lifecycle_state,
        lifecycle.lifecycle_state in ('new', 'active') as is_active,
        coalesce(customer_value.is_high_value, false) as is_high_value,
        customer_value.type_value_amount,
        customer_value.shop_type_value_amount,
        customer_value.high_value_turns_on,
        facts.open_cart_at is not null as has_open_cart,
        lifecycle.activity_ends_on,
        {{ first_day_beyond('facts.open_cart_on', var('open_cart_days')) }} as open_cart_ends_on

    from facts

    inner join lifecycle
        on facts.customer_id = lifecycle.customer_id

    left join customer_value
        on facts.customer_id = customer_value.customer_id

),

named as (

    select
        answers.*,
        case
            when order_count = 0 and has_open_cart then 'abandoned_cart'
            when order_count = 0 and is_subscribed then 'subscriber'
            when order_count = 0 then 'unreachable'
            when is_high_value and is_active then 'loyal'
            when is_active then 'low_value_active'
            when is_high_value then 'at_risk'
            else 'non_target'
        end as customer_type

    from answers

),

types as (

    select
        customer_id,
        customer_type,
        case customer_type
            when 'abandoned_cart'
                then 'No purchase yet; a cart has been open since ' || cast(open_cart_on as {{ dbt.type_string() }}) || '.'
            when 'subscriber' then 'No purchase yet, but may be written to by e-mail.'
            when 'unreachable' then 'No purchase, no open cart and not subscribed to e-mail.'
            else
                {{ "'Margin per order '" if var('customer_type_value') == 'margin' else "'Average order '" }}
                || coalesce({{ label_amount('type_value_amount') }} || ' ' || currency_code, 'unknown')
                || case
                    when shop_type_value_amount is null then '; the shop''s is not known'
                    when type_value_amount is null then ''
                    when is_high_value then ', at or above the shop''s ' || {{ label_amount('shop_type_value_amount') }}
                    else ', below the shop''s ' || {{ label_amount('shop_type_value_amount') }}
                end
                || '; ' || replace(lifecycle_state, '_', ' ') || ' by the time since the last order.'
        end as customer_type_reason,
        case
            when customer_type = 'abandoned_cart' then open_cart_ends_on
            when order_count > 0 then least(activity_ends_on, high_value_turns_on)
        end as customer_type_changes_on,
        has_open_cart

    from named

)

select * from types
