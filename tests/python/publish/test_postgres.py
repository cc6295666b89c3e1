"""Serving tables in a real PostgreSQL."""

import datetime as dt
import itertools
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

from regulars.publish.destinations import Batch, Person, Row
from regulars.publish.destinations.postgres import PostgresDestination, address, no_connection, quoted, types_of
from regulars.publish.errors import DestinationError
from regulars.publish.settings import Postgres

from .postgres_server import PASSWORD_NEEDED, Server, breaking_line

NUMBERS = itertools.count(1)
TYPES = {"tier": "VARCHAR", "net": "DECIMAL(18,4)"}


@dataclass
class Place:
    """A schema of a test's own."""

    server: Server
    session: psycopg.Connection
    schema: str = field(default_factory=lambda: f"shop_{next(NUMBERS)}")

    def destination(self, types=TYPES, contacts=("email",), url=None, timeout=30.0) -> PostgresDestination:
        settings = Postgres(
            type="postgres", url={"env": "X"}, database="serving", schema=self.schema, timeout_seconds=timeout
        )
        return PostgresDestination(settings, url or self.server.url(), contacts, types)

    def do(self, query: str) -> list[tuple]:
        cursor = self.session.execute(query.replace("SCHEMA", self.schema))
        return cursor.fetchall() if cursor.description else []

    def table(self, name="loyal", columns="*") -> list[tuple]:
        return self.do(f"select {columns} from SCHEMA.{quoted(name)} order by 1")


@pytest.fixture
def place(postgres):
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        found = Place(postgres, session)
        yield found
        # Whoever connects reads the whole catalogue, which is to stay small.
        found.do("drop schema if exists SCHEMA cascade")


def batch(count: int, operation="upsert", name="loyal") -> Batch:
    return Batch(operation, name, "", f"{next(NUMBERS):032x}", count)


def person(number: int, tier="gold", net: str | None = "12.5000", email: str | None = "a@example.com") -> Row:
    return Row(f"c{number:04d}", {"email": email, "country": "CH"}, {"tier": tier, "net": net})


def encoded(destination, rows, operation="upsert", name="loyal") -> tuple[Batch, bytes]:
    what = batch(len(rows), operation, name)
    return what, destination.body_of_table(what, table_of(destination, rows))


def table_of(destination, rows) -> pa.Table:
    """Rows as a table of texts, booleans and numbers, which are made what the columns are."""
    columns = {"customer_id": [row.customer_id for row in rows]}
    columns |= {name: [row.contacts.get(name) for row in rows] for name in destination.contacts}
    columns |= {name: [row.properties.get(name) for row in rows] for name in destination.columns}
    return pa.table({name: array_of(values) for name, values in columns.items()})


def array_of(values) -> pa.Array:
    return pa.array(values, pa.string() if all(value is None for value in values) else None)


def put(destination, rows, operation="upsert", name="loyal"):
    return destination.send(*encoded(destination, rows, operation, name))


def opened(place: Place, *rows: Row, name="loyal", **more) -> PostgresDestination:
    destination = place.destination(**more)
    destination.open_object(name)
    if rows:
        assert put(destination, rows, name=name).outcome == "acknowledged"
    return destination


def test_the_server_is_nobody_in_particular(postgres):
    assert postgres.socket.exists()
    owner = (postgres.folder / "data").stat().st_uid
    assert owner != 0
    assert os.geteuid() in (0, owner)


# what it does


def test_makes_the_schema_and_the_table(place):
    destination = place.destination()
    oid = destination.open_object("loyal")
    assert place.do(
        "select attname::text, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'SCHEMA.loyal'::regclass and attnum > 0 order by attnum"
    ) == [("customer_id", "text"), ("email", "text"), ("tier", "text"), ("net", "numeric(18,4)")]
    assert place.do("select 'SCHEMA.loyal'::regclass::oid::text") == [(oid,)]
    assert place.do("select contype::text from pg_constraint where conrelid = 'SCHEMA.loyal'::regclass"
                    " and contype = 'p'") == [("p",)]  # fmt: skip
    assert destination.open_object("loyal") == oid


