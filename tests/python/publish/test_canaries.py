"""Guarantee 10: nothing personal and no secret is written anywhere but to the destinations, in no form.

Canaries stand in every personal field and in every secret. Everything is run, with faults of every kind; then every
file of the folder, every table of ledger and warehouse, and all that was printed, logged or raised is searched for
them: as they are, in lower case, URL-encoded, in Base64, in hexadecimal, hashed.
"""

import base64
import hashlib
import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish import command, run
from regulars.publish.fakes.google import Outcome
from regulars.publish.fakes.google import error as google_error
from regulars.publish.ledger import locked
from regulars.publish.run import ledger_path, utc_now

from .world import KINDS, PLACES, SECRETS, Clock, CrashError, Customer, Fakes, Line, Stumble, World, running_fakes

NUMBERS = range(1, 8)
PEOPLE = {
    f"c{number}": Customer(
        tier=f"Canarytier{number}",
        email=f"Canary.Mail{number}@Example.com",
        phone=f"+45 20 77 66 5{number}",
        first_name=f"Canaryfirst{number}",
        last_name=f"Canarylåst{number}",
        postal_code=f"CNRY{number}",
    )
    for number in NUMBERS
}
IDENTIFIERS = ("email", "phone", "first_name", "last_name", "postal_code")
READABLE = [
    value
    for person in PEOPLE.values()
    for value in (
        person.tier, person.email, person.phone, person.first_name, person.last_name, person.postal_code,
        (person.phone or "").replace(" ", ""), (person.phone or "").replace(" ", "").lstrip("+"),
    )
    if value
]  # fmt: skip


def forms(value: str) -> set[str]:
    """A canary, as it might be written by somebody who means well."""
    plain = {value, value.lower(), value.upper(), value.strip().lower()}
    encoded = {one.encode() for one in plain}
    said = plain | {quote(one) for one in plain} | {quote_plus(one) for one in plain} | {one.hex() for one in encoded}
    said |= {json.dumps(one)[1:-1] for one in plain}
    said |= {base64.b64encode(one).decode().rstrip("=") for one in encoded}
    said |= {base64.urlsafe_b64encode(one).decode().rstrip("=") for one in encoded}
    return said


def hashed(value: str) -> set[str]:
    """Unkeyed hashes, by which anybody who guesses could find her."""
    plain = {value, value.lower()}
    return {one for form in plain for one in (
        hashlib.sha256(form.encode()).hexdigest(), hashlib.md5(form.encode()).hexdigest(),
        hashlib.sha1(form.encode()).hexdigest(),
    )}  # fmt: skip


SECRET_WORDS = [SECRETS["WORLD_HOOK"], SECRETS["WORLD_KLAVIYO"], SECRETS["WORLD_META"], "a secret of google"]
SONGS = {form for value in (*READABLE, *SECRET_WORDS) for form in forms(value)}
HASHES = {form for value in READABLE for form in hashed(value)}


def sung(text: str, songs: set[str] = SONGS) -> list[str]:
    """What of the canaries is in a text."""
    return [song for song in songs if song in text]


@pytest.fixture
def fakes(postgres, monkeypatch) -> Iterator[Fakes]:
    with running_fakes(postgres, monkeypatch.setenv) as found:
        found.reset()
        yield found


@contextmanager
def everything_heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that any logger says, in one text."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in ("urllib3", "google", "asyncio", "hypothesis"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def ran(words: list[str]) -> str:
    """A verb of the command line: all that it printed, and what it raised, with the whole traceback."""
    try:
        done = CliRunner().invoke(app, words)
    except CrashError as error:
        return "".join(traceback.format_exception(error))
    raised = "".join(traceback.format_exception(done.exception)) if done.exception else ""
    return done.output + done.stderr + raised + repr(done.exception)


def written(world: World) -> dict[str, bytes]:
    """Every byte that lies in the folder, but for the source and what the files destination delivers."""
    return {
        str(path.relative_to(world.folder)): path.read_bytes()
        for path in sorted(world.folder.rglob("*"))
        if path.is_file() and path != world.warehouse and path.suffix != ".csv"
    }


def sung_in(body: bytes) -> list[str]:
    """What of the canaries is in some bytes."""
    return [song for song in SONGS if song.encode() in body]


def tables(path: Path, schema: str) -> dict[str, str]:
    """All rows of all tables of a schema, as text."""
    with duckdb.connect(path, read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = ?", [schema]
        ).fetchall()
        return {name: str(connection.execute(f"select * from {schema}.{name}").fetchall()) for (name,) in names}


def faulty(fakes: Fakes) -> list[Callable[[], None]]:
    """Ways in which the platforms refuse, each with the person's data in its own words where a platform has words."""
    echo = json.dumps({"error": {"message": READABLE[1], "code": 100, "error_user_msg": READABLE[2]}}).encode()

    def refuse() -> None:
        fakes.webhook.refuse = lambda row: "refused"
        fakes.klaviyo.refuse = lambda one: "email"
        fakes.google.outcomes.append(Outcome("FAILED"))

    def names_a_member() -> None:
        from regulars.publish.fakes.listening import Fault

        path = "audience_members.audience_members[0].user_data"
        said = google_error("INVALID_ARGUMENT", "INVALID_ARGUMENT", [(path, "INVALID_SHA256_FORMAT")])
        fakes.google.faults.append(Fault(400, body=said, on="audienceMembers"))
        fakes.meta.faults.append(Fault(400, body=echo, on="users"))
        fakes.klaviyo.is_strict = True
        fakes.klaviyo.refuse = lambda one: "email"

    def strange() -> None:
        from regulars.publish.fakes.listening import Fault

        body = f"<html>{READABLE[1]} {SECRET_WORDS[2]}</html>".encode()
        fakes.google.faults.append(Fault(200, body=body, on="audienceMembers"))
        fakes.meta.faults.append(Fault(400, body=body, on="users"))

    return [lambda: None, refuse, names_a_member, strange]


