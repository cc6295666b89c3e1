"""A warehouse of a few people, as `dbt build` leaves one, and a `publish.yml` beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from regulars.publish.http import Client
from regulars.publish.postgres_ledger import lock_number
from regulars.publish.run import Result, run_syncs
from regulars.publish.settings import Settings, load_settings

SECRET = "shared with the receiver"
TABLES = """
create schema marts; create schema intermediate;
create table marts.audience_overview (audience varchar, as_of_date date, definition_hash varchar);
insert into marts.audience_overview values ('loyal', '2026-03-01', 'rule'), ('lost', '2026-03-01', 'rule');
create table marts.audience_members (
    audience varchar, customer_id varchar, arm varchar, is_sampled boolean, value double
);
create table marts.customer_segments (
    customer_id varchar, rfm_tier varchar, net_revenue_amount decimal(18, 4), has_email_consent boolean,
    has_sms_consent boolean, has_ads_user_data_consent boolean, has_ads_personalization_consent boolean,
    has_tracking_consent boolean
);
create table marts.audience_guardrails (
    audience varchar, campaign_id varchar, last_received_on date, open_rate double, open_rate_at_least double,
    unsubscribe_rate double, unsubscribe_rate_below double, complaint_rate double, complaint_rate_below double,
    guardrail_state varchar
);
create table intermediate.int_customer_contacts (
    customer_id varchar, email varchar, phone varchar, first_name varchar, last_name varchar, country varchar,
    postal_code varchar
);
"""
OWN_LEDGER = "ledger: publish_ledger.duckdb"
SHARED_LEDGER = """ledger: {{file: {url_file}}}
key_secret: {{env: HOOK_SECRET}}"""
SETTINGS = """
{ledger}
destinations:
  hook:
    type: webhook
    url: {url}
    signing_secret: {{env: HOOK_SECRET}}
    rows_per_batch: {rows_per_batch}
    concurrency: {concurrency}
    timeout_seconds: 5
    deadline_seconds: 5
  folder:
    type: files
    folder: out
syncs:
  - {{audience: loyal, destination: hook, purpose: email, properties: [rfm_tier, net_revenue_amount]}}
  - {{audience: loyal, destination: folder, purpose: email, properties: [rfm_tier]}}
"""


@dataclass
class Person:
    """One customer: who is in, what she said yes to, what is sent of her."""

    customer_id: str
    tier: str = "gold"
    has_consent: bool | None = True
    email: str | None = "canary.mail@example.com"
    arm: str = "treatment"
    audiences: tuple[str, ...] = ("loyal",)


@dataclass
class Shop:
    """A folder with a warehouse and settings."""

    folder: Path
    url: str = "http://127.0.0.1:9/audiences"
    rows_per_batch: int = 3
    concurrency: int = 1
    people: list[Person] = field(default_factory=list)
    ledger_url: str = ""
    """Of a PostgreSQL database; by default the ledger is a DuckDB file."""

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "shop.duckdb"

    @property
    def url_file(self) -> Path:
        """Where the address of a PostgreSQL ledger stands."""
        return self.folder / "ledger.url"

    def settings(self) -> Settings:
        """The settings, as read from their file."""
        if self.ledger_url:
            self.url_file.write_text(self.ledger_url, encoding="utf-8")
        said = SETTINGS.format(
            url=self.url,
            rows_per_batch=self.rows_per_batch,
            concurrency=self.concurrency,
            ledger=SHARED_LEDGER.format(url_file=self.url_file) if self.ledger_url else OWN_LEDGER,
        )
        return settings_of(self.folder / "publish.yml", said)

    def build(self, *people: Person) -> None:
        """The warehouse as of these people."""
        self.warehouse.unlink(missing_ok=True)
        members = [(audience, person.customer_id, person.arm) for person in people for audience in person.audiences]
        segments = [(person.customer_id, person.tier, person.has_consent) for person in people]
        contacts = [(person.customer_id, person.email) for person in people]
        with duckdb.connect(self.warehouse) as connection:
            connection.execute("begin")
            connection.execute(TABLES)
            insert(connection, "marts.audience_members", "(?, ?, ?, true, null)", members)
            insert(connection, "marts.customer_segments", "(?, ?, 12.5, ?, null, null, null, null)", segments)
            insert(
                connection,
                "intermediate.int_customer_contacts",
                "(?, ?, null, 'Canaryfirst', null, 'DK', null)",
                contacts,
            )
            connection.execute("commit")


READ: dict[tuple[Path, str], Settings] = {}


def settings_of(path: Path, said: str) -> Settings:
    """Write a file of settings and read it; the same text at the same place is read once, which takes 5 ms."""
    path.write_text(said, encoding="utf-8")
    if (path, said) not in READ:
        READ[path, said] = load_settings(path)
    return READ[path, said]


def people(*numbers: int, **more: Any) -> list[Person]:
    """Customers of those numbers, each with an address of her own."""
    return [Person(f"c{number}", email=f"canary{number}@example.com", **more) for number in numbers]


def client(sleep: Callable[[float], None] = lambda _: None) -> Client:
    """One that waits for nothing."""
    return Client(2.0, 5.0, sleep=sleep, chance=lambda: 0.5)


def send(shop: Shop, syncs: slice = slice(0, 1), *, sleeps: list[float] | None = None, **more: Any) -> list[Result]:
    """One run, of the receiver unless told otherwise; `sleeps` gets the pauses that it would have made."""
    settings = shop.settings()
    waits = client((sleeps if sleeps is not None else []).append)
    return run_syncs(settings, shop.warehouse, list(settings.syncs[syncs]), client=waits, **more)


def insert(connection: duckdb.DuckDBPyConnection, table: str, row: str, values: Sequence[tuple[object, ...]]) -> None:
    """Rows in one statement: one of each row takes longer than all the rest of a small warehouse."""
    if values:
        said = ", ".join([row] * len(values))
        connection.execute(f"insert into {table} values {said}", [value for each in values for value in each])


def wait_until_let_go(ledger_url: str, sync_id: str) -> None:
    """Until the server has noticed that the worker is gone that ran a sync."""
    with psycopg.connect(ledger_url, autocommit=True) as session:
        session.execute("set lock_timeout = '30s'")
        session.execute("select pg_advisory_lock(%s)", [lock_number(sync_id)])