def test_adds_changes_and_removes(place):
    destination = opened(place, person(1), person(2), person(3))
    assert place.table() == [(f"c000{n}", "a@example.com", "gold", Decimal("12.5000")) for n in (1, 2, 3)]
    assert put(destination, [person(2, "silver"), person(3, net=None, email=None), person(4)]).rejected == ()
    assert put(destination, [Row("c0001"), Row("nobody")], "remove").outcome == "acknowledged"
    assert place.table() == [
        ("c0002", "a@example.com", "silver", Decimal("12.5000")),
        ("c0003", None, "gold", None),
        ("c0004", "a@example.com", "gold", Decimal("12.5000")),
    ]


def test_replays_change_nothing(place):
    destination = place.destination()
    destination.open_object("loyal")
    rows = [person(1), person(2, net=None)]
    first = encoded(destination, rows)
    assert first[1] == destination.body_of_table(first[0], table_of(destination, rows))
    removal = encoded(destination, [Row("c0001")], "remove")
    assert destination.send(*first).outcome == "acknowledged"
    there = place.table(columns="customer_id, ctid::text, xmin::text, net")
    assert destination.send(*first).outcome == "acknowledged"
    assert place.table(columns="customer_id, ctid::text, xmin::text, net") == there
    for _ in range(2):
        assert destination.send(*removal).outcome == "acknowledged"
        assert [row[0] for row in place.table()] == ["c0002"]


def test_only_rows_that_differ_are_written(place):
    destination = opened(place, person(1), person(2))
    before = dict(place.table(columns="customer_id, xmin::text"))
    put(destination, [person(1), person(2, "silver")])
    after = dict(place.table(columns="customer_id, xmin::text"))
    assert (before["c0001"] == after["c0001"], before["c0002"] == after["c0002"]) == (True, False)


def test_new_keys_are_copied_straight_in_and_others_merged(place):
    """A trigger for each statement says which way a batch took: COPY fires INSERT only, a merge UPDATE too."""
    destination = opened(place)
    place.do("create table SCHEMA.ways (way text)")
    place.do("create function SCHEMA.note() returns trigger language plpgsql as"
             " $$ begin insert into SCHEMA.ways values (tg_op); return null; end $$")  # fmt: skip
    place.do("create trigger note after insert or update on SCHEMA.loyal for each statement"
             " execute function SCHEMA.note()")  # fmt: skip
    for rows, ways in (
        ([person(5), person(7)], ["INSERT"]),
        ([person(8), person(9)], ["INSERT"]),
        ([person(6)], ["INSERT"]),
        ([person(1), person(5)], ["INSERT", "UPDATE"]),
        ([person(9), person(10)], ["INSERT", "UPDATE"]),
    ):
        place.do("truncate SCHEMA.ways")
        assert put(destination, rows).outcome == "acknowledged"
        assert sorted(way for (way,) in place.do("select way from SCHEMA.ways")) == ways
    assert len(place.table()) == 7


def test_keys_are_compared_as_bytes(place):
    destination = opened(place, Row("a", {}, {}), Row("é", {}, {}), types={}, contacts=())
    assert put(destination, [Row("Z", {}, {}), Row("z", {}, {}), Row("a", {}, {})]).outcome == "acknowledged"
    assert [key for (key,) in place.table()] == ["Z", "a", "z", "é"]
    assert place.do(
        "select collname::text from pg_attribute join pg_collation on pg_collation.oid = attcollation"
        " where attrelid = 'SCHEMA.loyal'::regclass and attnum > 0"
    ) == [("C",)]


def test_keys_are_compared_as_bytes_where_the_database_has_the_order_of_a_language(place):
    """There `a` is before `Z`: a batch from Z to z would seem to hold nothing between."""
    try:
        place.do("create database SCHEMA template template0 locale_provider icu icu_locale 'und'")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL knows no languages; REGULARS_TEST_POSTGRES may name the folder of one that does")
    try:
        destination = opened(place, Row("a"), types={}, contacts=(), url=place.server.url(database=place.schema))
        assert put(destination, [Row("Z"), Row("a"), Row("z")]).outcome == "acknowledged"
        assert put(destination, [Row("a"), Row("z")], "remove").outcome == "acknowledged"
    finally:
        place.do("drop database SCHEMA (force)")