def test_guarantee_10_no_personal_data_and_no_secret_is_written_anywhere(tmp_path, fakes, monkeypatch, capfd):
    line = Line(None)
    real = run.destination_of
    monkeypatch.setattr(
        run, "destination_of", lambda settings, sync, ledger, _=None: real(settings, sync, ledger, Clock().client(line))
    )
    world = World(tmp_path, fakes, PLACES)
    world.mapping = world.mapping.__class__(("rfm_tier",), IDENTIFIERS)
    said: dict[str, str] = {}
    monkeypatch.setattr(command, "DEFAULT_FILE", tmp_path / "publish.yml")
    words = ["--settings", str(tmp_path / "publish.yml")]
    more = [*words, "--database", str(world.warehouse)]
    with everything_heard(monkeypatch) as heard:
        world.people = dict(PEOPLE)
        world.build()
        world.settings()
        said["plan"] = ran(["publish", "plan", *more, "--out", str(tmp_path / "plan.json")])
        said["plan --json"] = ran(["publish", "plan", *more, "--json"])
        for number, misbehave in enumerate(faulty(fakes)):
            for kind in ("", *KINDS) if number == 0 else ("", "lost", "crash after"):
                # Something is to be sent each time: an update, an addition and a removal.
                world.people[f"c{1 + number}"] = Customer(
                    **{
                        **PEOPLE[f"c{1 + number}"].__dict__,
                        "amount": str(len(said)),
                        "email": f"Canary.Mail{len(said) % 7 + 1}@Example.com",
                    }
                )
                gone = f"c{5 + len(said) % 3}"
                world.people = {**PEOPLE, **world.people}
                world.people[gone] = Customer(**{**PEOPLE[gone].__dict__, "is_in": False})
                world.build()
                fakes.behave()
                misbehave()
                line.stumbles, line.count = (Stumble(len(said) % 5, 60, kind),) if kind else (), 0
                said[f"apply {number} {kind}"] = ran(["publish", "apply", *more, "--force"])
            for name, body in written(world).items():
                # Requests that may be sent again are payload, and readable for nobody else.
                if ".spool/" not in name and ".erasures/" not in name:
                    assert sung_in(body) == [], name
        for path in tmp_path.glob("ledger.duckdb.spool/*"):
            assert path.stat().st_mode & 0o077 == 0
        fakes.behave()
        fakes.klaviyo.is_strict = False
        said["stale plan"] = ran(["publish", "apply", *more, "--plan", str(tmp_path / "plan.json")])
        said["status"] = ran(["publish", "status", *words])
        said["status --json"] = ran(["publish", "status", *words, "--json"])
        said["retry"] = ran(["publish", "retry", *words])
        line.stumbles = (Stumble(0, 60, "503"),)
        said["erase, down"] = ran(["publish", "erase", *more, "--email", str(PEOPLE["c7"].email), "--request", "r7"])
        for path in tmp_path.glob("ledger.duckdb.erasures/*"):
            assert path.stat().st_mode & 0o077 == 0
        line.stumbles = ()
        said["erase"] = ran(["publish", "erase", *more, "--phone", str(PEOPLE["c6"].phone), "--json"])
        with locked(ledger_path(world.settings()), utc_now()):
            said["locked"] = ran(["publish", "apply", *more])
        said["exposures"] = ran(["publish", "exposures", *words])
        for _ in range(4):
            said["retry"] += ran(["publish", "retry", *words])
            said["last"] = ran(["publish", "apply", *more, "--force", "--json"])
    said["logs"] = heard.getvalue()
    said["descriptors"] = "".join(capfd.readouterr())
    assert "rejected" in said["status"]
    assert "CrashError" in said["apply 0 crash"]
    assert [one["pending"] for one in json.JSONDecoder().raw_decode(said["last"])[0]["syncs"]] == [0] * len(PLACES)
    for name, text in said.items():
        assert sung(text, SONGS | HASHES) == [], name
    for name, body in written(world).items():
        assert sung_in(body) == [], name
        assert ".spool/" not in name
        assert ".erasures/" not in name
    # Hashes as sent stand in the state, by which people are removed again, and nowhere else.
    for name, text in tables(ledger_path(world.settings()), "main").items():
        assert sung(text) == [], name
        if name not in {"sync_state", "sync_batch_row"}:
            assert sung(text, HASHES) == [], name
    published = tables(world.warehouse, "publish")
    assert set(published) == {"publish_runs", "publish_rejects"}
    for name, text in published.items():
        assert sung(text, SONGS | HASHES) == [], name
        assert not any(f"'{customer_id}'" in text for customer_id in PEOPLE), name


def test_a_canary_that_sings_is_heard():
    """The search finds what it looks for."""
    for value in (READABLE[1], SECRET_WORDS[0]):
        for text in (value, value.lower(), quote(value), base64.b64encode(value.lower().encode()).decode()):
            assert sung(f"before {text} after"), text
    assert sung(hashlib.sha256(b"canary.mail1@example.com").hexdigest(), HASHES)
