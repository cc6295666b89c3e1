-- The limit: `customer_segments` from the landing tables in one DuckDB script, written for speed and for nothing else. The rules are
-- those of the project with its default vars; no history, no incremental builds, no other table, no other engine.
-- scale.py runs it beside the project and compares every column of the two results.
--
-- What makes it fast: strings are joined once and whole numbers (rowids) after that; only keys that came in a later load are
-- looked at for newer versions; only customers with several profiles are merged.

set timezone = 'UTC';
set preserve_insertion_order = false;
create schema if not exists speed_limit;

-- ---------------------------------------------------------------- newest load wins

create temp table profiles as
select
    customers.customer_id as source_customer_id,
    nullif(lower(trim(email)), '') as email,
    nullif(replace(lower(coalesce(nullif(trim(first_name), '') || ' ', '') || coalesce(nullif(trim(last_name), ''), '')), ' ', ''), '')
        as customer_name,
    upper(nullif(trim(country), '')) as country,
    nullif(replace(lower(nullif(trim(postal_code), '')), ' ', ''), '') as postal_code,
    lower(nullif(trim(language), '')) as language,
    nullif(trim(acquisition_channel), '') as acquisition_channel,
    email_consent,
    sms_consent,
    ads_user_data_consent,
    ads_personalization_consent,
    tracking_consent,
    created_at at time zone 'UTC' as created_at,
    consent_updated_at at time zone 'UTC' as consent_updated_at
from raw.customers
left join (
    select customer_id, max(_loaded_at) as newest_at
    from raw.customers
    where _loaded_at > (select min(_loaded_at) from raw.customers)
    group by customer_id
) as later on customers.customer_id = later.customer_id
where newest_at is null or newest_at = _loaded_at;

create temp table all_orders as
select
    orders.order_id,
    nullif(trim(customer_id), '') as customer_id,
    nullif(lower(trim(email)), '') as email,
    ordered_at at time zone 'UTC' as ordered_at,
    lower(status) as status,
    upper(currency) as currency,
    nullif(trim(channel), '') as channel,
    coalesce(is_gift, false) or nullif(trim(gift_note), '') is not null as is_gift,
    nullif(replace(lower(trim(ship_to_name)), ' ', ''), '') as ship_to_name,
    upper(nullif(trim(ship_to_country), '')) as ship_to_country,
    nullif(replace(lower(trim(ship_to_postal_code)), ' ', ''), '') as ship_to_postal_code
from raw.orders
left join (
    select order_id, max(_loaded_at) as newest_at
    from raw.orders
    where _loaded_at > (select min(_loaded_at) from raw.orders)
    group by order_id
) as later on orders.order_id = later.order_id
where newest_at is null or newest_at = _loaded_at;

create temp table email_events as
select
    nullif(trim(customer_id), '') as customer_id,
    nullif(lower(trim(email)), '') as email,
    email_events.event_id,
    event_type = 'received' as is_receipt,
    event_type in ('unsubscribed', 'marked_spam') as is_refusal,
    event_type = 'clicked' or (event_type = 'opened' and not coalesce(is_machine_open, false)) as is_engagement,
    occurred_at at time zone 'UTC' as occurred_at
from raw.email_events
left join (
    select event_id, max(_loaded_at) as newest_at
    from raw.email_events
    where _loaded_at > (select min(_loaded_at) from raw.email_events)
    group by event_id
) as later on email_events.event_id = later.event_id
where newest_at is null or newest_at = _loaded_at;

create temp table web_events as
select
    nullif(trim(customer_id), '') as customer_id,
    nullif(lower(trim(email)), '') as email,
    event_type in ('viewed_product', 'added_to_cart', 'started_checkout') as is_intent,
    event_type in ('added_to_cart', 'started_checkout') as is_cart,
    occurred_at at time zone 'UTC' as occurred_at
from raw.web_events
left join (
    select event_id, max(_loaded_at) as newest_at
    from raw.web_events
    where _loaded_at > (select min(_loaded_at) from raw.web_events)
    group by event_id
) as later on web_events.event_id = later.event_id
where newest_at is null or newest_at = _loaded_at;

create temp table products as
select
    product_id,
    nullif(trim(category), '') as category,
    dense_rank() over (order by nullif(trim(category), '') nulls first) as category_number,
    unit_cost,
    coalesce(contains(tag_list, ',gift,'), false) as is_gift_product,
    coalesce(contains(tag_list, ',gift_wrap,') or contains(tag_list, ',gift_card,'), false) as is_gift_proof
from (
    select *, ',' || regexp_replace(lower(trim(tags)), ' *, *', ',', 'g') || ',' as tag_list
    from raw.products
    qualify row_number() over (partition by product_id order by _loaded_at desc) = 1
);

create temp table rates as
select day, upper(currency) as currency, rate
from (select * from raw.exchange_rates qualify row_number() over (partition by day, currency order by _loaded_at desc) = 1);

-- ---------------------------------------------------------------- the moment, the currency

create temp table moment as
select
    cast(as_of_on as date) as as_of_on,
    cast(as_of_on as timestamp) as as_of_at,
    (select currency from all_orders group by currency order by count(*) desc, currency limit 1) as currency,
    exists (select 1 from email_events) as has_email,
    exists (select 1 from web_events) as has_web,
    exists (select 1 from products where category is not null) as has_categories
from (
    select cast(max(happened_at) as date) + 1 as as_of_on
    from (
        select max(ordered_at) as happened_at from all_orders
        union all select max(occurred_at) from email_events
        union all select max(occurred_at) from web_events
    )
);