def test_a_database_of_another_encoding_gets_the_letters_it_has(place):
    place.do("create database SCHEMA template template0 encoding 'LATIN1' locale 'C'")
    try:
        url = place.server.url(database=place.schema)
        destination = opened(place, person(1, "Zürich"), url=url)
        answer = put(destination, [person(2, "正")])
        assert (answer.outcome, answer.code) == ("failed", "22P05")
        with psycopg.connect(url, client_encoding="utf8") as session:
            assert session.execute(f"select tier from {place.schema}.loyal").fetchall() == [("Zürich",)]
    finally:
        place.do("drop database SCHEMA (force)")


def test_a_table_of_keys_alone(place):
    destination = opened(place, Row("a"), types={}, contacts=())
    assert put(destination, [Row("a"), Row("b")]).outcome == "acknowledged"
    assert place.table() == [("a",), ("b",)]


EVERY_TYPE = {
    "VARCHAR": ["Ünïcødé \"quoted\" 'single' \\ 正体 🙂\n\t", ""],
    "ENUM('a', 'b')": ["a"],
    "BOOLEAN": [True, False],
    "TINYINT": [-5],
    "BIGINT": [2**63 - 1, -(2**63)],
    "UBIGINT": [Decimal(2**64 - 1)],
    "HUGEINT": [Decimal(10**37), Decimal(-1)],
    "DECIMAL(18,4)": [Decimal("12345678901234.5678"), Decimal("-0.0001"), Decimal("0.0000"), Decimal("10000.0000")],
    "DECIMAL(38,10)": [Decimal("1234567890123456789012345678.0123456789")],
    "DOUBLE": [0.1, -1e300, 5.0],
    "FLOAT": [0.5],
    "DATE": [dt.date(1969, 12, 31), dt.date(2026, 2, 28), dt.date(1, 1, 1)],
    "TIMESTAMP": [dt.datetime(2026, 3, 1, 10, 20, 30, 123456), dt.datetime(1969, 12, 31, 23, 59, 59, 999999)],
    "TIMESTAMP WITH TIME ZONE": [dt.datetime(2026, 3, 1, 10, 20, 30, tzinfo=dt.UTC)],
}


def as_json(value: object) -> object:
    return str(value) if isinstance(value, Decimal | dt.date) else value


def test_types_round_trip(place):
    """A column of each type, under the name of its type; one table, as every connection costs 50 ms."""
    count = max(map(len, EVERY_TYPE.values())) + 1
    columns = [[*values, *[None] * (count - len(values))] for values in EVERY_TYPE.values()]
    expected = list(zip(*columns, strict=True))
    rows = [
        Row(f"{place}", {}, dict(zip(EVERY_TYPE, map(as_json, values), strict=True)))
        for place, values in enumerate(expected)
    ]
    destination = opened(place, types={name: name for name in EVERY_TYPE}, contacts=())
    for way in ("copied", "merged"):
        place.do("delete from SCHEMA.loyal where customer_id <> '4'" if way == "merged" else "select 1")
        assert put(destination, rows).outcome == "acknowledged"
        found = place.table()
        assert [list(map(str, row[1:])) for row in found] == [list(map(str, row)) for row in expected], way
        assert [row[1:] for row in found] == expected


@pytest.mark.parametrize("said", ["2026-03-01T12:00:00+02:00", "2026-03-01 10:00:00+00", "2026-03-01T10:00:00Z"])
def test_a_time_with_its_zone_is_that_moment(place, said):
    destination = opened(place, types={"seen_at": "TIMESTAMP WITH TIME ZONE"}, contacts=())
    put(destination, [Row("a", {}, {"seen_at": said})])
    assert place.table() == [("a", dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC))]


