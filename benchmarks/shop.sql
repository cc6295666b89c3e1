-- A shop of any size, straight into the landing tables. Every value follows from hashes of row numbers, so the same variables give the
-- same shop. Variables: customer_count, first_customer, orders_per_regular (mean of the exponential part), lines_per_order_limit.
--
-- One customer in ten never orders, 35 of 100 order once, the rest twice or more with a long tail. Orders stand in the
-- order of time, as a shop system exports them, so one customer's orders lie far apart.

create macro chance(number, salt) as (hash(number, salt) % 1000003) / 1000003.0;
create macro pick(number, salt, choices) as choices[1 + cast(hash(number, salt) % len(choices) as integer)];

create temp table people as
select
    number,
    'C' || lpad(cast(number as varchar), 9, '0') as customer_id,
    -- One profile in sixty shares its e-mail address with the profile before it.
    'person' || case when number % 60 = 59 then number - 1 else number end || '@example.com' as email,
    pick(number, 'country', ['DE', 'DE', 'DE', 'GB', 'DK', 'SE', 'IT', 'NO']) as country,
    cast(10000 + hash(number, 'postal') % 80000 as varchar) as postal_code,
    pick(number, 'first', ['Anna', 'Bo', 'Carla', 'David', 'Eva', 'Finn', 'Greta', 'Hugo', 'Ida', 'Jon']) as first_name,
    pick(number, 'last', ['Adler', 'Berg', 'Conti', 'Dahl', 'Ek', 'Falk', 'Grant', 'Holm', 'Iversen', 'Jansen']) as last_name,
    cast(floor(chance(number, 'start') * 1000) as integer) as start_day,
    case
        when chance(number, 'kind') < 0.10 then 0
        when chance(number, 'kind') < 0.45 then 1
        else 2 + least(80, cast(floor(-ln(1 - chance(number, 'orders')) * getvariable('orders_per_regular')) as integer))
    end as order_count,
    -- Two of five keep ordering until the last day; the others stop somewhere before it.
    case when chance(number, 'stays') < 0.4 then 1.0 else chance(number, 'stops') end as stay_share
from range(getvariable('customer_count')) as numbers (number);

insert into raw.customers
select
    customer_id,
    email,
    null as phone,
    first_name,
    last_name,
    country,
    postal_code,
    pick(number, 'language', ['de', 'en', 'da', 'sv', 'it', 'nb']) as language,
    timestamptz '2023-01-01 08:00:00+00' + to_days(start_day) as created_at,
    chance(number, 'email consent') < 0.6 as email_consent,
    chance(number, 'sms consent') < 0.2 as sms_consent,
    chance(number, 'ads consent') < 0.5 as ads_user_data_consent,
    chance(number, 'personal consent') < 0.4 as ads_personalization_consent,
    chance(number, 'tracking') < 0.5 as tracking_consent,
    timestamptz '2023-01-01 08:00:00+00' + to_days(start_day) as consent_updated_at,
    case when number % 3 = 0 then pick(number, 'channel', ['google_ads', 'meta', 'newsletter']) end as acquisition_channel,
    null as attributes,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from people;

insert into raw.products
select
    'P' || lpad(cast(number as varchar), 5, '0') as product_id,
    'Product ' || number as title,
    case when number % 50 > 0 then 'category ' || (number % 24) end as category,
    'brand ' || (number % 80) as brand,
    case when number % 20 = 0 then 'gift, new' when number % 211 = 0 then 'gift_wrap' else 'basic' end as tags,
    case when number % 100 > 0 then cast(1 + (hash(number, 'cost') % 4000) / 100.0 as decimal(18, 4)) end as unit_cost,
    cast(3 + (hash(number, 'cost') % 9000) / 100.0 as decimal(18, 4)) as unit_price,
    true as is_active,
    true as is_in_stock,
    null as created_at,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from range(5000) as numbers (number);

insert into raw.exchange_rates
select
    cast(date '2023-01-01' + to_days(cast(number as integer)) as date) as day,
    'SEK' as currency,
    cast(0.085 + (hash(number, 'rate') % 100) / 10000.0 as decimal(18, 8)) as rate,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from range(1096) as numbers (number);

insert into raw.marketing_spend
select
    cast(date '2023-01-01' + to_days(cast(number as integer)) as date) as day,
    channel,
    cast(100 + hash(number, channel) % 500 as decimal(18, 4)) as amount,
    'EUR' as currency,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from range(1096) as numbers (number), unnest(['google_ads', 'meta', 'newsletter']) as channels (channel);

create temp table placed as
select
    row_number() over (order by ordered_at, number, order_number) as order_key,
    number,
    customer_id,
    email,
    country,
    postal_code,
    first_name,
    last_name,
    ordered_at
from (
    select
        people.*,
        orders.order_number,
        timestamptz '2023-01-01 06:00:00+00'
        + to_days(
            start_day + cast(floor(
                (1095 - start_day) * stay_share * (orders.order_number + chance(number, 'day' || orders.order_number)) / order_count
            ) as integer)
        )
        + to_seconds(cast(hash(number, 'time', orders.order_number) % 57600 as integer)) as ordered_at
    from people
    cross join lateral (select unnest(range(people.order_count)) as order_number) as orders
);

