{# Grain: one row, the moment this build describes and the shop-wide settings that follow from the data. #}

with

orders as (

    select
        ordered_at,
        currency_code,
        loaded_at

    from {{ ref('stg_shop__orders') }}

),

order_lines as (

    select loaded_at from {{ ref('stg_shop__order_lines') }}

),

refunds as (

    select loaded_at from {{ ref('stg_shop__refunds') }}

),

customers as (

    select
        created_at,
        loaded_at

    from {{ ref('stg_shop__customers') }}

),

products as (

    select loaded_at from {{ ref('stg_shop__products') }}

),

exchange_rates as (

    select loaded_at from {{ ref('stg_shop__exchange_rates') }}

),

email_events as (

    select
        occurred_at,
        loaded_at

    from {{ ref('stg_email__events') }}

),

web_events as (

    select
        occurred_at,
        loaded_at

    from {{ ref('stg_web__events') }}

),

gift_occasions as (

    select {{ fingerprint(['occasion', 'country', 'starts_on', 'ends_on']) }} as gift_occasions_fingerprint

    from {{ ref('gift_occasions') }}

),

newest_happenings as (

    select max(ordered_at) as happened_at from orders
    union all
    select max(occurred_at) as happened_at from email_events
    union all
    select max(occurred_at) as happened_at from web_events

),

newest_happening as (

    select max(happened_at) as happened_at from newest_happenings

),

newest_profile as (

    select max(created_at) as created_at from customers

),

-- How far each landing table was read. The marks are taken before anything else reads the tables, so what is loaded
-- meanwhile is taken up again rather than passed over.
loads as (

    select
        'orders' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from orders
    union all
    select
        'order_lines' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from order_lines
    union all
    select
        'refunds' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from refunds
    union all
    select
        'customers' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from customers
    union all
    select
        'products' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from products
    union all
    select
        'exchange_rates' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from exchange_rates
    union all
    select
        'email_events' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from email_events
    union all
    select
        'web_events' as table_name,
        coalesce(max(loaded_at), timestamp '1900-01-01') as loaded_at
    from web_events

),

newest_loads as (

    select
        max(case when table_name = 'orders' then loaded_at end) as orders_loaded_at,
        max(case when table_name = 'order_lines' then loaded_at end) as order_lines_loaded_at,
        max(case when table_name = 'refunds' then loaded_at end) as refunds_loaded_at,
        max(case when table_name = 'customers' then loaded_at end) as customers_loaded_at,
        max(case when table_name = 'products' then loaded_at end) as products_loaded_at,
        max(case when table_name = 'exchange_rates' then loaded_at end) as exchange_rates_loaded_at,
        max(loaded_at) as newest_loaded_at

    from loads

),

{% if var('as_of_date') is none %}
-- A shop with no orders and no events is described as of its newest profile; an empty one as of the epoch.
as_of as (

    select
        coalesce(
            {{ add_days(shop_date('newest_happening.happened_at'), 1) }},
            {{ add_days(shop_date('newest_profile.created_at'), 1) }},
            date '1970-01-01'
        ) as as_of_date

    from newest_happening

    cross join newest_profile

),
{% else %}
as_of as (

    select cast('{{ var("as_of_date") }}' as date) as as_of_date

),
{% endif %}

as_of_moment as (

    select
        as_of_date,
        {{ shop_midnight('as_of_date') }} as as_of_at

    from as_of

),

orders_by_currency as (

    select
        orders.currency_code,
        count(*) as order_count

    from orders

    inner join as_of_moment
        on orders.ordered_at < as_of_moment.as_of_at

    group by orders.currency_code

),

currencies_by_use as (

    select
        currency_code,
        row_number() over (order by order_count desc, currency_code asc) as use_rank

    from orders_by_currency

),

shop_currency as (

    select max(currency_code) as currency_code

    from currencies_by_use

    where use_rank = 1

),

{% if var('reporting_currency') is none %}
reporting as (

    select coalesce(currency_code, 'XXX') as reporting_currency from shop_currency

),
{% else %}
reporting as (

    select cast('{{ var("reporting_currency") | upper }}' as {{ dbt.type_string() }}) as reporting_currency

),
{% endif %}

one_row as (

    select
        as_of_moment.as_of_date,
        as_of_moment.as_of_at,
        newest_loads.orders_loaded_at,
        newest_loads.order_lines_loaded_at,
        newest_loads.refunds_loaded_at,
        newest_loads.customers_loaded_at,
        newest_loads.products_loaded_at,
        newest_loads.exchange_rates_loaded_at,
        newest_loads.newest_loaded_at,
        reporting.reporting_currency,
        -- What else the stored tables depend on: when it changes, an incremental build recomputes every order.
        {{ dbt.hash(
            "'" ~ settings_text() ~ "' || reporting.reporting_currency"
            ~ " || coalesce(gift_occasions.gift_occasions_fingerprint, '')"
        ) }} as settings_fingerprint

    from as_of_moment

    cross join newest_loads

    cross join reporting

    cross join gift_occasions

)

select * from one_row
