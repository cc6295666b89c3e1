-- The day after: one order for each hundred stored, most of them by known customers, loaded as one more load. The newest order moves the
-- default as-of date on by a day. Variables: customer_count.

create temp table placed as
select
    number as order_number,
    -- One order in five is a new customer's.
    case
        when number % 5 = 0 then getvariable('customer_count') + number
        else hash(number, 'who') % getvariable('customer_count')
    end as customer_number
from range((select greatest(1, count(distinct order_id) // 100) from raw.orders)) as numbers (number);

insert into raw.customers
select
    'C' || lpad(cast(customer_number as varchar), 9, '0') as customer_id,
    'person' || customer_number || '@example.com' as email,
    null, 'Nina', 'Ny', 'DE', '12345', 'de',
    timestamptz '2026-01-01 07:00:00+00',
    true, false, true, true, true,
    timestamptz '2026-01-01 07:00:00+00',
    null, null,
    timestamptz '2026-01-03 03:00:00+00'
from placed
where customer_number >= getvariable('customer_count');

insert into raw.orders
select
    'N' || order_number as order_id,
    'C' || lpad(cast(customer_number as varchar), 9, '0') as customer_id,
    null as email,
    timestamptz '2026-01-01 08:00:00+00' + to_seconds(cast(hash(order_number, 'time') % 50000 as integer)) as ordered_at,
    'paid' as status,
    'EUR' as currency,
    4.9 as shipping_amount,
    2.0 as tax_amount,
    null as discount_codes,
    'direct' as channel,
    false as is_gift,
    null as gift_note,
    null as ship_to_name,
    'DE' as ship_to_country,
    null as ship_to_postal_code,
    timestamptz '2026-01-03 03:00:00+00' as _loaded_at
from placed;

insert into raw.order_lines
select
    'N' || order_number as order_id,
    line_number,
    'P' || lpad(cast(hash(order_number, 'product', line_number) % 5000 as varchar), 5, '0') as product_id,
    'Product' as product_title,
    1 as quantity,
    cast(3 + (hash(order_number, 'price', line_number) % 9000) / 100.0 as decimal(18, 4)) as unit_price,
    0 as discount_amount,
    timestamptz '2026-01-03 03:00:00+00' as _loaded_at
from placed, range(1, 3) as lines (line_number);

-- Three refunds for each hundred new orders, on old ones.
insert into raw.refunds
select
    'RN' || row_number() over (order by order_id) as refund_id,
    order_id,
    timestamptz '2026-01-01 10:00:00+00' as refunded_at,
    cast(1.5 as decimal(18, 4)) as amount,
    null as line_number,
    null as quantity,
    timestamptz '2026-01-03 03:00:00+00' as _loaded_at
from (select distinct order_id from raw.orders where order_id like 'O%' and hash(order_id, 'late refund') % 3333 = 0);

insert into raw.email_events
select
    'MN' || number as event_id,
    'C' || lpad(cast(number as varchar), 9, '0') as customer_id,
    null as email,
    case when number % 300 = 0 then 'opened' else 'received' end as event_type,
    timestamptz '2026-01-01 09:30:00+00' as occurred_at,
    'campaign new year' as campaign_id,
    false as is_machine_open,
    timestamptz '2026-01-03 03:00:00+00' as _loaded_at
from range(getvariable('customer_count')) as numbers (number)
where number % 100 = 0;

insert into raw.exchange_rates values (date '2026-01-01', 'SEK', 0.09, timestamptz '2026-01-03 03:00:00+00');
insert into raw.marketing_spend values (date '2026-01-01', 'meta', 250, 'EUR', timestamptz '2026-01-03 03:00:00+00');

drop table placed;
