"""A small shop, the six places it publishes to, and what each of them should hold: what the end-to-end tests share.

The model is on purpose nothing but a few comprehensions over people: it knows neither ledger nor plan nor batches.
"""

import copy
import csv
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import urllib3

from regulars.publish import run
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.fakes.google import GoogleFake, google_fake
from regulars.publish.fakes.klaviyo import Account, klaviyo
from regulars.publish.fakes.meta import MetaFake, meta_fake
from regulars.publish.fakes.webhook import Receiver, receiver
from regulars.publish.http import Client
from regulars.publish.ledger import Ledger
from regulars.publish.settings import Settings, Sync

from .postgres_server import Server
from .shop import TABLES, insert, settings_of

PLACES = ("files", "webhook", "postgres", "klaviyo", "meta", "google")
SECRETS = {
    "WORLD_HOOK": "a secret of the receiver",
    "WORLD_KLAVIYO": "pk_a_secret_of_klaviyo",
    "WORLD_META": "a secret token of meta",
    "WORLD_GOOGLE": json.dumps(
        {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "a secret of google"}
    ),
}
DESTINATIONS = {
    "files": "{{type: files, folder: out}}",
    "webhook": "{{type: webhook, url: {webhook}, signing_secret: {{env: WORLD_HOOK}},"
    " rows_per_batch: 2, concurrency: 1}}",
    "postgres": "{{type: postgres, url: {{env: WORLD_POSTGRES}}, database: test, schema: world}}",
    "klaviyo": "{{type: klaviyo, account_id: AbCdEf, api_key: {{env: WORLD_KLAVIYO}},"
    " url: {klaviyo}, poll_seconds: 0}}",
    "meta": "{{type: meta, ad_account: '1234567890', access_token: {{env: WORLD_META}}, url: {meta},"
    " create_audiences: true}}",
    "google": "{{type: google, operating_account: '1234567890', credentials: {{env: WORLD_GOOGLE}}, url: {google},"
    " token_url: '{google}/token', poll_seconds: 0}}",
}
ADS = frozenset({"meta", "google"})
HAS_PROPERTIES = frozenset({"files", "webhook", "postgres", "klaviyo"})


class Brief:
    """A dataclass that says of itself only what is not as usual."""

    def __repr__(self) -> str:
        said = [f"{one.name}={value!r}" for one in fields(self) if (value := getattr(self, one.name)) != one.default]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(said)})"


@dataclass(frozen=True, repr=False)
class Customer(Brief):
    """One customer, as the warehouse has her; ids are the keys of `World.people`."""

    tier: str | None = "gold"
    amount: str | None = "12.5000"
    email: str | None = "a@example.com"
    phone: str | None = None
    is_in: bool = True
    has_email_consent: bool | None = True
    has_ads_consent: bool | None = True
    first_name: str | None = "Ann"
    last_name: str | None = "Other"
    postal_code: str | None = "8000"


@dataclass(frozen=True, repr=False)
class Mapping(Brief):
    """What is sent of a person."""

    properties: tuple[str, ...] = ("rfm_tier", "net_revenue_amount")
    identifiers: tuple[str, ...] = ("email", "phone")


