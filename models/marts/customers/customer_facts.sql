{# Grain: one row per customer, buyers and non-buyers. #}

with

as_of as (

    select
        as_of_date,
        reporting_currency

    from {{ ref('int_as_of') }}

),

inputs as (

    select
        max(case when input_name = 'email_events' and has_rows then 1 else 0 end) = 1 as has_email_events,
        max(case when input_name = 'web_events' and has_rows then 1 else 0 end) = 1 as has_web_events,
        max(case when input_name = 'product_categories' and has_rows then 1 else 0 end) = 1 as has_categories

    from {{ ref('int_inputs') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

customer_orders as (

    select * from {{ ref('int_customer_orders') }}

),

peak_orders as (

    select
        customer_id,
        peak_order_count

    from {{ ref('int_customer_peak_orders') }}

),

categories as (

    select
        customer_id,
        count(*) as category_count

    from {{ ref('customer_category_facts') }}

    where
        is_buyer
        and category <> 'uncategorised'

    group by customer_id

),

acquisition as (

    select
        customer_id,
        acquisition_channel

    from {{ ref('int_customer_acquisition') }}

),

engagement as (

    select * from {{ ref('int_customer_engagement') }}

),

site_intent as (

    select * from {{ ref('int_customer_site_intent') }}

),

acquisition_costs as (

    select
        channel,
        month_on,
        acquisition_cost_amount

    from {{ ref('int_acquisition_costs') }}

),

customers_with_orders as (

    select
        customers.*,
        acquisition.acquisition_channel,
        customer_orders.first_ordered_at,
        customer_orders.last_ordered_at,
        customer_orders.first_ordered_on,
        customer_orders.last_ordered_on,
        customer_orders.order_count,
        customer_orders.order_day_count,
        customer_orders.gross_amount,
        customer_orders.discount_amount,
        customer_orders.refund_amount,
        customer_orders.net_amount,
        customer_orders.margin_amount,
        customer_orders.discounted_order_count,
        customer_orders.gift_order_count,
        customer_orders.median_gap_days,
        customer_orders.mean_gap_days

    from customers

    inner join acquisition
        on customers.customer_id = acquisition.customer_id

    left join customer_orders
        on customers.customer_id = customer_orders.customer_id

),

-- A cart is open for some days, unless an order followed it.
open_carts as (

    select
        site_intent.customer_id,
        site_intent.last_cart_at,
        site_intent.last_cart_on

    from site_intent

    cross join as_of

    left join customer_orders
        on site_intent.customer_id = customer_orders.customer_id

    where
        site_intent.last_cart_on >= {{ add_days('as_of.as_of_date', '-1 * ' ~ var('open_cart_days')) }}
        and (
            customer_orders.last_placed_at is null
            or customer_orders.last_placed_at < site_intent.last_cart_at
        )

),

facts as (

    select
        customers.customer_id,
        as_of.as_of_date,

        -- who
        customers.country,
        customers.language,
        customers.has_email_consent,
        -- Whoever unsubscribed or complained after the consent was given, or nobody knows when it was, is not written to.
        customers.has_email_consent
        and (
            engagement.last_refused_at is null
            or coalesce(customers.consent_updated_at > engagement.last_refused_at, false)
        ) as is_subscribed,
        customers.has_sms_consent,
        customers.has_ads_user_data_consent,
        customers.has_ads_personalization_consent,
        customers.has_tracking_consent,
        customers.created_on,
        customers.acquisition_channel,
        acquisition_costs.acquisition_cost_amount,

        -- when
        customers.first_ordered_at,
        customers.last_ordered_at,
        customers.first_ordered_on,
        customers.last_ordered_on,
        cast(coalesce(customers.order_count, 0) as bigint) as order_count,
        cast(coalesce(customers.order_day_count, 0) as bigint) as order_day_count,
        cast({{ days_between('customers.last_ordered_on', 'as_of.as_of_date') }} as integer) as recency_days,
        cast({{ days_between('customers.first_ordered_on', 'as_of.as_of_date') }} as integer) as tenure_days,
        customers.median_gap_days,
        customers.mean_gap_days,

        -- how much
        as_of.reporting_currency as currency_code,
        cast(coalesce(customers.gross_amount, 0) as numeric(18, 4)) as gross_revenue_amount,
        cast(coalesce(customers.discount_amount, 0) as numeric(18, 4)) as discount_amount,
        cast(coalesce(customers.refund_amount, 0) as numeric(18, 4)) as refund_amount,
        cast(coalesce(customers.net_amount, 0) as numeric(18, 4)) as net_revenue_amount,
        case when coalesce(customers.order_count, 0) = 0 then 0 else customers.margin_amount end as gross_margin_amount,
        {{ divide_amount('customers.net_amount', 'customers.order_count') }} as average_order_amount,
        {{ divide_amount('customers.margin_amount', 'customers.order_count') }} as average_margin_amount,

        -- how
        cast(coalesce(customers.discounted_order_count, 0) as bigint) as discounted_order_count,
        case
            when customers.gross_amount > 0
                then
                    cast(customers.discount_amount as {{ type_double() }})
                    / cast(customers.gross_amount as {{ type_double() }})
        end as discount_share,
        cast(coalesce(customers.gift_order_count, 0) as bigint) as gift_order_count,
        cast(coalesce(peak_orders.peak_order_count, 0) as bigint) as peak_order_count,
        case when inputs.has_categories then cast(coalesce(categories.category_count, 0) as bigint) end as category_count,

        -- e-mail and site; unknown, not zero, where the shop brought no events
        case when inputs.has_email_events then coalesce(engagement.email_received_count, 0) end as email_received_count,
        case when inputs.has_email_events then coalesce(engagement.engagement_count_90d, 0) end as engagement_count_90d,
        case when inputs.has_email_events then coalesce(engagement.engagement_count_lifetime, 0) end
            as engagement_count_lifetime,
        engagement.last_engaged_at,
        engagement.last_engaged_on,
        engagement.nth_last_engaged_on,

        case when inputs.has_web_events then coalesce(site_intent.site_intent_count_90d, 0) end
            as site_intent_count_90d,
        site_intent.last_site_intent_at,
        site_intent.last_site_intent_on,
        open_carts.last_cart_at as open_cart_at,
        open_carts.last_cart_on as open_cart_on

    from customers_with_orders as customers

    cross join as_of

    cross join inputs

    left join peak_orders
        on customers.customer_id = peak_orders.customer_id

    left join categories
        on customers.customer_id = categories.customer_id

    left join engagement
        on customers.customer_id = engagement.customer_id

    left join site_intent
        on customers.customer_id = site_intent.customer_id

    left join open_carts
        on customers.customer_id = open_carts.customer_id

    left join acquisition_costs
        on
            customers.acquisition_channel = acquisition_costs.channel
            and cast({{ dbt.date_trunc('month', 'customers.first_ordered_on') }} as date) = acquisition_costs.month_on

)

select * from facts