def test_a_table_gives_the_same_bytes_whatever_its_layout(place):
    destination = opened(place)
    what, body = encoded(destination, [person(1), person(2, net=None)])
    table = pa.table(
        {
            "net": pa.array([Decimal("12.5"), None], pa.decimal128(20, 4)),
            "tier": pa.array(["gold", "gold"]).dictionary_encode(),
            "customer_id": pa.chunked_array([["c0001"], ["c0002"]]),
            "email": pa.array(["a@example.com"] * 2, pa.large_string()),
            "more": ["left", "out"],
        }
    )
    assert destination.body_of_table(what, table) == body
    removal, keys = encoded(destination, [Row("c0001"), Row("c0002")], "remove")
    assert destination.body_of_table(removal, table) == keys


@pytest.mark.parametrize("name", ['we"ird; drop table x --', "naïve %s $1 \\ ' name", "select", "x" * 63, "é" * 31])
def test_names_are_names_whatever_they_hold(place, name):
    destination = opened(place, types={name: "BIGINT"}, contacts=(), name=name)
    row = Row("a", {}, {name: 1})
    assert put(destination, [row], name=name).outcome == "acknowledged"  # copied
    assert put(destination, [Row("a", {}, {name: 2}), Row("b", {}, {name: 3})], name=name).outcome == "acknowledged"
    assert put(destination, [Row("b")], "remove", name).outcome == "acknowledged"
    assert place.table(name) == [("a", 2)]
    assert destination.erase(name, [Person("a")]).outcome == "acknowledged"
    assert place.table(name) == []


def test_erases(place):
    destination = opened(place, person(1), person(2))
    people = [Person("c0001"), Person("never there"), Person("\0"), Person("x" * 5000)]
    for _ in range(2):
        assert destination.erase("loyal", people).outcome == "acknowledged"
        assert [row[0] for row in place.table()] == ["c0002"]
    assert destination.erase("no such table", people).outcome == "acknowledged"


def test_it_never_leaves_a_job(place):
    what, body = encoded(place.destination(), [person(1)])
    assert place.destination().poll(what, "", body).outcome == "unknown"


# what becomes of the table when the sync changes


def test_columns_come_and_go_with_the_sync(place):
    old = opened(place, person(1))
    waiting = encoded(old, [person(1, "silver"), person(2)])
    place.do("alter table SCHEMA.loyal add column note text default 'mine'")
    new = opened(place, types={"net": "DECIMAL(18,4)", "city": "VARCHAR"}, contacts=("email",))
    assert place.table(columns="customer_id, email, net, note, city") == [
        ("c0001", "a@example.com", Decimal("12.5000"), "mine", None)
    ]
    assert "tier" not in [name for (name,) in place.do("select attname::text from pg_attribute"
                                                      " where attrelid = 'SCHEMA.loyal'::regclass")]  # fmt: skip
    assert put(new, [Row("c0001", {"email": "b@example.com"}, {"net": "1", "city": "Bern"})]).outcome == "acknowledged"
    # A batch of before, sent again, heeds what is there now.
    assert new.send(*waiting).outcome == "acknowledged"
    assert place.table(columns="customer_id, email, net, note, city") == [
        ("c0001", "a@example.com", Decimal("12.5000"), "mine", "Bern"),
        ("c0002", "a@example.com", Decimal("12.5000"), "mine", None),
    ]


def test_a_column_of_somebody_else_is_never_written(place):
    """Not even by a batch of the time when a column of that name was ours."""
    waiting = encoded(opened(place, person(1)), [person(1, "silver"), person(2)])
    new = opened(place, types={"net": "DECIMAL(18,4)"})
    place.do("alter table SCHEMA.loyal add column tier text default 'theirs'")
    assert new.send(*waiting).outcome == "acknowledged"
    assert place.table(columns="customer_id, tier") == [("c0001", "theirs"), ("c0002", "theirs")]