-- ---------------------------------------------------------------- identity

-- Whoever is in no profile: unknown customer ids and e-mail addresses, numbered after the profiles.
create temp table strangers as
select distinct
    customer_id,
    case when customer_id is null then email end as email
from (
    select customer_id, email from all_orders
    union all select customer_id, email from email_events
    union all select customer_id, email from web_events
) as people
where
    (customer_id is not null or email is not null)
    and not exists (select 1 from profiles where profiles.source_customer_id = people.customer_id);

create temp table keys as
select 'id:' || source_customer_id as key, rowid as identity from profiles
union all
select coalesce('id:' || customer_id, 'email:' || email), 1000000000 + rowid from strangers;

create temp table orders as
select
    all_orders.*,
    cast(ordered_at as date) as ordered_on,
    keys.identity
from all_orders
left join keys on coalesce('id:' || customer_id, 'email:' || email) = keys.key;
drop table all_orders;

create temp table identity_email_events as
select keys.identity, event_id, is_receipt, is_refusal, is_engagement, occurred_at, cast(occurred_at as date) as occurred_on
from email_events
inner join keys on coalesce('id:' || customer_id, 'email:' || email) = keys.key;
drop table email_events;

create temp table identity_web_events as
select keys.identity, is_intent, is_cart, occurred_at, cast(occurred_at as date) as occurred_on
from web_events
inner join keys on coalesce('id:' || customer_id, 'email:' || email) = keys.key;
drop table web_events;
drop table keys;

create temp table happenings as
select identity, min(happened_at) as first_happened_at, min(ordered_at) as first_ordered_at
from (
    select identity, ordered_at as happened_at, ordered_at from orders where identity is not null
    union all
    select identity, occurred_at, null from identity_email_events
    union all
    select identity, occurred_at, null from identity_web_events
)
group by identity;

create temp table identities as
select
    known.identity,
    known.source_customer_id,
    coalesce(known.email, from_orders.email) as email,
    known.created_at,
    happenings.first_happened_at,
    least(known.created_at, happenings.first_ordered_at) as first_seen_at
from (
    select rowid as identity, source_customer_id, email, created_at from profiles
    union all
    select 1000000000 + rowid, customer_id, email, null from strangers
) as known
left join happenings on known.identity = happenings.identity
left join (
    select orders.identity, arg_max(orders.email, (ordered_at, order_id)) as email
    from orders
    left join profiles on orders.identity = profiles.rowid
    where orders.customer_id is not null and orders.email is not null and profiles.email is null
    group by orders.identity
) as from_orders on known.identity = from_orders.identity;

-- Only identities that share an e-mail address with another one become somebody else.
create temp table merged as
select
    identity,
    first_value(identity) over by_email as customer
from identities
where email in (select email from identities where email is not null group by email having count(*) > 1)
window by_email as (
    partition by email
    order by source_customer_id is null, first_seen_at nulls last, source_customer_id
);

create temp table customers as
select
    coalesce(merged.customer, identities.identity) as customer,
    max(case when merged.customer is null or merged.customer = identities.identity
        then coalesce(source_customer_id, 'email_' || md5(email)) end) as customer_id,
    count(*) as identity_count,
    least(min(created_at), min(first_happened_at)) as created_at
from identities
left join merged on identities.identity = merged.identity
group by 1;

create temp table several_profiles as
with ranked as (
    select
        merged.customer,
        profiles.*,
        row_number() over (
            partition by customer order by consent_updated_at desc nulls last, created_at desc nulls last, source_customer_id
        ) as consent_rank,
        row_number() over (
            partition by customer order by merged.identity <> customer, created_at desc nulls last, source_customer_id
        ) as profile_rank
    from profiles
    inner join merged on profiles.rowid = merged.identity
)
select
    customer,
    arg_min(country, profile_rank) as country,
    arg_min(language, profile_rank) as language,
    arg_min(acquisition_channel, profile_rank) as acquisition_channel,
    bool_or(email_consent) filter (where consent_rank = 1) as email_consent,
    bool_or(sms_consent) filter (where consent_rank = 1) as sms_consent,
    bool_or(ads_user_data_consent) filter (where consent_rank = 1) as ads_user_data_consent,
    bool_or(ads_personalization_consent) filter (where consent_rank = 1) as ads_personalization_consent,
    bool_or(tracking_consent) filter (where consent_rank = 1) as tracking_consent,
    max(consent_updated_at) filter (where consent_rank = 1) as consent_updated_at
from ranked
group by customer;

create temp table people as
select
    customers.customer,
    customers.customer_id,
    cast(customers.created_at as date) as created_on,
    case when several.customer is null then profiles.country else several.country end as country,
    case when several.customer is null then profiles.language else several.language end as language,
    case when several.customer is null then profiles.acquisition_channel else several.acquisition_channel end as acquisition_channel,
    coalesce(case when several.customer is null then profiles.email_consent else several.email_consent end, false) as email_consent,
    coalesce(case when several.customer is null then profiles.sms_consent else several.sms_consent end, false) as sms_consent,
    coalesce(case when several.customer is null then profiles.ads_user_data_consent else several.ads_user_data_consent end, false)
        as ads_user_data_consent,
    coalesce(
        case when several.customer is null then profiles.ads_personalization_consent else several.ads_personalization_consent end, false
    ) as ads_personalization_consent,
    coalesce(case when several.customer is null then profiles.tracking_consent else several.tracking_consent end, false)
        as tracking_consent,
    case when several.customer is null then profiles.consent_updated_at else several.consent_updated_at end as consent_updated_at
