"""By what an erased person is known again: her customer id, and her address and number however they are written.

A tombstone is a keyed hash of one of these, never the thing itself. Of an address there are the form that the shop has,
in lower case, and Google's, which is one for all spellings of a Gmail mailbox; of a number its digits as they are
written, and those of E.164. What is erased is buried under all forms, and who has any of them is left out.

Before the hash stand five hex digits of a cheaper one, of what all forms of an address or number have in common. So of
a million members only those few are looked at closely who share these with somebody who was erased, or whose address or
number is written so oddly that SQL cannot say what they have in common.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pyarrow as pa

from regulars.publish import identifiers
from regulars.publish.keys import person_key, person_key_macro
from regulars.publish.ledger import quoted

COARSE = 5
"""Hex digits: a million names for what forms have in common."""
COMMON_DIGITS = 4
"""Of a number, its last: prefixes and country codes stand before them."""
USUAL_DIGITS = f"[0-9]{{{COMMON_DIGITS},}}"
USUAL_EMAIL = "[!-?A-~]+@[!-?A-~]+"
# SQL of what the forms of a usual address or number have in common; of others it may be anything.
MAILBOX = "replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '')"
BARE_PHONE = "translate(phone, ' ()+./-', '')"


def email_forms(email: str | None) -> set[str]:
    """The forms of an address; none of nothing."""
    return {(email or "").strip().lower(), identifiers.google_email(email) or ""} - {""}


def phone_forms(phone: str | None, country: str | None) -> set[str]:
    """The forms of a number: digits only; none of nothing."""
    return {digits_of(phone), digits_of(identifiers.phone(phone, country))} - {""}


def digits_of(phone: str | None) -> str:
    """The digits of a number, 0 to 9."""
    return "".join(letter for letter in phone or "" if "0" <= letter <= "9")


def customer_names(key: bytes, customers: Iterable[str]) -> set[str]:
    """What tombstones call customers."""
    return {_name(key, "customer", customer_id, customer_id) for customer_id in customers}


def email_names(key: bytes, email: str | None) -> set[str]:
    """What tombstones call an address."""
    return {_name(key, "email", form, common_of_email(form)) for form in email_forms(email)}


def phone_names(key: bytes, phone: str | None, country: str | None) -> set[str]:
    """What tombstones call a number."""
    return {_name(key, "phone", form, form[-COMMON_DIGITS:]) for form in phone_forms(phone, country)}


def common_of_email(form: str) -> str:
    """What all forms of an address have in common: its mailbox, without dots and suffix."""
    return form.partition("@")[0].partition("+")[0].replace(".", "")


def _name(key: bytes, kind: str, form: str, common: str) -> str:
    coarse = hashlib.md5(f"{key.decode()}{kind}:{common}".encode(), usedforsecurity=False).hexdigest()[:COARSE]
    return coarse + person_key(key, kind, form)


def find_buried(connection: duckdb.DuckDBPyConnection, key: bytes, people: str) -> None:
    """Fill the temporary table `buried`: customers of a query `people` whom `ledger_tombstone` has.

    `people` gives customer_id, email, phone and country. Python is the authority for the other form of an address or
    number. It is asked only of those who may be buried, and where that form may differ from what SQL says itself.
    """
    connection.execute(person_key_macro(key))
    _make(connection, "other_email", _other_emails, 1)
    _make(connection, "other_phone", _other_phones, 2)
    connection.execute(
        f"create or replace temp table tombstone_names as select distinct left(person_key, {COARSE}) as coarse,"
        f" substr(person_key, {COARSE + 1}) as person_key from ledger_tombstone"
    )
    connection.execute(
        "create or replace temp macro coarse(said) as"
        f" left(md5(concat({quoted(key.decode())}, said)), {COARSE}) in (select coarse from tombstone_names)"
    )
    connection.execute(
        "create or replace temp macro is_buried(said) as"
        " coalesce(person_key(said) in (select person_key from tombstone_names), false)"
    )
    connection.execute(
        f"""
        create or replace temp table suspects as
        select customer_id, email, phone, country
        from ({people})
        where
            coarse('customer:' || customer_id)
            or (email is not null and (not regexp_full_match(email, '{USUAL_EMAIL}') or coarse('email:' || {MAILBOX})))
            or (
                phone is not null
                and (
                    not regexp_full_match({BARE_PHONE}, '{USUAL_DIGITS}')
                    or coarse('phone:' || right({BARE_PHONE}, {COMMON_DIGITS}))
                )
            )
        """
    )
    # Of an address in printable ASCII only Google's form of a mailbox of its own is another.
    is_google = "regexp_matches(email, '(?i)@(gmail|googlemail)[.]com$')"
    connection.execute(
        f"""
        create or replace temp table buried as
        select customer_id
        from suspects
        where
            is_buried('customer:' || customer_id)
            or is_buried('email:' || lower(trim(email)))
            or is_buried('phone:' || nullif(regexp_replace(phone, '[^0-9]', '', 'g'), ''))
            or is_buried(
                'email:'
                || case when not regexp_full_match(email, '[!-~]*') or {is_google} then other_email(email) end
            )
            or is_buried('phone:' || other_phone(phone, country))
        """
    )


def _make(connection: duckdb.DuckDBPyConnection, name: str, function: Callable[..., pa.Array], arguments: int) -> None:
    """A function of this connection, in SQL, of texts by thousands; nulls come to it too."""
    found = connection.execute("select 1 from duckdb_functions() where function_name = $name", {"name": name})
    if not found.fetchall():
        how: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
        connection.create_function(name, function, ["VARCHAR"] * arguments, "VARCHAR", **how)


def _other_emails(emails: pa.ChunkedArray) -> pa.Array:
    """Google's form of each address, where it is not the plain one."""
    return pa.array([_other(identifiers.google_email(one), one) for one in emails.to_pylist()], pa.string())


def _other(form: str | None, email: str | None) -> str | None:
    # As SQL has it, whose `trim` takes blanks only.
    return None if form is None or form == (email or "").strip(" ").lower() else form


def _other_phones(phones: pa.ChunkedArray, countries: pa.ChunkedArray) -> pa.Array:
    """The digits of E.164 of each number, where they are not those of the number as it is written."""
    found = []
    for phone, country in zip(phones.to_pylist(), countries.to_pylist(), strict=True):
        form = None if phone is None else identifiers.phone(phone, country)
        found.append(None if form is None or form[1:] == digits_of(phone) else form[1:])
    return pa.array(found, pa.string())