def test_a_batch_of_another_type_is_converted_and_never_copied_as_it_is(place):
    """Eight bytes of a whole number would pass for a floating one."""
    old = opened(place, types={"score": "BIGINT"}, contacts=())
    waiting = encoded(old, [Row("a", {}, {"score": 7})])
    place.do("drop table SCHEMA.loyal")
    new = opened(place, types={"score": "DOUBLE"}, contacts=())
    assert new.send(*waiting).outcome == "acknowledged"
    assert place.table() == [("a", 7.0)]


def test_another_type_is_refused_and_says_what_would_be_right(place):
    opened(place, person(1))
    changed = place.destination(types={"tier": "VARCHAR", "net": "DECIMAL(20,2)"})
    with pytest.raises(DestinationError, match=r'numeric\(18,4\).*alter column "net" type numeric\(20,2\)') as raised:
        changed.open_object("loyal")
    place.do(re.search(r"alter table .* type numeric\(20,2\)", str(raised.value))[0])
    changed.open_object("loyal")


def test_tables_and_columns_of_others_are_refused(place):
    place.do("create schema SCHEMA")
    place.do("create table SCHEMA.loyal (customer_id text primary key, email text, tier text, net numeric(18,4))")
    place.do("create view SCHEMA.seen as select 1 as customer_id")
    place.do("comment on view SCHEMA.seen is 'Regulars serving table'")
    destination = place.destination()
    for name in ("loyal", "seen"):
        with pytest.raises(DestinationError, match="not made by Regulars"):
            destination.open_object(name)
        answer = put(destination, [person(1)], name=name)
        assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "not_ours", True)
        assert put(destination, [person(1)], "remove", name).code == "not_ours"
        assert destination.erase(name, [Person("c0001")]).code == "not_ours"
    assert place.table() == []
    destination.open_object("mine")
    place.do("alter table SCHEMA.mine add column city text")
    with pytest.raises(DestinationError, match="column city that Regulars did not make"):
        place.destination(types=TYPES | {"city": "VARCHAR"}).open_object("mine")


def test_a_table_that_is_gone_is_not_written(place):
    destination = opened(place, person(1))
    place.do("drop table SCHEMA.loyal")
    answer = put(destination, [person(1)])
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "not_ours", True)


def test_a_column_that_a_view_uses_stays_and_says_so(place):
    opened(place, person(1))
    place.do("create view SCHEMA.tiers as select tier from SCHEMA.loyal")
    with pytest.raises(DestinationError, match="used by a view"):
        place.destination(types={"net": "DECIMAL(18,4)"}).open_object("loyal")
    assert place.do("select * from SCHEMA.tiers") == [("gold",)]


# what it refuses


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "é" * 32])
def test_names_that_cannot_be(place, name):
    for refused in (
        lambda: place.destination().open_object(name),
        lambda: place.destination().erase(name, []),
        lambda: place.destination(types={name: "VARCHAR"}),
    ):
        with pytest.raises(DestinationError, match="1 to 63"):
            refused()


@pytest.mark.parametrize("kind", ["INTEGER[]", "STRUCT(a INTEGER)", "BLOB", "INTERVAL", "UHUGEINT", "DECIMAL(18"])
def test_types_that_no_column_has(place, kind):
    assert types_of(kind) is None
    with pytest.raises(DestinationError, match=re.escape(f"the property it is of type {kind}")):
        place.destination(types={"it": kind})


@pytest.mark.parametrize("name", ["customer_id", "email"])
def test_one_name_for_two_columns(place, name):
    with pytest.raises(DestinationError, match="name of another column"):
        place.destination(types={name: "VARCHAR"})


def test_a_name_that_postgres_keeps_for_itself(place):
    with pytest.raises(DestinationError, match=r"keeps for itself.*42701"):
        place.destination(types={"xmin": "VARCHAR"}).open_object("loyal")
    assert place.do("select 1 from pg_namespace where nspname = 'SCHEMA'") == []