@dataclass
class Fakes:
    """The places, running; those that a test does not need are None."""

    webhook: Receiver
    klaviyo: Account
    meta: MetaFake
    google: GoogleFake
    postgres: psycopg.Connection[Any] | None = None

    def kept(self) -> list[Any]:
        """All that they remember."""
        return [
            self.webhook.people, self.webhook.seen, self.webhook.requests, self.webhook.problems, self.webhook.erased,
            self.webhook.faults, self.klaviyo.profiles, self.klaviyo.lists, self.klaviyo.members, self.klaviyo.jobs,
            self.klaviyo.deleted, self.klaviyo.requests, self.klaviyo.problems, self.klaviyo.faults,
            *self.klaviyo._by.values(), self.meta.audiences, self.meta.sessions, self.meta.requests, self.meta.bodies,
            self.meta.problems, self.meta.faults, self.google.lists, self.google.jobs, self.google.requests,
            self.google.bodies, self.google.problems, self.google.faults,
        ]  # fmt: skip

    def reset(self) -> None:
        """Nobody was ever here."""
        for one in self.kept():
            one.clear()
        self.google.lists["1"] = {}
        self.behave()
        if self.postgres is not None:
            self.postgres.execute("drop table if exists world.loyal")

    def saved(self) -> list[Any]:
        """A copy of all that they remember, for `restore`."""
        if self.postgres is not None and self.has_table():
            self.postgres.execute("drop table if exists world.saved; create table world.saved as table world.loyal")
        return copy.deepcopy(self.kept())

    def restore(self, saved: list[Any]) -> None:
        """As it was."""
        for one, before in zip(self.kept(), copy.deepcopy(saved), strict=True):
            one.clear()
            (one.extend if isinstance(one, list) else one.update)(before)
        self.behave()
        if self.postgres is not None and self.has_table():
            self.postgres.execute("truncate world.loyal; insert into world.loyal select * from world.saved")

    def has_table(self) -> bool:
        """The serving table is there."""
        assert self.postgres is not None
        found = self.postgres.execute("select to_regclass('world.loyal') is not null").fetchone()
        return bool(found and found[0])

    def behave(self) -> None:
        """From now on, nothing goes wrong."""
        self.webhook.refuse = self.klaviyo.refuse = lambda _: ""
        self.klaviyo.polls_until_done = self.klaviyo.cancelled_jobs = 0
        self.meta.lost_rows = self.meta.invalid_entries = 0
        self.google.processing_polls = 0
        self.google.is_late = False
        self.google.polls.clear()
        self.meta.session_errors.clear()
        self.google.outcomes.clear()

    @property
    def problems(self) -> list[str]:
        """What a client that knows the platforms would not have sent."""
        return self.webhook.problems + self.klaviyo.problems + self.meta.problems + self.google.problems


@contextmanager
def running_fakes(postgres: Server | None, environment: Callable[[str, str], None]) -> Iterator[Fakes]:
    """All places, and their secrets in the environment."""
    for name, secret in SECRETS.items():
        environment(name, secret)
    with ExitStack() as stack:
        fakes = Fakes(
            stack.enter_context(receiver(SECRETS["WORLD_HOOK"])),
            stack.enter_context(klaviyo("AbCdEf", SECRETS["WORLD_KLAVIYO"])),
            stack.enter_context(meta_fake(token=SECRETS["WORLD_META"])),
            stack.enter_context(google_fake(refresh_token="a secret of google")),
        )
        if postgres is not None:
            environment("WORLD_POSTGRES", postgres.url())
            fakes.postgres = stack.enter_context(psycopg.connect(postgres.url(), autocommit=True))
            fakes.postgres.execute("drop schema if exists world cascade")
        yield fakes


