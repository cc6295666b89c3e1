"""The files that people upload by hand, hashed as the destinations hash."""

import hashlib

import pytest

from regulars.errors import UsageError
from regulars.publish.destinations import Unsendable
from regulars.publish.destinations.customer_match import customer_match
from regulars.publish.identifiers import Platform

from .ads import CANARY, MARY, MARYS_PHONE, is_silent

ALL = frozenset(CANARY)
PEOPLE = [
    {"email": " Mary@Example.com", "phone": "+1 (555) 987-6543", "country": "US"},
    {"email": "nobody", "country": "US"},
    {"first_name": "Valéry", "last_name": "정", "country": "us", "postal_code": " 94105-1234", "email": None},
]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def rows_of(upload):
    return list(zip(*upload.columns, strict=True))


def test_meta_hashes_everything():
    upload = customer_match(Platform.META, PEOPLE, ALL)
    assert upload.header == ("email", "phone", "fn", "ln", "zip", "country")
    first, second = rows_of(upload)
    assert first == (MARY, MARYS_PHONE, "", "", "", sha256("us"))
    assert second[:2] == ("", "")
    assert [one[:8] for one in second[2:4]] == ["08e1996b", "8fa8cd9c"]
    assert second[4:] == (sha256("94105"), sha256("us"))
    assert upload.unsendable == {1: Unsendable("no_identifier")}


def test_google_leaves_country_and_zip_as_they_are():
    upload = customer_match(Platform.GOOGLE, PEOPLE, ALL)
    assert upload.header == ("Email", "Phone", "First Name", "Last Name", "Country", "Zip")
    first, second = rows_of(upload)
    assert first == (MARY, sha256("+15559876543"), "", "", "", "")
    assert [one[:8] for one in second[2:4]] == ["08e1996b", "8fa8cd9c"]
    assert second[4:] == ("US", "94105-1234")
    assert upload.unsendable == {1: Unsendable("no_identifier")}


@pytest.mark.parametrize("platform", [Platform.META, Platform.GOOGLE])
def test_only_what_is_asked_for_is_in_the_file(platform):
    upload = customer_match(platform, [CANARY], {"email"})
    assert [name.lower() for name in upload.header] == ["email"]
    assert is_silent(upload, *rows_of(upload)[0])
    phones = customer_match(platform, PEOPLE, {"phone"})
    assert set(phones.unsendable) == {1, 2}


@pytest.mark.parametrize("missing", ["first_name", "last_name", "country", "postal_code"])
def test_google_takes_an_address_whole_or_not_at_all(missing):
    assert customer_match(Platform.GOOGLE, PEOPLE, ALL - {missing}).header == ("Email", "Phone")
    upload = customer_match(Platform.GOOGLE, [{**CANARY, missing: None}], ALL)
    assert rows_of(upload)[0][2:] == ("", "", "", "")


def test_a_seed_has_values_and_nobody_without_one():
    people = [{"email": f"p{number}@example.com"} for number in range(4)]
    upload = customer_match(Platform.META, people, {"email"}, ["12.50", None, "-1", 0])
    assert upload.header == ("email", "value")
    assert [row[1] for row in rows_of(upload)] == ["12.50", "0"]
    assert upload.unsendable == {1: Unsendable("no_value", "_value"), 2: Unsendable("negative_value", "_value")}


def test_nobody_is_a_file_too():
    assert rows_of(customer_match(Platform.META, [], ALL)) == []


@pytest.mark.parametrize(
    ("platform", "sends", "values", "words"),
    [
        (Platform.GOOGLE, {"email"}, [1], "no column of values"),
        (Platform.KLAVIYO, {"email"}, None, "no customer match file"),
        (Platform.META, {"first_name", "last_name"}, [1], "add email or phone"),
        (Platform.GOOGLE, {"first_name"}, None, "add email or phone"),
        (Platform.META, set(), None, "by nothing"),
    ],
)
def test_a_file_that_nobody_takes_is_refused(platform, sends, values, words):
    with pytest.raises(UsageError, match=words):
        customer_match(platform, PEOPLE[:1], sends, values)


def test_each_row_has_its_value():
    with pytest.raises(ValueError, match="shorter"):
        customer_match(Platform.META, PEOPLE, {"email"}, [1, 2])