def test_rows_that_no_table_takes_are_rejected_and_the_others_sent(place):
    destination = opened(place)
    rows = [person(1), person(2, "a\0b"), Row("k" * 2001, {}, {}), person(4, email="\0"), Row("k" * 2000, {}, {})]
    answer = put(destination, [*rows, Row("\0", {"email": "\0"}, {})])
    assert answer.outcome == "acknowledged"
    assert [(one.place, one.code, one.pointer) for one in answer.rejected] == [
        (1, "nul_character", "/tier"),
        (2, "key_too_long", "/customer_id"),
        (3, "nul_character", "/email"),
        (5, "nul_character", "/customer_id"),
    ]
    assert [row[0] for row in place.table()] == ["c0001", "k" * 2000]
    assert put(destination, [person(9, "\0")]).outcome == "acknowledged"
    assert len(place.table()) == 2


def test_numbers_that_are_none_are_what_the_warehouse_has(place):
    destination = opened(place, types={"it": "DOUBLE"}, contacts=())
    for _ in ("copied", "merged"):
        rows = [Row("a", {}, {"it": float("nan")}), Row("b", {}, {"it": float("-inf")})]
        assert put(destination, rows).outcome == "acknowledged"
        assert str(place.table()) == "[('a', nan), ('b', -inf)]"


def test_values_of_another_type_than_said_are_a_defect_that_names_no_value(place):
    destination = place.destination(types={"net": "DECIMAL(18,4)", "orders": "BIGINT"})
    for properties in ({"net": "canary"}, {"orders": "canary"}, {"net": "1.00001"}):
        with pytest.raises(DestinationError) as raised:
            encoded(destination, [Row("a", {}, properties)])
        assert "warehouse says" in str(raised.value)
        assert raised.value.__context__ is None
        assert not any(str(value) in str(raised.value) for value in properties.values())
    with pytest.raises(DestinationError, match="orders is not there"):
        destination.body_of_table(batch(1), pa.table({"customer_id": ["a"], "email": ["b"], "net": ["1"]}))


# what goes wrong


def refusal(destination, rows=(person(1),)):
    """The answer to a batch, and that opening fails with the same words."""
    answer = put(destination, rows)
    with pytest.raises(DestinationError) as raised:
        destination.open_object("loyal")
    assert str(raised.value) == answer.message
    assert answer.message.startswith("serving: ")
    return answer.outcome, answer.code, answer.is_hopeless


def test_nobody_there(place, tmp_path):
    for url in (f"postgresql://u:canary@/x?host={tmp_path}", "postgresql://u:canary@127.0.0.1:1/x"):
        destination = place.destination(url=url)
        assert refusal(destination) == ("failed", "no_connection", True)
        assert destination.erase("loyal", [Person("c0001")]).outcome == "failed"


def test_not_let_in(place):
    place.do(f"drop role if exists {PASSWORD_NEEDED}")
    place.do(f"create role {PASSWORD_NEEDED} login password 'right'")
    for user, password in ((PASSWORD_NEEDED, "canary"), (PASSWORD_NEEDED, ""), ("stranger", "")):
        destination = place.destination(url=place.server.url(user, password))
        assert refusal(destination) == ("failed", "login_refused", True)
    assert refusal(place.destination(url=place.server.url(database="nowhere"))) == ("failed", "no_database", True)
    # The right password opens the door, and not more than that.
    right = place.destination(url=place.server.url(PASSWORD_NEEDED, "right"))
    with pytest.raises(DestinationError, match=r"may not do that.*42501"):
        right.open_object("loyal")
    opened(place, person(1))
    answer = put(right, [person(2)])
    place.do(f"drop role {PASSWORD_NEEDED}")
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "42501", True)


def test_words_of_libpq_are_understood_and_not_repeated():
    for words, code in (
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "u", database "d", SSL off', "login_refused"),
        ("server does not support SSL, but SSL was required", "no_tls"),
        ('could not translate host name "canary" to address: Name or service not known', "no_host"),
        ("FATAL:  sorry, too many clients already", "busy"),
        ("FATAL:  the database system is starting up", "busy"),
        ("timeout expired", "no_connection"),
        ('invalid integer value "canary" for connection option "port"', "no_connection"),
    ):
        found, sentence = no_connection(words)
        assert found == code
        assert "canary" not in sentence