from customers
left join profiles on customers.customer = profiles.rowid
left join several_profiles as several on customers.customer = several.customer;

-- ---------------------------------------------------------------- money

create temp table lines as
select
    orders.rowid as order_number,
    lines.line_number,
    category_number,
    quantity,
    case when rates.rate is null then cast(quantity * lines.unit_price as decimal(18, 4))
        else cast(round(cast(quantity * lines.unit_price as decimal(18, 4)) * rates.rate, 4) as decimal(18, 4)) end as gross,
    case when rates.rate is null then lines.discount_amount
        else cast(round(lines.discount_amount * rates.rate, 4) as decimal(18, 4)) end as discount,
    cast(quantity * lines.unit_price as decimal(18, 4)) - lines.discount_amount as own_net,
    products.unit_cost,
    products.is_gift_product,
    products.is_gift_proof
from (
    select order_lines.* replace (coalesce(discount_amount, 0) as discount_amount)
    from raw.order_lines
    left join (
        select order_id, line_number, max(_loaded_at) as newest_at
        from raw.order_lines
        where _loaded_at > (select min(_loaded_at) from raw.order_lines)
        group by order_id, line_number
    ) as later on order_lines.order_id = later.order_id and order_lines.line_number = later.line_number
    where newest_at is null or newest_at = _loaded_at
) as lines
inner join orders on lines.order_id = orders.order_id
left join products on lines.product_id = products.product_id
left join (
    select days.currency, days.ordered_on, arg_max(rates.rate, rates.day) as rate
    from (select distinct currency, ordered_on from orders where currency <> (select currency from moment)) as days
    inner join rates on days.currency = rates.currency and rates.day <= days.ordered_on
    group by all
) as rates on orders.currency = rates.currency and orders.ordered_on = rates.ordered_on;

create temp table order_rates as
select orders.rowid as order_number, arg_max(rates.rate, rates.day) as rate
from orders
left join rates on orders.currency = rates.currency and rates.day <= orders.ordered_on
where orders.currency <> (select currency from moment)
group by 1;

create temp table refunds as
select
    orders.rowid as order_number,
    lines.line_number,
    case when lines.line_number is not null then refunds.quantity end as quantity,
    case when order_rates.order_number is null then refunds.amount
        else cast(round(refunds.amount * order_rates.rate, 4) as decimal(18, 4)) end as amount,
    refunds.amount as own_amount
from (select * from raw.refunds qualify row_number() over (partition by refund_id order by _loaded_at desc) = 1) as refunds
inner join orders on refunds.order_id = orders.order_id
left join order_rates on orders.rowid = order_rates.order_number
left join lines on orders.rowid = lines.order_number and refunds.line_number = lines.line_number
where refunds.refunded_at at time zone 'UTC' < (select as_of_at from moment);

create temp table returns as
select
    refunds.order_number,
    refunds.line_number,
    case
        when
            sum(coalesce(refunds.quantity, 0)) = 0 and sum(refunds.amount) > 0
            and sum(refunds.amount) >= any_value(lines.gross - lines.discount)
            then any_value(lines.quantity)
        else sum(coalesce(refunds.quantity, 0))
    end as quantity
from refunds
inner join lines on refunds.order_number = lines.order_number and refunds.line_number = lines.line_number
group by refunds.order_number, refunds.line_number;

create temp table line_sums as
select
    order_number,
    sum(gross) as gross,
    sum(discount) as discount,
    sum(own_net) as own_net,
    case when count(*) = count(unit_cost) then sum(unit_cost * quantity) end as cost,
    bool_or(is_gift_product) as has_gift_product,
    bool_or(is_gift_proof) as has_gift_proof
from lines
group by order_number;

create temp table gift_days as
select distinct upper(country) as country, cast(unnest(generate_series(starts_on, ends_on, interval 1 day)) as date) as gift_on
from seeds.gift_occasions;

create temp table facts_of_orders as
select
    orders.rowid as order_number,
    coalesce(merged.customer, orders.identity) as customer,
    orders.order_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.status <> 'test' as is_placed,
    orders.channel,
    coalesce(line_sums.gross, 0) as gross,
    coalesce(line_sums.discount, 0) as discount,
    coalesce(refund_sums.amount, 0) as refund,
    coalesce(line_sums.gross, 0) - coalesce(line_sums.discount, 0) - coalesce(refund_sums.amount, 0) as net,
    round(
        coalesce(line_sums.gross, 0) - coalesce(line_sums.discount, 0) - coalesce(refund_sums.amount, 0)
        - (line_sums.cost - coalesce(return_sums.cost, 0)), 4
    ) as margin,
    orders.status not in ('test', 'cancelled', 'pending', 'refunded')
    and not (order_rates.order_number is not null and order_rates.rate is null)
    and coalesce(line_sums.own_net, 0) - coalesce(refund_sums.own_amount, 0) > 0
    and coalesce(line_sums.gross, 0) - coalesce(line_sums.discount, 0) - coalesce(refund_sums.amount, 0) > 0 as is_valid,
    orders.is_gift
    or coalesce(line_sums.has_gift_proof, false)
    or coalesce(line_sums.has_gift_product, false)::integer
    + (
        coalesce(orders.ship_to_name <> profiles.customer_name, false)
        or coalesce(orders.ship_to_country <> profiles.country, false)
        or coalesce(orders.ship_to_postal_code <> profiles.postal_code, false)
    )::integer
    + (gift_days.gift_on is not null)::integer >= 2 as is_gift
