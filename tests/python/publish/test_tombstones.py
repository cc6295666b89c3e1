"""Who is known again: SQL's coarse look and close look together find whom Python's forms find, and nobody else."""

import re

import duckdb
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regulars.publish.tombstones import (
    COMMON_DIGITS,
    USUAL_EMAIL,
    common_of_email,
    customer_names,
    email_forms,
    email_names,
    find_buried,
    phone_forms,
    phone_names,
)

KEY = b"k" * 32
MAILBOXES = st.sampled_from(
    ["mary", "Mary", "m.ary", "mary+shop", "MARY+", "+mary", ".mary", "märy", "ann", "m@ary", ""]
)
DOMAINS = st.sampled_from(["gmail.com", "GMail.com", "googlemail.com", "example.com", "mail.example.com", ""])
ODD = st.sampled_from(["", "", "", " ", "\t", "\u200b", "\u00a0"])
EMAILS = st.none() | st.builds("{}{}@{}{}".format, ODD, MAILBOXES, DOMAINS, ODD)
COUNTRIES = st.sampled_from([None, "DK", "DE", "US", "GB", "AR", "MX", "IT", "SE", "NU", "xx"])
NUMBERS = st.sampled_from(["20776651", "020776651", "0045 20 77 66 51", "+45 20-77-66-51", "+4520776651", "20776652"])
ANY_NUMBER = st.text("0123456789 +-()./x#", max_size=18)
PHONES = st.none() | NUMBERS | ANY_NUMBER | st.builds(str.translate, NUMBERS, st.just({ord("2"): "\u0662"}))
PEOPLE = st.tuples(st.sampled_from(["c1", "c2", "C1", "c", "æ"]), EMAILS, PHONES, COUNTRIES)
SCHEMA = pa.schema([(name, pa.string()) for name in ("place", "customer_id", "email", "phone", "country")])


def forms_of(person: tuple[str, str | None, str | None, str | None]) -> set[tuple[str, str]]:
    """All that she is known by; who shares one with somebody erased is buried."""
    customer_id, email, phone, country = person
    return (
        {("customer", customer_id)}
        | {("email", form) for form in email_forms(email)}
        | {("phone", form) for form in phone_forms(phone, country)}
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(erased=st.lists(PEOPLE, max_size=3), people=st.lists(PEOPLE, min_size=1, max_size=12))
@example(erased=[("c1", "mary@gmail.com", None, None)], people=[("c2", "M.a.ry+x@GMAIL.com", None, None)])
@example(erased=[("c1", "m.ary@googlemail.com", None, None)], people=[("c2", "ma.ry@googlemail.com", None, None)])
@example(erased=[("c1", "mary+shop@example.com", None, None)], people=[("c2", "Mary+shop@example.com", None, None)])
@example(erased=[("c1", None, "+45 20 77 66 51", None)], people=[("c2", None, "20 77 66 51", "DK")])
@example(erased=[("c1", None, "20776651", None)], people=[("c2", None, "(20)776651", "SE")])
def test_sql_finds_whom_python_finds(erased, people):
    names, buried = set(), set()
    for one in erased:
        names |= customer_names(KEY, [one[0]]) | email_names(KEY, one[1]) | phone_names(KEY, one[2], one[3])
        buried |= forms_of(one)
    rows = [(f"{place}", *one) for place, one in enumerate(people)]
    expected = sorted(one[0] for one in people if not forms_of(one).isdisjoint(buried))
    with duckdb.connect() as connection:
        connection.register("people", pa.table(list(zip(*rows, strict=True)), schema=SCHEMA))
        connection.execute(
            "create temp table ledger_tombstone as select unnest($names::varchar[]) as person_key",
            {"names": sorted(names)},
        )
        find_buried(connection, KEY, "select customer_id, email, phone, country from people")
        found = [name for (name,) in connection.execute("select customer_id from buried order by all").fetchall()]
    assert found == expected


@settings(max_examples=600, deadline=None, derandomize=True)
@given(number=st.text("0123456789 +-()./", max_size=18), country=COUNTRIES)
@example(number="0043012345", country="BG")
@example(number="+980 07864", country="VN")
def test_all_forms_of_a_usual_number_end_alike(number, country):
    digits = "".join(letter for letter in number if letter.isdigit())
    if len(digits) >= COMMON_DIGITS:
        assert {form[-COMMON_DIGITS:] for form in phone_forms(number, country)} == {digits[-COMMON_DIGITS:]}


@settings(deadline=None, derandomize=True)
@given(email=EMAILS)
def test_all_forms_of_a_usual_address_have_one_mailbox(email):
    if re.fullmatch(USUAL_EMAIL, email or ""):
        assert {common_of_email(form) for form in email_forms(email)} == {common_of_email(email.lower())}


def test_few_are_looked_at_closely():
    with duckdb.connect() as connection:
        connection.execute(
            "create table people as select 'c' || range as customer_id, 'p' || range || '@gmail.com' as email,"
            " '+45' || (20000000 + range * 37) as phone, 'DK' as country from range(20000)"
        )
        names = customer_names(KEY, ["c7"]) | email_names(KEY, "p9@gmail.com") | phone_names(KEY, "20000111", "DK")
        connection.execute(
            "create table ledger_tombstone as select unnest($names::varchar[]) as person_key", {"names": sorted(names)}
        )
        find_buried(connection, KEY, "from people")
        assert connection.execute("select customer_id from buried order by all").fetchall() == [
            ("c3",),
            ("c7",),
            ("c9",),
        ]
        # One in a million by chance, and of numbers one in ten thousand.
        ((suspects,),) = connection.execute("select count(*) from suspects").fetchall()
        assert suspects <= 10
