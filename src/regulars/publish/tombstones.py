"""By what an erased person is known again: her customer id, and her address and number however they are written.

A tombstone is a keyed hash of one of these, never the thing itself. Of an address there are the form that the shop has,
in lower case, and Google's, which is one for all spellings of a Gmail mailbox; of a number its digits as they are
written, and those of E.164. What is erased is buried under all forms, and who has any of them is left out.
"""

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa

from regulars.publish import identifiers
from regulars.publish.keys import person_key, person_key_macro


def email_forms(email: str | None) -> set[str]:
    """The forms of an address; none of nothing."""
    return {(email or "").strip().lower(), identifiers.google_email(email) or ""} - {""}


def phone_forms(phone: str | None, country: str | None) -> set[str]:
    """The forms of a number: digits only; none of nothing."""
    return {digits_of(phone), digits_of(identifiers.phone(phone, country))} - {""}


def digits_of(phone: str | None) -> str:
    """The digits of a number, 0 to 9."""
    return "".join(letter for letter in phone or "" if "0" <= letter <= "9")


def email_names(key: bytes, email: str | None) -> set[str]:
    """What tombstones call an address."""
    return {person_key(key, "email", form) for form in email_forms(email)}


def phone_names(key: bytes, phone: str | None, country: str | None) -> set[str]:
    """What tombstones call a number."""
    return {person_key(key, "phone", form) for form in phone_forms(phone, country)}


def is_buried(connection: duckdb.DuckDBPyConnection, key: bytes) -> str:
    """SQL that is true of `members` with `contacts` whom `ledger_tombstone` has; makes the functions that it needs.

    Python is the authority for the other form of an address or number. It is asked only where it may differ from what
    SQL says itself, and says nothing where it does not: a hash costs as much again.
    """
    connection.execute(person_key_macro(key))
    _make(connection, "other_email", _other_emails, 1)
    _make(connection, "other_phone", _other_phones, 2)
    plain_email, plain_phone = "lower(trim(contacts.email))", "regexp_replace(contacts.phone, '[^0-9]', '', 'g')"
    # Of an address in printable ASCII only Google's form of a mailbox of its own is another.
    is_google = "regexp_matches(contacts.email, '(?i)@(gmail|googlemail)[.]com$')"
    may_differ = f"not regexp_full_match(contacts.email, '[!-~]*') or {is_google}"
    return " or ".join(
        f"coalesce(person_key({said}) in (select person_key from ledger_tombstone), false)"
        for said in (
            "'customer:' || members.customer_id",
            f"'email:' || {plain_email}",
            f"'phone:' || nullif({plain_phone}, '')",
            f"'email:' || case when {may_differ} then other_email(contacts.email) end",
            "'phone:' || other_phone(contacts.phone, contacts.country)",
        )
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