from orders
left join merged on orders.identity = merged.identity
left join profiles
    on (case when orders.customer_id is not null then orders.identity else coalesce(merged.customer, orders.identity) end) = profiles.rowid
left join line_sums on orders.rowid = line_sums.order_number
left join (
    select order_number, sum(amount) as amount, sum(own_amount) as own_amount from refunds group by order_number
) as refund_sums on orders.rowid = refund_sums.order_number
left join (
    select returns.order_number, sum(lines.unit_cost * returns.quantity) as cost
    from returns
    inner join lines on returns.order_number = lines.order_number and returns.line_number = lines.line_number
    group by returns.order_number
) as return_sums on orders.rowid = return_sums.order_number
left join order_rates on orders.rowid = order_rates.order_number
left join gift_days
    on coalesce(orders.ship_to_country, profiles.country) = gift_days.country and orders.ordered_on = gift_days.gift_on;
drop table orders;
drop table line_sums;

-- ---------------------------------------------------------------- per customer

create temp table categories as
select customer, count(*) as category_count
from (
    select facts_of_orders.customer, lines.category_number
    from lines
    inner join facts_of_orders on lines.order_number = facts_of_orders.order_number
    left join returns on lines.order_number = returns.order_number and lines.line_number = returns.line_number
    where
        facts_of_orders.is_valid
        and facts_of_orders.customer is not null
        and lines.category_number in (select category_number from products where category is not null)
    group by all
    having sum(lines.quantity - coalesce(returns.quantity, 0)) >= 1
)
group by customer;
drop table lines;

create temp table order_days as
select
    customer,
    ordered_on,
    count(*) as order_count,
    ordered_on - lag(ordered_on) over by_customer as gap_days,
    ordered_on < max(ordered_on) over (partition by customer) - 1 as precedes_last
from facts_of_orders
where is_valid and customer is not null
group by customer, ordered_on
window by_customer as (partition by customer order by ordered_on);

create temp table peak_days as
with days as (
    select ordered_on, sum(net) as net from facts_of_orders where is_valid group by ordered_on
),
weeks as (
    select isoyear(ordered_on) as iso_year, weekofyear(ordered_on) as iso_week, min(date_trunc('week', ordered_on)) as monday_on,
        cast(sum(net) as double) as net
    from days
    group by all
),
week_years as (
    select weekofyear(monday_on) as iso_week, count(*) as year_count
    from (
        select unnest(generate_series(min(weeks.monday_on), max(weeks.monday_on), interval 7 days)) as monday_on from weeks
    )
    group by 1
),
high_weeks as (
    select iso_week, monday_on, net >= 1.5 * median(net) over (partition by iso_year) as is_high from weeks
),
peak_weeks as (
    select iso_week
    from high_weeks
    inner join week_years using (iso_week)
    where is_high and month(monday_on) <= 9 and month(monday_on + interval 6 days) <= 9
    group by iso_week, year_count
    having count(*) >= least(2, year_count)
)
select ordered_on from days
where
    exists (select 1 from seeds.peak_seasons where ordered_on between starts_on and ends_on)
    or (
        not exists (select 1 from seeds.peak_seasons)
        and weekofyear(ordered_on) in (select iso_week from peak_weeks)
        and month(ordered_on) <= 9
    );

create temp table rhythms as
select
    customer,
    count(*) as order_day_count,
    median(gap_days) as median_gap_days,
    cast(sum(case when precedes_last then 1 else 0 end) as bigint) as day_count_before,
    max(case when precedes_last then ordered_on end) as last_ordered_on_before,
    median(case when precedes_last then gap_days end) as median_gap_days_before,
    cast(sum(order_count) filter (where ordered_on in (select ordered_on from peak_days)) as bigint) as peak_order_count
from order_days
group by customer;

create temp table typical_gaps as
with gaps as (
    select ordered_on, gap_days, count(*) as gap_count from order_days where gap_days is not null group by all
),
closed as (
    select
        days.closed_on,
        lengths.gap_days,
        sum(coalesce(gap_count, 0)) over (partition by lengths.gap_days order by days.closed_on) as gap_count
    from (select distinct ordered_on as closed_on from gaps) as days
    cross join (select distinct gap_days from gaps) as lengths
    left join gaps on days.closed_on = gaps.ordered_on and lengths.gap_days = gaps.gap_days
),
up_to as (
    select closed_on, gap_days, sum(gap_count) over (partition by closed_on order by gap_days) as up_to,
        sum(gap_count) over (partition by closed_on) as total
    from closed
)
select
    closed_on + 1 as known_from,
    case
        when max(total) < 30 then 90.0::double
        else (min(gap_days) filter (where up_to * 2 >= total) + min(gap_days) filter (where up_to * 2 >= total + 1)) / 2.0::double
    end as typical_gap_days
from up_to
group by closed_on;
drop table order_days;

create temp table buyers as
select
    customer,
    max(case when is_placed then ordered_at end) as last_placed_at,
    min(case when is_valid then ordered_at end) as first_ordered_at,
    max(case when is_valid then ordered_at end) as last_ordered_at,
    count(*) filter (where is_valid) as order_count,
    sum(case when is_valid then gross else 0 end) as gross,
    sum(case when is_valid then discount else 0 end) as discount,
    sum(case when is_valid then refund else 0 end) as refund,
    sum(case when is_valid then net else 0 end) as net,
    case when count(*) filter (where is_valid and margin is null) = 0 then sum(case when is_valid then margin end) end as margin,
    count(*) filter (where is_valid and discount > 0 and discount >= 0.001 * gross) as discounted_order_count,
    count(*) filter (where is_valid and is_gift) as gift_order_count,
    arg_min(channel, (ordered_at, order_id)) filter (where is_valid) as first_channel
