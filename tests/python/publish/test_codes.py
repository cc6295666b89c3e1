"""What others say of a person: their codes and pointers are kept, and nothing of her."""

import json
import random

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish.destinations.codes import UNREADABLE, readable, readable_number
from regulars.publish.destinations.google import _rejected, _word
from regulars.publish.destinations.klaviyo_api import word
from regulars.publish.destinations.meta import _understood, refusal
from regulars.publish.destinations.webhook import understood
from regulars.publish.fakes.webhook import Fault
from regulars.publish.http import Reply
from regulars.publish.run import ledger_path

from .world import Customer, Mapping, World, running_fakes

CANARY = "canary.bird@example.com"


@pytest.fixture(scope="module")
def fakes():
    with pytest.MonkeyPatch.context() as patch, running_fakes(None, patch.setenv) as found:
        yield found


@pytest.mark.parametrize(
    "code",
    ["bad_email", "invalid", "E1042", "422", "identifiers/email", "userData.userIdentifiers[0].emailAddress",
     "/data/attributes/profiles/data/9999/attributes/email", "INVALID_ARGUMENT", "text/html", "a" * 80],
)  # fmt: skip
def test_a_code_that_is_one_is_kept(code):
    assert readable(code) == code


@pytest.mark.parametrize(
    "code",
    [CANARY, f"bad email {CANARY}", "+4520776651", "4520776651", "+45-20-77-66-51", "45.20.77.66.51", "45/2077/6651",
     "207766", "t45a20b77c66", "a" * 81, "", "null byte\0", "two words", "line\nfeed", "é", None, [], {}, True, 1e9,
     "١٢٣٤٥٦"],
)  # fmt: skip
def test_a_code_that_could_be_somebody_is_not(code):
    assert readable(code) == UNREADABLE


@given(email=st.emails(), before=st.text(max_size=9), after=st.text(max_size=9))
def test_no_address_is_in_a_code(email, before, after):
    assert readable(before + email + after) == UNREADABLE


@given(digits=st.integers(100_000, 10**15), places=st.lists(st.integers(0, 16), max_size=9))
def test_no_phone_number_is_in_a_code(digits, places):
    number = str(digits)
    for place in places:
        number = f"{number[:place]}{random.Random(place).choice('-./ ')}{number[place:]}"
    assert readable(number) == UNREADABLE


def test_numbers_of_platforms_have_seven_digits():
    assert [readable_number(said) for said in (1870145, 4520776651, -4520776651, "190", True, None)] == [
        1870145,
        *[0] * 5,
    ]


def test_no_destination_takes_a_code_that_could_be_somebody():
    assert [word(code) for code in ("invalid", "p4520776651", CANARY)] == ["invalid", "rejected", "rejected"]
    assert [_word(said, "ELSE") for said in ("INVALID", "P4520776651", CANARY)] == ["INVALID", "ELSE", "ELSE"]
    error = {"details": [{"fieldViolations": [
        {"field": "audience_members[0].user_data", "reason": "P4520776651"},
        {"field": "audience_members[1].phone.4520776651", "reason": "BAD"},
    ]}]}  # fmt: skip
    assert [(one.code, one.pointer) for one in _rejected(error, 2)] == [
        ("invalid_argument", "user_data"), ("bad", UNREADABLE)
    ]  # fmt: skip
    body = json.dumps({"error": {"code": 4520776651, "error_subcode": 4520776651, "message": CANARY}}).encode()
    answer = refusal(_understood(Reply(400, {}, body, 1), 1, is_certain=True))
    assert (answer.code, "4520776651" in repr(answer)) == ("not_json", False)