@contextmanager
def saboteur(place: Place, action: str, when="before insert or delete or update"):
    """A trigger that does something when a row of the table is written."""
    place.do("create or replace function SCHEMA.sabotage() returns trigger language plpgsql as"
             f" $$ begin {action}; return coalesce(new, old); end $$")  # fmt: skip
    place.do(f"create trigger sabotage {when} on SCHEMA.loyal for each row execute function SCHEMA.sabotage()")
    yield
    place.do("drop trigger sabotage on SCHEMA.loyal")


@pytest.mark.parametrize("rows", [[person(3), person(4)], [person(1, "silver"), person(3)]], ids=["copied", "merged"])
def test_killed_in_mid_merge_leaves_the_table_and_the_replay_heals(place, rows):
    destination = opened(place, person(1), person(2))
    before = place.table()
    sent = encoded(destination, rows)
    removal = encoded(destination, [Row("c0002")], "remove")
    # After one row is written, at the second.
    action = f"if (coalesce(new, old)).customer_id in ('{rows[1].customer_id}', 'c0002') then" \
             " perform pg_terminate_backend(pg_backend_pid()); end if"  # fmt: skip
    with saboteur(place, action):
        for one in (sent, removal):
            answer = destination.send(*one)
            assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "connection_lost", True)
        erased = destination.erase("loyal", [Person("c0002")])
        assert (erased.outcome, erased.code) == ("failed", "connection_lost")
    assert place.table() == before
    for one in (sent, removal):
        assert destination.send(*one).outcome == "acknowledged"
    assert {row[0] for row in place.table()} == {"c0001"} | {row.customer_id for row in rows}


@pytest.mark.parametrize("is_delivered", [False, True])
def test_a_line_that_breaks_at_the_commit_leaves_it_unknown_and_the_replay_heals(place, is_delivered):
    opened(place, person(1))
    with breaking_line(place.server, b"COMMIT", is_delivered=is_delivered) as url:
        destination = place.destination(url=url)
        sent = encoded(destination, [person(2)])
        answer = destination.send(*sent)
        assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "in_doubt", False)
        assert destination.send(*sent).outcome == "acknowledged"
    assert [row[0] for row in place.table()] == ["c0001", "c0002"]


def test_a_line_that_breaks_before_is_no_doubt(place):
    opened(place, person(1))
    with breaking_line(place.server, b"FROM STDIN", is_delivered=False) as url:
        destination = place.destination(url=url)
        sent = encoded(destination, [person(2)])
        answer = destination.send(*sent)
        assert (answer.outcome, answer.code) == ("failed", "connection_lost")
        assert [row[0] for row in place.table()] == ["c0001"]


def test_a_replay_waits_for_the_first_attempt(place):
    """Its line broke, but the server is still at it: without waiting, the copy would trip over its rows."""
    destination = opened(place, timeout=0.2)
    what, body = encoded(destination, [person(1)])
    with place.session.transaction():
        place.do(f"select pg_advisory_xact_lock({int(what.key, 16) % (1 << 63)})")
        answer = destination.send(what, body)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("unknown", "in_doubt", False)
    assert destination.send(what, body).outcome == "acknowledged"


def test_a_lock_of_somebody_else_ends_with_the_time(place):
    destination = opened(place, person(1), timeout=0.2)
    with place.session.transaction():
        place.do("lock table SCHEMA.loyal")
        answer = put(destination, [person(1, "silver")])
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", "57014", True)
    assert "timeout_seconds" in answer.message


@pytest.mark.parametrize(
    ("sabotage", "code"),
    [
        ("alter table SCHEMA.loyal add check (tier <> 'canary')", "23514"),
        ("create unique index on SCHEMA.loyal (tier)", "23505"),
        ("alter table SCHEMA.loyal add constraint once unique (tier) deferrable initially deferred", "23505"),
        ("alter table SCHEMA.loyal drop constraint loyal_pkey", "42P10"),
        ("alter table SCHEMA.loyal alter column tier type numeric using null", "42804"),
    ],
)
def test_what_others_add_to_the_table_fails_the_batch_without_a_word_of_its_rows(place, sabotage, code):
    destination = opened(place, person(1))
    place.do(sabotage)
    answer = put(destination, [person(1, "canary"), person(2, "canary")])
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", code, code == "42P10")
    assert "canary" not in repr(answer)
    assert [row[0] for row in place.table()] == ["c0001"]


