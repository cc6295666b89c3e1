"""`python -m regulars.publish.fakes`: a user without an account publishes to it by what it prints."""

import os
import re
import signal
import socket
import subprocess
import sys

import duckdb
import pytest
import typer

from regulars.publish.fakes.__main__ import Kind, main, running
from regulars.publish.http import Client
from regulars.publish.run import run_syncs
from regulars.publish.settings import load_settings

from .shop import Person, Shop

ADDING = {
    Kind.WEBHOOK: "POST /audiences, 2 rows → 200",
    Kind.KLAVIYO: "POST /api/profile-bulk-import-jobs, 2 rows → 202",
    Kind.META: "POST /v26.0/23850000000000000/users, 2 rows → 200",
    Kind.GOOGLE: "POST /v1/audienceMembers:ingest, 2 rows → 200",
}
"""The line of the request that adds two people."""
# The list of last time is asked for, and is gone.
LINE = re.compile(r"(GET|POST) /[\w/.:-]+(, \d rows)? → 20[0-2]|GET /api/lists/\w+ → 404")


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    shop.build(Person("canary.c1"), Person("canary.c2", email="canary.other@example.com"))
    with duckdb.connect(shop.warehouse) as connection:
        connection.execute(
            "update marts.customer_segments"
            " set has_ads_user_data_consent = true, has_ads_personalization_consent = true"
        )
    return shop


def published(shop, settings, **how):
    """Publish by settings as they were printed; the one result."""
    path = shop.folder / "fake.yml"
    path.write_text(settings.replace("slipping_away", "loyal"), encoding="utf-8")
    said = load_settings(path)
    (result,) = run_syncs(said, shop.warehouse, list(said.syncs), client=Client(5, 5, sleep=lambda _: None), **how)
    return result


@pytest.mark.parametrize("kind", Kind)
def test_what_is_printed_publishes_and_each_request_is_a_line_without_people(kind, shop, monkeypatch):
    lines = []
    with running(kind, 0, "a secret of the test", lines.append) as fake:
        monkeypatch.setenv(fake.variable, fake.secret)
        result = published(shop, fake.settings)
        assert (result.is_done, result.acknowledged) == (True, 2), result.message
        assert published(shop, fake.settings).planned == 0
    assert lines.count(ADDING[kind]) == 1
    # The next one knows nobody.
    with running(kind, int(fake.url.rpartition(":")[2]), "a secret of the test", lines.append) as again:
        result = published(shop, again.settings, is_resending=True)
        assert (result.is_done, result.acknowledged) == (True, 2), result.message
    assert lines.count(ADDING[kind]) == 2
    # And no ledger is that of another fake.
    assert f"ledger: fake_{kind}_ledger.duckdb" in fake.settings
    assert [line for line in lines if not LINE.fullmatch(line) or "canary" in line] == []


def test_another_secret_is_told(shop, monkeypatch):
    lines = []
    with running(Kind.WEBHOOK, 0, "a secret of the test", lines.append) as fake:
        monkeypatch.setenv(fake.variable, "another one")
        assert not published(shop, fake.settings).is_done
    assert lines == ["POST /audiences → 401: another secret than the one above"]


def test_it_listens_until_somebody_ends_it(shop, monkeypatch):
    words = [sys.executable, "-m", "regulars.publish.fakes", "webhook", "--port", "0", "--secret", "it's mine"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}) as process:
        try:
            printed = "".join(iter(process.stdout.readline, "regulars publish apply --settings fake_webhook.yml\n"))
            monkeypatch.setenv("REGULARS_RECEIVER_SECRET", "it's mine")
            assert """export REGULARS_RECEIVER_SECRET='it'"'"'s mine'""" in printed
            assert published(shop, printed.split("<<'END'\n")[1].removesuffix("END\n")).is_done
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
        finally:
            process.kill()
    assert rest == "\nPOST /audiences, 2 rows → 200\nended\n"
    assert process.returncode == 0


def test_a_port_that_is_taken_is_a_sentence(capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running(Kind.META, port, "fake", print):
            pass
        with pytest.raises(typer.Exit) as raised:
            main(Kind.META, port, "fake")
    assert raised.value.exit_code == 2
    assert "give another with --port" in capsys.readouterr().err