@pytest.mark.parametrize(
    ("body", "outcome", "rejected"),
    [
        (b"", "acknowledged", []),
        (b" \n", "acknowledged", []),
        (b'{"results":[]}', "acknowledged", []),
        (b'{"results":[{"row":1,"status":"accepted"}],"took":3}', "acknowledged", []),
        (b'{"results":[{"row":1,"status":"rejected"}]}', "acknowledged", [(1, "rejected", "")]),
        (b'{"results":[{"row":0,"status":"error"}]}', "acknowledged", [(0, "unknown_status", "")]),
        (b'{"results":[{"row":0,"status":null}]}', "acknowledged", [(0, "unknown_status", "")]),
        (
            b'{"results":[{"row":1,"status":"rejected","code":"b"},{"row":0,"status":"rejected","code":422},'
            b'{"row":0,"status":"accepted"}]}',
            "acknowledged",
            [(0, "422", ""), (1, "b", "")],
        ),
        (b'{"row":0,"status":"error"}', "unknown", []),
        (b'{"accepted":false}', "unknown", []),
        (b'{"error":"queue full","accepted":false}', "unknown", []),
        (b'{"ok":false}', "unknown", []),
        (b'{"ok":true,"error":"queue full"}', "unknown", []),
        (b'{"success":0}', "unknown", []),
        (b'{"status":"error"}', "unknown", []),
        (b'{"status":500}', "unknown", []),
        (b'{"status":null}', "unknown", []),
        (b"null", "unknown", []),
        (b"[]", "unknown", []),
        (b'"sorry"', "unknown", []),
        (b"<html>OK</html>", "unknown", []),
        (b"{}", "acknowledged", []),
        (b'{"ok":true,"error":null,"errors":[]}', "acknowledged", []),
        (b'{"id":"0192","attempt":"0193","status":"success"}', "acknowledged", []),
        (b'{"message":"Workflow was started"}', "acknowledged", []),
        (b'{"status":202}', "acknowledged", []),
        (b'"ok"', "acknowledged", []),
        (b"OK\n", "acknowledged", []),
        (b"true", "acknowledged", []),
        (b'{"results":null}', "unknown", []),
        (b'{"results":{"row":0,"status":"rejected"}}', "unknown", []),
        (b'{"results":["rejected"]}', "unknown", []),
        (b'{"results":[{"row":0}]}', "unknown", []),
        (b'{"results":[{"status":"rejected"}]}', "unknown", []),
        (b'{"results":[{"row":0.7,"status":"rejected"}]}', "unknown", []),
        (b'{"results":[{"row":2,"status":"rejected"}]}', "unknown", []),
    ],
)
def test_only_a_clear_yes_is_a_yes(body, outcome, rejected):
    answer = understood(Reply(200, {}, body, 1), 2)
    assert (answer.outcome, [(one.place, one.code, one.pointer) for one in answer.rejected]) == (outcome, rejected)
    assert answer.is_hopeless == (outcome == "unknown")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 402, 407, 408, 415, 451])
def test_what_is_no_word_about_rows_stops_the_run_and_rejects_nobody(status):
    answer = understood(Reply(status, {"Location": "https://elsewhere.example.com"}, b"", 1), 2)
    assert (answer.outcome, answer.code, answer.is_hopeless) == ("failed", str(status), True)
    assert ("put the final one in url" in answer.message) == (status < 400)
    assert [understood(Reply(one, {}, b"", 1), 2).is_hopeless for one in (400, 409, 422)] == [False] * 3


HER = Customer(email=CANARY, phone="+4520776651", first_name="Canarina", tier=None)
ECHOES = {
    "address": f"bad email {CANARY}",
    "address alone": CANARY,
    "number": "+4520776651",
    "number in parts": "4-5-2-0-7-7-6-6-5-1",
    "name": "Canarina",
    "name in a word": "bad_name_canarina",
    "customer": "her_customer",
}


@pytest.mark.parametrize("field", ["code", "pointer", "message", "id"])
@pytest.mark.parametrize("what", ECHOES)
def test_a_receiver_that_echoes_what_it_was_sent_is_not_repeated(tmp_path, monkeypatch, fakes, field, what):
    fakes.reset()
    world = World(tmp_path, fakes, ("webhook",), {"her_customer": HER}, Mapping((), ("email", "phone", "first_name")))
    world.build()
    path = world.settings().folder / "publish.yml"
    result = {"row": 0, "status": "rejected", "code": "no", field: ECHOES[what]}
    fakes.webhook.faults = [Fault(200, body=json.dumps({"results": [result], field: ECHOES[what]}).encode())]
    seen = []
    for words in (["apply", "--database", str(world.warehouse)], ["status"], ["status", "--json"]):
        done = CliRunner().invoke(app, ["publish", *words, "--settings", str(path)])
        assert "rejected" in done.output
        seen.append(done.output)
    with duckdb.connect(world.warehouse, read_only=True) as connection:
        seen += connection.execute("select * from publish.publish_rejects").fetchall()
        seen += connection.execute("select * from publish.publish_runs").fetchall()
    with duckdb.connect(ledger_path(world.settings()), read_only=True) as connection:
        seen += connection.execute("select * exclude (customer_id) from sync_reject").fetchall()
        seen += connection.execute("select * from sync_batch").fetchall()
    assert ECHOES[what].lower() not in repr(seen).lower()