def test_no_person_is_seen_anywhere(place):
    """Neither in what is said here nor in what the server logs, though it logs every statement and its parameters."""
    seen: list[object] = []
    canary = f"canary{place.schema}"
    types = {"tier": "VARCHAR", "net": "VARCHAR"}
    rows = [Row(f"{canary}{n}", {"email": f"{canary}@x.ch"}, {"tier": canary, "net": canary}) for n in range(3)]
    destination = opened(place, types=types, timeout=0.3)
    bad = Row(f"{canary}bad", {"email": canary + "\0"}, {"tier": canary})
    seen += [put(destination, [*rows, bad]), put(destination, [*rows, bad]), rows, destination]
    seen += [put(destination, rows[:1], "remove")]
    seen += [destination.erase("loyal", [Person(rows[0].customer_id)])]
    for action in ("perform pg_terminate_backend(pg_backend_pid())", "perform 1/0", "perform pg_sleep(9)"):
        with saboteur(place, action):
            for operation in ("upsert", "remove"):
                answer = put(destination, [Row(f"{canary}1", {}, {})], operation)
                assert answer.outcome == "failed"
                seen.append(answer)
            new = put(destination, [Row(f"{canary}9", {}, {})])
            seen += [new, destination.erase("loyal", [Person(f"{canary}1")])]
            assert new.outcome == "failed"
    shown = [part for part in map(repr, seen) if canary in part.replace(f"customer_id='{canary}", "")]
    assert shown == []
    assert f'copy "{place.schema}"' in place.server.log.lower(), "the server logs nothing; look for the reason"
    assert canary not in place.server.log


def test_no_password_is_seen_anywhere(place):
    for url in (
        place.server.url(PASSWORD_NEEDED, "canary"),
        "postgresql://u:can ary@127.0.0.1:1/x",
        "postgresql://u:canary/x@127.0.0.1:1/x",
        "postgresql://u:x@127.0.0.1:canary/x",
        "postgresql://u:canary@[bad/x",
        "postgresql://u:x@127.0.0.1/x?canary=1",
    ):
        destination = place.destination(url=url, timeout=2)
        answer = put(destination, [person(1)])
        assert (answer.outcome, answer.is_hopeless) == ("failed", True)
        with pytest.raises(DestinationError) as raised:
            destination.open_object("loyal")
        assert "can" not in re.sub("cannot", "", repr(answer) + repr(destination) + str(raised.value))
        assert raised.value.__context__ is None
    with pytest.raises(DestinationError, match="not like postgresql") as raised:
        place.destination(url="host=x password=canary")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "is_tls"),
    [
        ("postgresql://u:p@db.example.com/shop", True),
        ("postgresql://u:p@db.example.com:5433,localhost/shop?x=1", True),
        ("postgresql:///shop?host=db.example.com", True),
        ("postgresql://u@10.0.0.1/shop", True),
        ("postgresql://u@[fe80::1]:5432/shop", True),
        ("postgresql://u:p@db.example.com/shop?sslmode=verify-full", False),
        ("postgresql://u:p@localhost:5432/shop", False),
        ("postgres://u:p@127.0.0.1/shop", False),
        ("postgresql://u@[::1]:5432/shop", False),
        ("postgresql:///shop", False),
        ("postgresql://u@/shop?host=/var/run/postgresql", False),
    ],
)
def test_other_machines_are_spoken_to_by_tls(url, is_tls):
    asked = address(url, 5)
    assert asked.startswith(url + ("&" if "?" in url else "?"))
    assert ("sslmode=require" in asked) == is_tls
    assert "connect_timeout=5&" in asked
    assert address(url + ("&" if "?" in url else "?") + "connect_timeout=7", 5).count("connect_timeout") == 1