from facts_of_orders
where customer is not null
group by customer;

create temp table engagement as
select
    coalesce(merged.customer, events.identity) as customer,
    count(*) filter (where is_receipt) as received_count,
    count(*) filter (where is_engagement) as lifetime_count,
    count(*) filter (where is_engagement and occurred_on >= as_of_on - 90) as recent_count,
    max(occurred_at) filter (where is_engagement) as last_engaged_at,
    max(occurred_at) filter (where is_refusal) as last_refused_at,
    max(occurred_on, 3) filter (where is_engagement) as last_engaged_days
from identity_email_events as events
left join merged on events.identity = merged.identity
cross join moment
group by 1;

create temp table site_intent as
select
    coalesce(merged.customer, events.identity) as customer,
    count(*) filter (where occurred_on >= as_of_on - 90) as recent_count,
    max(occurred_on) as last_intent_on,
    max(occurred_at) filter (where is_cart) as last_cart_at
from identity_web_events as events
left join merged on events.identity = merged.identity
inner join people on coalesce(merged.customer, events.identity) = people.customer and people.tracking_consent
cross join moment
where is_intent
group by 1;

-- ---------------------------------------------------------------- the shop

create temp table averages as
with days as (
    select ordered_on, count(*) as order_count, sum(net) as net
    from facts_of_orders, moment
    where is_valid and ordered_on >= as_of_on - 365
    group by ordered_on
)
select
    null as changes_on,
    sum(order_count) as order_count,
    sum(net) as net
from days
union all
select
    ordered_on + 366,
    sum(order_count) over (order by ordered_on rows between 1 following and unbounded following),
    sum(net) over (order by ordered_on rows between 1 following and unbounded following)
from days;