@dataclass
class World:
    """A folder, a warehouse, settings, and who is who."""

    folder: Path
    fakes: Fakes
    places: tuple[str, ...] = PLACES
    people: dict[str, Customer] = field(default_factory=dict)
    mapping: Mapping = Mapping()
    tombstones: set[str] = field(default_factory=set)
    """`customer:c1`, `email:a@example.com`, `phone:4520…`."""
    erased: set[str] = field(default_factory=set)
    """Customer ids."""
    moment: datetime = datetime(2026, 3, 1, 6)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "shop.duckdb"

    def now(self) -> datetime:
        """A clock that goes a second each time that somebody looks at it."""
        self.moment += timedelta(seconds=1)
        return self.moment

    def settings(self) -> Settings:
        """As read from their file."""
        urls = {
            "webhook": self.fakes.webhook.url, "klaviyo": self.fakes.klaviyo.url, "meta": self.fakes.meta.url,
            "google": self.fakes.google.url,
        }  # fmt: skip
        lines = ["ledger: ledger.duckdb", "destinations:"]
        lines += [f"  {place}: {DESTINATIONS[place].format(**urls)}" for place in self.places]
        lines.append("syncs:")
        for place in self.places:
            properties = self.mapping.properties if place in HAS_PROPERTIES else ()
            lines.append(
                f"  - {{audience: loyal, destination: {place}, purpose: {'ads' if place in ADS else 'email'},"
                f" object: {'1' if place == 'google' else 'loyal'!r}, properties: [{', '.join(properties)}],"
                f" identifiers: [{', '.join(self.mapping.identifiers)}]}}"
            )
        return settings_of(self.folder / "publish.yml", "\n".join(lines) + "\n")

    def build(self) -> None:
        """The warehouse, as a file."""
        self.warehouse.unlink(missing_ok=True)
        with duckdb.connect(self.warehouse) as connection:
            connection.execute(TABLES)
            fill(connection, self.people, "")

    # What should be there -------------------------------------------------------------------------------------

    def is_erased(self, customer_id: str) -> bool:
        """By her id, or by an address or number that she has."""
        person = self.people[customer_id]
        names = {f"customer:{customer_id}", f"email:{(person.email or '').strip().lower()}"}
        names.add(f"phone:{digits(person.phone)}")
        return bool(names & self.tombstones)

    def bury(self, *customer_ids: str) -> None:
        """From now on they are erased, and who has their address with them."""
        named = [person.email for name in customer_ids if (person := self.people.get(name))]
        emails = {email.strip().lower() for email in named if email and "@" in email}
        alike = {name for name, person in self.people.items() if (person.email or "").strip().lower() in emails}
        for customer_id in {*customer_ids, *alike}:
            self.erased.add(customer_id)
            self.tombstones.add(f"customer:{customer_id}")
            person = self.people.get(customer_id)
            if person and person.email:
                self.tombstones.add(f"email:{person.email.strip().lower()}")
            if person and person.phone:
                self.tombstones.add(f"phone:{digits(person.phone)}")

    def wanted(self, place: str) -> dict[str, Customer]:
        """Who should be at a place: in, with consent, with something to be known by, and not erased."""
        return {
            customer_id: person
            for customer_id, person in self.people.items()
            if person.is_in
            and (person.has_ads_consent if place in ADS else person.has_email_consent)
            and any(getattr(person, name) is not None for name in self.mapping.identifiers)
            and not self.is_erased(customer_id)
        }

    def contacts(self, person: Customer) -> dict[str, str | None]:
        """What is sent of her to be known by."""
        return {name: getattr(person, name) for name in self.mapping.identifiers}

    def properties(self, person: Customer) -> dict[str, str | None]:
        """What else is sent of her."""
        values = {"rfm_tier": person.tier, "net_revenue_amount": person.amount}
        return {name: values[name] for name in self.mapping.properties}

    def hashes(self, place: str) -> set[str]:
        """The identifiers that an ad platform should have, in its own words."""
        email, phone = ("EMAIL", "PHONE") if place == "meta" else ("emailAddress", "phoneNumber")
        said = set()
        for person in self.wanted(place).values():
            sent = self.contacts(person)
            if "@" in (sent.get("email") or ""):
                said.add(f"{email}:{sha256(str(sent['email']).strip().lower())}")
            if sent.get("phone"):
                said.add(f"{phone}:{sha256(('' if place == 'meta' else '+') + digits(sent['phone']))}")
        return said

    # What is there --------------------------------------------------------------------------------------------

    def check(self, place: str, ledger: dict[str, str], rejected: set[str]) -> None:
        """The place holds what it should, and the ledger knows it; `ledger` is `sent_as` of who it says is there."""
        getattr(self, f"_check_{place}")(ledger, rejected)

    def _check_files(self, ledger: dict[str, str], rejected: set[str]) -> None:
        path = self.folder / "out" / "loyal.csv"
        wanted = self.wanted("files")
        rows = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
        expected = [
            {"customer_id": customer_id, **{
                name: value or "" for name, value in {**self.contacts(person), **self.properties(person)}.items()
            }}
            for customer_id, person in sorted(wanted.items())
        ]  # fmt: skip
        assert rows == expected
        assert set(ledger) == set(wanted)
        assert rejected == set()

    def _check_webhook(self, ledger: dict[str, str], rejected: set[str]) -> None:
        expected = {
            customer_id: {"identifiers": self.contacts(person), "properties": self.properties(person)}
            for customer_id, person in self.wanted("webhook").items()
        }
        assert self.fakes.webhook.people.get("loyal", {}) == expected
        assert set(ledger) == set(expected)
        assert rejected == set()

    def _check_postgres(self, ledger: dict[str, str], rejected: set[str]) -> None:
        assert self.fakes.postgres is not None
        expected = {
            customer_id: {**self.contacts(person), **self.properties(person)}
            for customer_id, person in self.wanted("postgres").items()
        }
        rows = []
        if self.fakes.has_table():
            rows = self.fakes.postgres.execute("select to_jsonb(loyal) from world.loyal").fetchall()
        found = {row.pop("customer_id"): row for (row,) in rows}
        for row in found.values():
            if row.get("net_revenue_amount") is not None:
                row["net_revenue_amount"] = f"{row['net_revenue_amount']:.4f}"
        if expected or found:
            assert found == expected
        assert set(ledger) == set(expected)
        assert rejected == set()

    def _check_klaviyo(self, ledger: dict[str, str], rejected: set[str]) -> None:
        account = self.fakes.klaviyo
        wanted = self.wanted("klaviyo")
        there = account.on_list("loyal")
        assert there - rejected <= set(wanted)
        assert set(wanted) - rejected <= there
        # Of whom nobody knows whether she arrived, and who can be sent no more, it is taken that she is there.
        assert there <= set(ledger)
        assert set(ledger) - there <= rejected
        for customer_id in there & set(wanted) - rejected:
            profile = account.profile(customer_id)
            assert profile is not None
            person = wanted[customer_id]
            sent = self.contacts(person)
            if "@" in (sent.get("email") or ""):
                assert profile.attributes["email"] == sent["email"].strip().lower()
            if sent.get("phone"):
                assert profile.attributes["phone_number"] == f"+{digits(sent['phone'])}"
            kept = profile.attributes.get("properties", {})
            assert {name: kept.get(name) for name in self.mapping.properties} == self.properties(person), customer_id
        for customer_id in rejected:
            # Rejected for a reason that is still there: another profile has what is hers, or nobody can reach her.
            assert customer_id in wanted
            sent = self.contacts(wanted[customer_id])
            email = sent["email"].strip().lower() if "@" in (sent.get("email") or "") else None
            phone = f"+{digits(sent['phone'])}" if sent.get("phone") else None
            others = [
                profile.attributes
                for profile in account.profiles.values()
                if profile.attributes.get("external_id") != customer_id
            ]
            is_taken = any(
                (email and one.get("email") == email) or (phone and one.get("phone_number") == phone) for one in others
            )
            assert is_taken or not (email or phone), customer_id
        for customer_id in self.erased:
            assert account.profile(customer_id) is None

    def _check_meta(self, ledger: dict[str, str], rejected: set[str]) -> None:
        found = {one for audience in self.fakes.meta.audiences.values() for one in audience.members}
        self._check_hashes("meta", found, ledger, rejected)

    def _check_google(self, ledger: dict[str, str], rejected: set[str]) -> None:
        self._check_hashes("google", set(self.fakes.google.lists["1"]), ledger, rejected)

    def _check_hashes(self, place: str, found: set[str], ledger: dict[str, str], rejected: set[str]) -> None:
        assert found == self.hashes(place)
        assert {one.partition(":")[2] for one in found} == {
            value for sent_as in ledger.values() for value in json.loads(sent_as).values()
        }
        unsendable = {
            customer_id
            for customer_id, person in self.wanted(place).items()
            if "@" not in (self.contacts(person).get("email") or "") and not self.contacts(person).get("phone")
        }
        assert rejected == unsendable
        assert set(ledger) == set(self.wanted(place)) - unsendable


