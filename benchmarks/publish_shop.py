"""The made-up warehouse of `publish.py`, as `dbt build` leaves one: as many members as asked for, ten properties."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

PROPERTIES = (
    "rfm_tier", "lifecycle_state", "persona", "net_revenue_amount", "order_count", "customer_lifetime_value",
    "last_ordered_on", "purchase_probability_30d", "country", "is_subscribed",
)  # fmt: skip
IDENTIFIERS = ("email", "phone", "first_name")
CHANGED_EVERY = 100


def build(path: Path, members: int, is_changed: bool, has_left: bool) -> None:
    """The tables that publishing reads: one member of a hundred has another tier, or is gone.

    In no order, as those of a real shop.
    """
    path.unlink(missing_ok=True)
    changed = f"number % {CHANGED_EVERY} = 0" if is_changed else "false"
    gone = f"number % {CHANGED_EVERY} = 1" if has_left else "false"
    with duckdb.connect(path) as connection:
        connection.execute("set memory_limit = '4GB'")
        connection.execute(
            f"""
            create schema marts; create schema intermediate;
            create table marts.audience_overview as
                select 'everybody' as audience, date '2026-01-01' as as_of_date, 'rule' as definition_hash;
            create table marts.audience_guardrails (
                audience varchar, campaign_id varchar, last_received_on date, open_rate double,
                open_rate_at_least double, unsubscribe_rate double, unsubscribe_rate_below double,
                complaint_rate double, complaint_rate_below double, guardrail_state varchar
            );
            create table marts.customer_segments as
            select
                printf('c%08d', number) as customer_id,
                case when {changed} then 'changed' else 'champion' end as rfm_tier,
                ['new', 'active', 'slipping_away', 'lost'][1 + number % 4] as lifecycle_state,
                ['high_roller', 'dead_weight', 'one_hit_wonder'][1 + number % 3] as persona,
                cast(number % 100000 / 7 as decimal(18, 4)) as net_revenue_amount,
                number % 50 as order_count,
                cast(number % 90000 / 3 as decimal(18, 4)) as customer_lifetime_value,
                date '2025-01-01' + cast(number % 365 as integer) as last_ordered_on,
                (number % 1000) / 1000.0 as purchase_probability_30d,
                'DK' as country,
                number % 2 = 0 as is_subscribed,
                true as has_email_consent, true as has_sms_consent, true as has_ads_user_data_consent,
                true as has_ads_personalization_consent, true as has_tracking_consent,
                case when {changed} then timestamp '2026-01-02' else timestamp '2026-01-01' end as changed_at
            from range({members}) as numbers(number)
            order by hash(number + 1);
            create table marts.audience_members as
                select 'everybody' as audience, printf('c%08d', number) as customer_id, 'treatment' as arm,
                    true as is_sampled, cast(null as double) as value
                from range({members}) as numbers(number)
                where not ({gone})
                order by hash(number);
            create table intermediate.int_customer_contacts as
            select
                printf('c%08d', number) as customer_id, 'person' || number || '@example.com' as email,
                '+45 20 ' || printf('%06d', number % 1000000) as phone, 'Name' || number % 1000 as first_name,
                'Family' || number % 5000 as last_name, 'DK' as country, '8000' as postal_code
            from range({members}) as numbers(number)
            order by hash(number + 2);
            """
        )


def people_of(warehouse: Path) -> Iterator[tuple[str, Any]]:
    """Who should be there, with what, as JSON has it."""
    contacts = ", ".join(f"'{name}': contacts.{name}" for name in IDENTIFIERS)
    with duckdb.connect(warehouse, read_only=True) as connection:
        found = connection.execute(
            f"select customer_id, {{{contacts}}}, {{{property_fields()}}} from marts.audience_members as members"
            " inner join marts.customer_segments as segments using (customer_id)"
            " inner join intermediate.int_customer_contacts as contacts using (customer_id)"
        )
        while rows := found.fetchmany(10_000):
            yield from ((name, [identifiers, properties]) for name, identifiers, properties in rows)


def property_fields() -> str:
    """SQL of a struct's fields, amounts and days as text."""
    as_text = {"net_revenue_amount", "customer_lifetime_value", "last_ordered_on", "purchase_probability_30d"}
    return ", ".join(
        f"'{name}': cast(segments.{name} as varchar)" if name in as_text else f"'{name}': segments.{name}"
        for name in PROPERTIES
    )


def plain(identifiers: dict[str, Any], properties: dict[str, Any]) -> list[Any]:
    """A person so that she can be compared, however a tool writes phone numbers and fractions."""
    phone = str(identifiers["phone"]).replace(" ", "")
    return [identifiers["email"], phone, identifiers["first_name"], *(str(properties[name]) for name in PROPERTIES)]