insert into raw.orders
select
    'O' || order_key as order_id,
    -- 3 of 100 order as guests with their e-mail address, 1 of 100 without any.
    case when order_key % 100 > 3 then customer_id end as customer_id,
    case when order_key % 100 > 0 then email end as email,
    ordered_at,
    case
        when chance(order_key, 'status') < 0.94 then 'paid'
        when chance(order_key, 'status') < 0.96 then 'cancelled'
        when chance(order_key, 'status') < 0.965 then 'refunded'
        when chance(order_key, 'status') < 0.97 then 'pending'
        when chance(order_key, 'status') < 0.999 then 'partially_refunded'
        else 'test'
    end as status,
    case when number % 20 = 7 then 'SEK' else 'EUR' end as currency,
    4.9 as shipping_amount,
    2.0 as tax_amount,
    case when chance(order_key, 'discounted') < 0.2 then 'SAVE10' end as discount_codes,
    pick(order_key, 'channel', ['google_ads', 'meta', 'newsletter', 'direct']) as channel,
    chance(order_key, 'gift') < 0.02 as is_gift,
    case when chance(order_key, 'note') < 0.01 then 'Happy birthday' end as gift_note,
    case
        when chance(order_key, 'elsewhere') < 0.07 then 'Somebody Else'
        when chance(order_key, 'elsewhere') < 0.9 then first_name || ' ' || last_name
    end as ship_to_name,
    country as ship_to_country,
    case when chance(order_key, 'elsewhere') < 0.05 then '99999' else postal_code end as ship_to_postal_code,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from placed;

insert into raw.order_lines
select
    'O' || order_key as order_id,
    line_number,
    'P' || lpad(cast(product as varchar), 5, '0') as product_id,
    'Product ' || product as product_title,
    quantity,
    unit_price,
    case when chance(order_key, 'discounted') < 0.2 then round(quantity * unit_price * 0.1, 2) else 0 end as discount_amount,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from (
    select
        order_key,
        line_number,
        -- Small numbers are bought far more often: the square of an even chance.
        cast(floor(5000 * power(chance(order_key, 'product' || line_number), 2)) as integer) as product,
        cast(1 + hash(order_key, 'quantity', line_number) % 3 as decimal(18, 4)) as quantity,
        cast(3 + (hash(order_key, 'price', line_number) % 9000) / 100.0 as decimal(18, 4)) as unit_price
    from placed
    cross join lateral (
        select unnest(range(1, 2 + cast(hash(order_key, 'lines') % getvariable('lines_per_order_limit') as integer))) as line_number
    ) as lines
);

insert into raw.refunds
select
    'R' || order_key as refund_id,
    'O' || order_key as order_id,
    ordered_at + to_days(5) as refunded_at,
    cast(2 + (hash(order_key, 'refund') % 900) / 100.0 as decimal(18, 4)) as amount,
    case when order_key % 2 = 0 then 1 end as line_number,
    case when order_key % 4 = 0 then 1 end as quantity,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from placed
where chance(order_key, 'refunded') < 0.03;

insert into raw.email_events
select
    'M' || number || '-' || event_number as event_id,
    customer_id,
    email,
    case
        when event_number = 1 and chance(number, 'refuses') < 0.02 then pick(number, 'how', ['unsubscribed', 'marked_spam'])
        else pick(number, event_number, ['received', 'received', 'received', 'opened', 'opened', 'clicked'])
    end as event_type,
    timestamptz '2023-01-01 09:00:00+00'
    + to_days(start_day + cast(hash(number, 'mailed', event_number) % (1095 - start_day) as integer))
    + to_seconds(cast(hash(number, 'second', event_number) % 36000 as integer)) as occurred_at,
    'campaign ' || event_number as campaign_id,
    case when number % 4 = 0 then number % 8 = 0 end as is_machine_open,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from people, range(2) as events (event_number);

insert into raw.web_events
select
    'W' || number as event_id,
    customer_id,
    email,
    pick(number, 'visit', ['active_on_site', 'viewed_product', 'viewed_product', 'added_to_cart', 'started_checkout']) as event_type,
    'P' || lpad(cast(number % 5000 as varchar), 5, '0') as product_id,
    timestamptz '2023-01-01 09:00:00+00'
    + to_days(start_day + cast(hash(number, 'visited') % (1095 - start_day) as integer)) as occurred_at,
    timestamptz '2026-01-02 03:00:00+00' as _loaded_at
from people;

-- A second load corrects one order in fifty and one profile in fifty: what newest-load-wins has to sort out.
insert into raw.orders
select * replace ('paid' as status, timestamptz '2026-01-02 04:00:00+00' as _loaded_at)
from raw.orders
where hash(order_id, 'corrected') % 50 = 0;

insert into raw.order_lines
select * replace (quantity + 1 as quantity, timestamptz '2026-01-02 04:00:00+00' as _loaded_at)
from raw.order_lines
where hash(order_id, 'corrected') % 50 = 0;

insert into raw.customers
select * replace (not email_consent as email_consent, timestamptz '2026-01-02 04:00:00+00' as _loaded_at)
from raw.customers
where hash(customer_id, 'corrected') % 50 = 0;

drop table placed;
drop table people;
drop macro chance;
drop macro pick;