def fill(connection: duckdb.DuckDBPyConnection, people: dict[str, Customer], schema: str = "shop.") -> None:
    """Write who is who into the tables of a warehouse."""
    for table in ("marts.audience_members", "marts.customer_segments", "intermediate.int_customer_contacts"):
        connection.execute(f"delete from {schema}{table}")
    members = [(customer_id,) for customer_id, person in people.items() if person.is_in]
    segments = [
        (
            customer_id, person.tier, person.amount, person.has_email_consent, person.has_email_consent,
            person.has_ads_consent, person.has_ads_consent,
        )
        for customer_id, person in people.items()
    ]  # fmt: skip
    contacts = [
        (customer_id, person.email, person.phone, person.first_name, person.last_name, person.postal_code)
        for customer_id, person in people.items()
    ]
    insert(connection, f"{schema}marts.audience_members", "('loyal', ?, 'treatment', true, 7.5)", members)
    insert(connection, f"{schema}marts.customer_segments", "(?, ?, ?, ?, ?, ?, ?, null)", segments)
    insert(connection, f"{schema}intermediate.int_customer_contacts", "(?, ?, ?, ?, ?, 'DK', ?)", contacts)


def ledger_of(connection: duckdb.DuckDBPyConnection, sync_id: str) -> tuple[dict[str, str], set[str]]:
    """Who the ledger says is there, with `sent_as`; and who is listed as rejected."""
    there = connection.execute(
        "select customer_id, sent_as from sync_state where sync_id = ? and removed_at is null", [sync_id]
    ).fetchall()
    rejected = connection.execute("select customer_id from sync_reject where sync_id = ?", [sync_id]).fetchall()
    assert len(dict(there)) == len(there)
    return dict(there), {customer_id for (customer_id,) in rejected}