create temp table average_values as
select
    changes_on,
    cast(
        cast(sign(net) * ((cast(abs(net) * 20000 as hugeint) + order_count) // nullif(2 * cast(order_count as hugeint), 0)) as decimal(22, 0))
        * 0.0001 as decimal(18, 4)
    ) as average
from averages;

-- The days on which the highest or lowest average so far moves: what turns a customer's answer.
create temp table outlook as
with run as (
    select
        changes_on,
        cast(max(coalesce(average, 99999999999999)) over so_far as decimal(18, 4)) as highest,
        cast(min(average) over so_far as decimal(18, 4)) as lowest
    from average_values
    where (select average from average_values where changes_on is null) is not null
    window so_far as (order by changes_on nulls first)
)
select
    min(changes_on) as changes_on,
    highest,
    lowest
from run
where changes_on is not null
group by highest, lowest;

create temp table shop as
select
    moment.*,
    (select average from average_values where changes_on is null) as average,
    coalesce((select arg_max(typical_gap_days, known_from) from typical_gaps), 90.0::double) as typical_gap_days,
    (
        select list(share order by share)[cast((90 * count(*) + 99) // 100 as bigint)]
        from (select cast(discount as double) / cast(gross as double) as share from buyers where order_count > 0 and discounted_order_count > 0)
    ) as reference_share
from moment;

create temp table acquisition_costs as
with spend as (
    select channel, month_on, case when count(*) = count(amount) then sum(amount) end as amount
    from (select channel, date_trunc('month', day) as month_on,
        case
            when spend_rows.currency = (select currency from moment) then amount
            else cast(round(amount * (
                select arg_max(rate, rates.day) from rates
                where rates.currency = spend_rows.currency and rates.day <= spend_rows.day
            ), 4) as decimal(18, 4))
        end as amount
    from (
        select day, nullif(trim(channel), '') as channel, amount, upper(currency) as currency
        from raw.marketing_spend
        where day < (select as_of_on from moment)
        qualify row_number() over (partition by day, channel order by _loaded_at desc) = 1
    ) as spend_rows)
    group by all
),
found as (
    select coalesce(people.acquisition_channel, buyers.first_channel) as channel,
        date_trunc('month', first_ordered_at) as month_on, count(*) as customer_count
    from people
    inner join buyers on people.customer = buyers.customer
    where first_ordered_at is not null
    group by all
)
select
    spend.channel,
    spend.month_on,
    cast(
        cast((cast(spend.amount * 20000 as hugeint) + customer_count) // (2 * cast(customer_count as hugeint)) as decimal(22, 0))
        * 0.0001 as decimal(18, 4)
    ) as cost
from spend
inner join found on spend.channel = found.channel and spend.month_on = found.month_on;

-- ---------------------------------------------------------------- labels

create temp table ranked as
select
    customer,
    count(*) over () as n,
    rank() over (order by last_ordered_on) as recency_rank,
    rank() over (order by order_count) as order_rank,
    rank() over (order by net) as net_rank
from (select customer, cast(last_ordered_at as date) as last_ordered_on, order_count, net from buyers where order_count > 0);

create temp table facts as
select
    people.*,
    shop.as_of_on,
    shop.currency,
    shop.average as shop_average,
    shop.typical_gap_days,
    shop.reference_share,
    coalesce(people.acquisition_channel, buyers.first_channel) as channel,
    cast(buyers.first_ordered_at as date) as first_ordered_on,
    cast(buyers.last_ordered_at as date) as last_ordered_on,
    buyers.last_ordered_at,
    coalesce(buyers.order_count, 0) as order_count,
    shop.as_of_on - cast(buyers.last_ordered_at as date) as recency_days,
    shop.as_of_on - cast(buyers.first_ordered_at as date) as tenure_days,
    coalesce(buyers.gross, 0) as gross,
    coalesce(buyers.discount, 0) as discount,
    coalesce(buyers.refund, 0) as refund,
    coalesce(buyers.net, 0) as net,
    case when coalesce(buyers.order_count, 0) = 0 then 0 else buyers.margin end as margin,
    cast(
        cast(sign(buyers.net) * (
            (cast(abs(buyers.net) * 20000 as hugeint) + buyers.order_count) // nullif(2 * cast(buyers.order_count as hugeint), 0)
        ) as decimal(22, 0)) * 0.0001 as decimal(18, 4)
    ) as average,
    coalesce(buyers.discounted_order_count, 0) as discounted_order_count,
    coalesce(buyers.gift_order_count, 0) as gift_order_count,
    case when buyers.gross > 0 then cast(buyers.discount as double) / cast(buyers.gross as double) end as discount_share,
    rhythms.median_gap_days,
    coalesce(rhythms.order_day_count, 0) as order_day_count,
    coalesce(rhythms.peak_order_count, 0) as peak_order_count,
    case when shop.has_categories then coalesce(categories.category_count, 0) end as category_count,
    case when shop.has_email then coalesce(engagement.received_count, 0) end as received_count,
    case when shop.has_email then coalesce(engagement.recent_count, 0) end as engagement_count,
    case when shop.has_email then coalesce(engagement.lifetime_count, 0) end as engagement_lifetime_count,
    engagement.last_engaged_at,
    people.email_consent
    and (engagement.last_refused_at is null or coalesce(people.consent_updated_at > engagement.last_refused_at, false)) as is_subscribed,
    cast(engagement.last_engaged_at as date) as last_engaged_on,
    engagement.last_engaged_days[3] as third_last_engaged_on,
    case when shop.has_web then coalesce(site_intent.recent_count, 0) end as intent_count,
    site_intent.last_intent_on,
    case
        when
            cast(site_intent.last_cart_at as date) >= shop.as_of_on - 30
            and (buyers.last_placed_at is null or buyers.last_placed_at < site_intent.last_cart_at)
            then site_intent.last_cart_at
    end as open_cart_at,
    case when rhythms.order_day_count > 0 then greatest(case
        when rhythms.order_day_count >= 3 then rhythms.median_gap_days
        when rhythms.order_day_count = 2 then (rhythms.median_gap_days + shop.typical_gap_days) / 2
        else shop.typical_gap_days
    end, 1.0::double) end as expected_gap_days,
    rhythms.day_count_before,
    rhythms.median_gap_days_before,
    cast(buyers.last_ordered_at as date) - 1 as looked_at_on,
    rhythms.last_ordered_on_before,
    n,
    case when n > 1 then cast(least(5, 1 + (5 * (recency_rank - 1)) // (n - 1)) as integer) when n = 1 then 1 end as recency_score,
    case when n > 1 then cast(least(5, 1 + (5 * (order_rank - 1)) // (n - 1)) as integer) when n = 1 then 1 end as frequency_score,
    case when n > 1 then cast(least(5, 1 + (5 * (net_rank - 1)) // (n - 1)) as integer) when n = 1 then 1 end as monetary_score,
    case when n > 1 then (order_rank - 1)::double / (n - 1) when n = 1 then 0.0::double end as order_percent_rank,
    case when n > 1 then (net_rank - 1)::double / (n - 1) when n = 1 then 0.0::double end as net_percent_rank,
    order_rank,
    net_rank
from people
cross join shop
left join buyers on people.customer = buyers.customer
left join rhythms on people.customer = rhythms.customer
left join ranked on people.customer = ranked.customer
left join categories on people.customer = categories.customer
left join engagement on people.customer = engagement.customer
left join site_intent on people.customer = site_intent.customer;

create temp table won_back as
select customer
from (
    select
        facts.customer,
        day_count_before,
        looked_at_on - last_ordered_on_before as silence,
        greatest(case
            when day_count_before >= 3 then median_gap_days_before
            when day_count_before = 2 then (median_gap_days_before + coalesce(gaps.typical_gap_days, 90.0::double)) / 2
            else coalesce(gaps.typical_gap_days, 90.0::double)
        end, 1.0::double) as expected
    from facts
    asof left join typical_gaps as gaps on facts.looked_at_on >= gaps.known_from
    where facts.day_count_before > 0
)
where
    not (day_count_before = 1 and silence <= 30)
    and not (silence * 3 < expected * 4 or silence < 14)
    and not (silence < expected * 3 or silence < 60);

create temp table turns as
with amounts as (select distinct average, shop_average from facts where order_count > 0),
rising as (select highest, min(changes_on) as changes_on from outlook group by highest),
falling as (select lowest, min(changes_on) as changes_on from outlook where lowest is not null group by lowest)
select
    amounts.average,
    case when amounts.average > amounts.shop_average then up.changes_on else down.changes_on end as above_turns_on,
    case when amounts.average >= amounts.shop_average then up_strictly.changes_on else down_or_equal.changes_on end as high_turns_on
from amounts
asof left join rising as up on amounts.average <= up.highest
asof left join rising as up_strictly on amounts.average < up_strictly.highest
asof left join falling as down on amounts.average > down.lowest
asof left join falling as down_or_equal on amounts.average >= down_or_equal.lowest;

create or replace table speed_limit.customer_segments as
with labelled as (
    select
        facts.*,
        turns.above_turns_on,
        turns.high_turns_on,
        acquisition_costs.cost as acquisition_cost,
        won_back.customer is not null as is_won_back,
        rfm_tiers.rfm_tier as tier,
        case
            when order_day_count = 0 then 'prospect'
            when order_day_count = 1 and recency_days <= 30 then 'new'
            when recency_days * 3 < expected_gap_days * 4 or recency_days < 14 then 'active'
            when recency_days < expected_gap_days * 3 or recency_days < 60 then 'slipping_away'
            else 'lost'
        end as state,
        greatest(cast(ceil(expected_gap_days * 4 / 3) as integer), 14) as slipping_from,
        greatest(cast(ceil(expected_gap_days * 3 / 1) as integer), 60) as lost_from,
        coalesce(facts.average > shop_average, false) as is_above,
        coalesce(facts.average >= shop_average, false) as is_high,
        coalesce(as_of_on - created_on < 90, false) as is_too_new
    from facts
    left join won_back on facts.customer = won_back.customer
    left join turns on facts.average = turns.average
    left join seeds.rfm_tiers
        on facts.recency_score = rfm_tiers.recency_score
        and (facts.frequency_score + facts.monetary_score + 1) // 2 = rfm_tiers.fm_score
    left join acquisition_costs
        on facts.channel = acquisition_costs.channel and date_trunc('month', facts.first_ordered_on) = acquisition_costs.month_on
),
named as (
    select
        labelled.*,
        case
            when order_count = 0 and intent_count >= 1 then 'window_shopper'
            when order_count = 0 and engagement_count >= 3 then 'almost_there'
            when order_count = 0 and engagement_count >= 1 then 'waiting_for_wows'
            when order_count = 0 and engagement_lifetime_count >= 3 then 'false_start'
            when order_count = 0 and is_too_new then 'too_new'
            when order_count = 0 or (recency_days > 390 and coalesce(engagement_count, 0) = 0) then 'dead_weight'
            when order_count >= 3 and recency_days <= 120 and is_above then 'high_roller'
            when order_count >= 3 and recency_days <= 120 then 'brand_enthusiast'
            when order_count >= 3 and is_above then 'lapsed_high_roller'
            when order_count >= 3 then 'lapsed_enthusiast'
            when recency_days <= 120 and is_above then 'potential_high_roller'
            when is_above then 'one_hit_wonder'
            when recency_days <= 120 then 'potential_brand_enthusiast'
            else 'just_passing_through'
        end as persona,
        case
            when order_count = 0 and open_cart_at is not null then 'abandoned_cart'
            when order_count = 0 and is_subscribed then 'subscriber'
            when order_count = 0 then 'unreachable'
            when is_high and state in ('new', 'active') then 'loyal'
            when state in ('new', 'active') then 'low_value_active'
            when is_high then 'at_risk'
            else 'non_target'
        end as type,
        case
            when order_count = 0 then 'none'
            when order_count = 1 then 'one_time'
            when order_percent_rank >= 0.9 and net_percent_rank >= 0.9 then 'vip'
            when order_percent_rank >= 0.75 then 'frequent'
            else 'loyal'
        end as importance,
        case state
            when 'new' then last_ordered_on + 31
            when 'active' then last_ordered_on + slipping_from
            when 'slipping_away' then last_ordered_on + lost_from
        end as state_changes_on,
        order_count || if(order_count = 1, ' order', ' orders') as orders_text,
        recency_days || if(recency_days = 1, ' day', ' days') as days_text,
        cast(cast(net as decimal(18, 2)) as varchar) || ' ' || currency as net_text,
        cast(cast(average as decimal(18, 2)) as varchar) || ' ' || currency as average_text,
        cast(cast(shop_average as decimal(18, 2)) as varchar) as shop_average_text
    from labelled
)
select
    customer_id,
    as_of_on as as_of_date,
    country,
    language,
    email_consent as has_email_consent,
    is_subscribed,
    sms_consent as has_sms_consent,
    ads_user_data_consent as has_ads_user_data_consent,
    ads_personalization_consent as has_ads_personalization_consent,
    tracking_consent as has_tracking_consent,
    created_on,
    channel as acquisition_channel,
    acquisition_cost as acquisition_cost_amount,
    currency as currency_code,
    first_ordered_on,
    last_ordered_on,
    order_count,
    cast(recency_days as integer) as recency_days,
    cast(tenure_days as integer) as tenure_days,
    cast(gross as decimal(18, 4)) as gross_revenue_amount,
    cast(discount as decimal(18, 4)) as discount_amount,
    cast(refund as decimal(18, 4)) as refund_amount,
    cast(net as decimal(18, 4)) as net_revenue_amount,
    cast(margin as decimal(18, 4)) as gross_margin_amount,
    average as average_order_amount,
    median_gap_days,
    discount_share,
    category_count,
    received_count as email_received_count,
    engagement_count as engagement_count_90d,
    intent_count as site_intent_count_90d,
    last_engaged_at,
    open_cart_at,
    recency_score || '' || frequency_score || '' || monetary_score as rfm_cell,
    if(order_count = 0, 'prospects', tier) as rfm_tier,
    case
        when order_count = 0 then 'No purchase so far.'
        else 'Last order ' || days_text || ' ago (recency ' || recency_score || ' of 5), ' || orders_text
            || ' (frequency ' || frequency_score || '), ' || net_text || ' (value ' || monetary_score || ').'
    end as rfm_tier_reason,
    cast(null as varchar) as previous_rfm_tier,
    cast(null as date) as rfm_tier_changed_on,
    state as lifecycle_state,
    case
        when order_day_count = 0 then 'No purchase so far.'
        else if(state = 'new', 'First ordered ', 'Last ordered ') || days_text || ' ago; '
            || case order_day_count when 1 then 'customers here usually order every ' when 2 then 'expected every '
                else 'usually orders every ' end
            || cast(round(expected_gap_days, 1) as decimal(18, 1)) || ' days, so this is '
            || cast(round(recency_days / expected_gap_days, 2) as decimal(18, 2)) || ' times the usual wait.'
    end as lifecycle_reason,
    state_changes_on as lifecycle_changes_on,
    expected_gap_days,
    recency_days / expected_gap_days as gap_ratio,
    importance,
    case
        when order_count = 0 then 'No purchase so far.'
        else orders_text || ' (at or above ' || cast(floor((order_rank - 1) * 100 / greatest(n - 1, 1)) as integer) || '% of buyers) and ' || net_text
            || ' (at or above ' || cast(floor((net_rank - 1) * 100 / greatest(n - 1, 1)) as integer) || '%), from orders so far.'
    end as importance_reason,
    if(order_count > 0, 'history', null) as importance_basis,
    persona,
    case persona
        when 'window_shopper' then 'No purchase, but showed interest on the site '
            || intent_count || if(intent_count = 1, ' time', ' times') || ' in the last 90 days.'
        when 'almost_there' then 'No purchase, but opened or clicked e-mails '
            || engagement_count || if(engagement_count = 1, ' time', ' times') || ' in the last 90 days.'
        when 'waiting_for_wows' then 'No purchase; opened or clicked e-mails '
            || engagement_count || if(engagement_count = 1, ' time', ' times') || ' in the last 90 days.'
        when 'false_start' then 'No purchase; opened or clicked e-mails ' || engagement_lifetime_count
            || if(engagement_lifetime_count = 1, ' time', ' times') || ' before, but not in the last 90 days.'
        when 'too_new' then 'No purchase and nothing opened yet; known since ' || created_on || '.'
        else
            case
                when order_count = 0 then 'No purchase and no sign of interest'
                else orders_text || ', the last ' || days_text || ' ago, average ' || average_text
                    || case when shop_average is null then ''
                        else if(is_above, ' (above the shop''s ', ' (not above the shop''s ') || shop_average_text || ')' end
            end
            || case
                when persona = 'dead_weight' and engagement_count is null then '; no e-mail data.'
                when persona = 'dead_weight' then '; nothing opened in the last 90 days.'
                else '.'
            end
    end as persona_reason,
    case
        when persona in ('false_start', 'dead_weight') then null
        when persona = 'window_shopper' then last_intent_on + 91
        when persona = 'almost_there' then third_last_engaged_on + 91
        when persona = 'waiting_for_wows' then last_engaged_on + 91
        when persona = 'too_new' then created_on + 90
        when recency_days <= 120 then least(above_turns_on, last_ordered_on + 121)
        else least(above_turns_on, greatest(last_ordered_on + 391, last_engaged_on + 91))
    end as persona_changes_on,
    type as customer_type,
    case type
        when 'abandoned_cart' then 'No purchase yet; a cart has been open since ' || cast(open_cart_at as date) || '.'
        when 'subscriber' then 'No purchase yet, but may be written to by e-mail.'
        when 'unreachable' then 'No purchase, no open cart and not subscribed to e-mail.'
        else 'Average order ' || average_text
            || coalesce(if(is_high, ', at or above the shop''s ', ', below the shop''s ') || shop_average_text, '; the shop''s is not known')
            || '; ' || replace(state, '_', ' ') || ' by the time since the last order.'
    end as customer_type_reason,
    case
        when type = 'abandoned_cart' then cast(open_cart_at as date) + 31
        when order_count > 0 then least(
            case when state in ('new', 'active')
                then greatest(last_ordered_on + slipping_from, if(state = 'new', state_changes_on, null)) end,
            high_turns_on
        )
    end as customer_type_changes_on,
    is_won_back,
    coalesce(last_engaged_on >= as_of_on - 7 and (last_ordered_at is null or last_ordered_at < last_engaged_at), false)
        as is_espresso_shot,
    open_cart_at is not null as has_open_cart,
    order_count >= 2 and order_percent_rank >= 0.8 and net_percent_rank >= 0.8
    and coalesce(median_gap_days <= typical_gap_days, false) as is_best_customer,
    order_count >= 2 and 0.8::double * case
        when reference_share > 0 and discount_share > 0 then least(discount_share / reference_share, 1) else 0
    end + (1 - 0.8::double) * (discounted_order_count::double / order_count) >= 0.5 as is_sale_shopper,
    order_count >= 2 and discounted_order_count = 0 as is_full_price_shopper,
    gift_order_count > 0 as is_gift_buyer,
    (is_subscribed and coalesce(received_count >= 5, false) and coalesce(engagement_count = 0, false))
    or state in ('slipping_away', 'lost') as is_disengaged,
    (order_count = 1 and peak_order_count = 1) or (order_count >= 2 and peak_order_count >= 0.5 * order_count)
        as is_peak_season_buyer
from named;