def digits(phone: str | None) -> str:
    """A number without what makes it readable."""
    return "".join(letter for letter in phone or "" if letter.isdigit())


def sha256(text: str) -> str:
    """In lower case hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


# What goes wrong on the way -----------------------------------------------------------------------------------


class CrashError(BaseException):
    """The process ends here, as far as everything but the interpreter can tell."""


@dataclass(frozen=True)
class Stumble:
    """What the requests of one run meet, from the `first` on, so many: a kind, before or after they are taken in."""

    first: int
    count: int
    kind: str


KINDS = (
    "lost", "no connection", "503", "503 after", "429", "429 date", "401", "proxy", "proxy after", "truncated",
    "crash", "crash after",
)  # fmt: skip
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "503": (503, {}, b"<html>try later</html>"),
    "429": (429, {"Retry-After": "2"}, b""),
    "429 date": (429, {"Retry-After": "Mon, 02 Mar 2026 06:00:05 GMT"}, b""),
    "401": (401, {}, b"{}"),
    "proxy": (200, {"Content-Type": "text/html"}, b"<html>welcome to the proxy</html>"),
}


class Said:
    """A response that nobody sent, or that was cut; as much of urllib3's as the client reads."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, *, is_cut: bool = False) -> None:
        self.status, self.headers, self.parts, self.is_cut = status, headers, [body], is_cut

    def read1(self, amount: int, decode_content: bool = True) -> bytes:
        if self.is_cut:
            raise urllib3.exceptions.IncompleteRead(1, 2)
        return self.parts.pop() if self.parts else b""

    def release_conn(self) -> None:
        """Nothing to release."""

    close = release_conn


@dataclass
class Line:
    """The pool of a client, on which requests stumble; counts them."""

    real: Any
    stumbles: tuple[Stumble, ...] = ()
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_kind(self) -> str:
        """What the next request meets, or nothing."""
        with self.lock:
            number, self.count = self.count, self.count + 1
        return next((one.kind for one in self.stumbles if one.first <= number < one.first + one.count), "")

    def request(self, method: str, url: str, **more: Any) -> Any:
        kind = self.next_kind()
        if kind == "crash":
            raise CrashError
        if kind == "no connection":
            raise urllib3.exceptions.ProtocolError("nobody")
        if kind in ANSWERS:
            return Said(*ANSWERS[kind])
        answer = self.real.request(method, url, **more)
        if not kind:
            return answer
        answer.read()
        answer.release_conn()
        match kind:
            case "crash after":
                raise CrashError
            case "lost":
                raise urllib3.exceptions.ProtocolError("gone")
            case "truncated":
                return Said(answer.status, dict(answer.headers), b"", is_cut=True)
        return Said(*ANSWERS[kind.removesuffix(" after")])


@dataclass
class Clock:
    """Passes only when somebody sleeps."""

    seconds: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def client(self, line: Line | None = None) -> Client:
        """A client on that line."""
        client = Client(
            5, 6, sleep=self.sleep, clock=lambda: self.seconds, chance=lambda: 0.5, connections=4,
            now=lambda: datetime.fromisoformat("2026-03-02T06:00:00+00:00") + timedelta(seconds=self.seconds),
        )  # fmt: skip
        if line is not None:
            line.real = line.real or client._pool
            client._pool = line  # type: ignore[assignment]
        return client


def small_batches(settings: Settings, sync: Sync, ledger: Ledger, client: Client | None = None) -> Any:
    """`run.destination_of`, with batches of two rows and one request at a time."""
    destination = DESTINATION_OF(settings, sync, ledger, client)
    if not isinstance(destination, FilesDestination):
        destination.capabilities = replace(
            destination.capabilities, rows_per_batch=2, removals_per_batch=2, concurrency=1
        )
    return destination


DESTINATION_OF = run.destination_of


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def people(*numbers: int, **more: Any) -> dict[str, Customer]:
    """Customers of those numbers, each with an address of her own."""
    return {f"c{number}": Customer(email=f"p{number}@example.com", **more) for number in numbers}


def new(folder: Path, fakes: Fakes, *places: str, **more: Any) -> World:
    """A world that begins, with its warehouse, at places that know nobody."""
    fakes.reset()
    world = World(folder, fakes, places, **more)
    world.build()
    return world


def sent(world: World, line: Line | None = None, **more: Any) -> list[run.Result]:
    """One run of all its syncs."""
    said = world.settings()
    return run.run_syncs(said, world.warehouse, list(said.syncs), now=world.now, client=Clock().client(line), **more)
