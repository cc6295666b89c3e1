"""Consent that is withdrawn and people who are erased: gone everywhere, and never sent again."""

import csv
import hashlib
import json
from contextlib import contextmanager

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.erasure import Request, inbox, keep_request
from regulars.publish.errors import PublishRefusedError
from regulars.publish.fakes.listening import Fault
from regulars.publish.keys import person_key, person_key_macro
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, open_ledger, utc_now
from regulars.publish.status import read_status

from .shop import Person, Shop, client, people, send
from .world import CrashError

BOTH = slice(0, 2)
"""The receiver and the folder."""


def erase(shop: Shop, request_id: str = "r1", *customer_ids: str, **more):
    return ask_to_erase(
        shop.settings(), shop.warehouse, request_id=request_id, customer_ids=customer_ids, client=client(), **more
    )


def test_the_macro_gives_the_same_key_as_python():
    for key in (b"short", b"k" * 64, b"longer than a block " * 9):
        with duckdb.connect() as connection:
            connection.execute(person_key_macro(key))
            for value in ("c1", "søren@example.com", "", "o'hara"):
                [(found,)] = connection.execute("select person_key('email:' || ?)", [value]).fetchall()
                assert found == person_key(key, "email", value)


def test_a_person_is_erased_everywhere_and_never_added_again(shop, hook):
    shop.build(*people(1, 2, 3))
    send(shop, BOTH)
    erasures, problems = erase(shop, "r1", "c2")
    assert problems == []
    assert [(row.status, sorted(row.targets.values())) for row in erasures] == [("done", ["done", "done"])]
    assert hook.erased == ["c2"]
    assert set(hook.people["loyal"]) == {"c1", "c3"}
    assert "c2" not in (shop.folder / "out" / "loyal.csv").read_text()
    assert [result.planned for result in send(shop, BOTH)] == [0, 0]
    # Nor under another customer id with the same address, however it is written.
    shop.build(*people(1, 2, 3), Person("c9", email=" Canary2@Example.com "))
    [plan, _] = make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs))
    assert (plan.add, plan.remove, plan.erased) == (0, 0, 2)
    send(shop, BOTH)
    assert set(hook.people["loyal"]) == {"c1", "c3"}


def test_who_left_before_is_erased_where_she_once_was(shop, hook):
    shop.build(*people(1, 2))
    send(shop, BOTH)
    shop.build(*people(1), *people(2, audiences=("lost",)))
    send(shop, BOTH)
    assert hook.erased == []
    erasures, problems = erase(shop, "r1", "c2")
    assert (problems, len(erasures[0].targets), hook.erased) == ([], 2, ["c2"])


def test_by_address_and_no_name_stays_in_ledger_or_folder(shop, hook):
    shop.build(*people(1, 2))
    send(shop, BOTH)
    erasures, problems = erase(shop, "r1", email="CANARY2@example.com")
    assert (problems, erasures[0].status, hook.erased) == ([], "done", ["c2"])
    assert list(inbox(ledger_path(shop.settings())).glob("*")) == []
    with open_ledger(shop.settings(), None, utc_now()) as ledger:
        tables = ledger.fetch("select table_name from information_schema.tables where table_schema = current_schema()")
        assert len(tables) > 9
        for (name,) in tables:
            rows = str(ledger.fetch(f"select * from {name}"))
            assert "canary" not in rows.lower()
            assert "'c2'" not in rows, name


def test_a_destination_that_is_down_keeps_the_request_open_until_it_is_up(shop, hook):
    shop.build(*people(1, 2))
    send(shop, BOTH)
    hook.faults = [Fault(503)] * 60
    erasures, problems = erase(shop, "r1", "c2")
    assert erasures[0].status == "open"
    assert len(problems) == 1
    assert "503" in problems[0]
    hook.faults = []
    results = send(shop, BOTH)
    assert [result.planned for result in results] == [0, 0]
    assert hook.erased == ["c2"]
    assert read_status(shop.settings())[1][0].status == "done"


def test_while_another_run_has_the_ledger_the_request_is_kept(shop, hook):
    shop.build(*people(1, 2))
    send(shop, BOTH)
    settings = shop.settings()
    with open_ledger(settings, None, utc_now(), settings.syncs[:1]):
        erasures, problems = erase(shop, "r1", "c2")
    assert erasures == []
    assert "kept" in problems[0]
    send(shop, BOTH)
    assert hook.erased == ["c2"]


def test_asked_for_during_a_run_the_next_batch_leaves_her_out(shop, hook):
    shop.rows_per_batch = 1
    shop.build(*people(1, 2, 3))
    settings = shop.settings()

    def ask(name: str, rows: int, planned: int) -> None:
        keep_request(ledger_path(settings), Request("r1", "2026-03-01 00:00:00", email="canary3@example.com"))

    [result] = send(shop, progress=ask)
    assert (result.acknowledged, result.rejected, result.codes) == (2, 1, {"erased": 1})
    assert set(hook.people["loyal"]) == {"c1", "c2"}


def in_file(shop: Shop) -> list[str]:
    return [row["customer_id"] for row in csv.DictReader((shop.folder / "out" / "loyal.csv").open(encoding="utf-8"))]


def test_asked_for_before_a_file_is_written_it_leaves_them_out(shop, hook):
    shop.build(*people(1, 2, 3))
    send(shop, BOTH)
    # Both who was in it before and who is new.
    shop.build(*people(1, 2, 3, 4, 5))
    asked = Request("r1", "2026-03-01 00:00:00", ("c3",), email="canary4@example.com")
    inbox_of = ledger_path(shop.settings())
    [_, result] = send(shop, BOTH, ended=lambda _: keep_request(inbox_of, asked))
    assert in_file(shop) == ["c1", "c2", "c5"]
    assert (result.planned, result.acknowledged, result.rejected, result.codes) == (2, 1, 1, {"erased": 1})
    assert read_status(shop.settings())[0][1].acknowledged == 3
    assert [one.planned for one in send(shop, BOTH)] == [0, 0]
    assert (in_file(shop), sorted(hook.erased)) == (["c1", "c2", "c5"], ["c3", "c4"])
    assert read_status(shop.settings())[1][0].status == "done"


@pytest.mark.parametrize("step", ["before it is renamed", "before the ledger knows"])
@pytest.mark.parametrize("is_first", [True, False])
def test_who_is_in_a_file_that_the_ledger_does_not_know_of_is_erased(shop, hook, monkeypatch, step, is_first):
    folder = slice(1, 2)
    if not is_first:
        shop.build(*people(1))
        send(shop, folder)
    shop.build(*people(1, 2, 3))
    write = FilesDestination.write

    def dies(*words):
        if step == "before the ledger knows":
            write(*words)
        else:
            (shop.folder / "out").mkdir(exist_ok=True)
            (shop.folder / "out" / ".loyal.csv.unfinished").write_text("customer_id,email\nc3,canary3@example.com\n")
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(FilesDestination, "write", dies)
        with pytest.raises(CrashError):
            send(shop, folder)
    assert read_status(shop.settings())[0][1].acknowledged == int(not is_first)
    erasures, problems = erase(shop, "r1", "c3")
    assert ([(one.status, len(one.targets)) for one in erasures], problems) == ([("done", 1)], [])
    assert not [path for path in (shop.folder / "out").iterdir() if "c3" in path.read_text()]
    [result] = send(shop, folder)
    assert (result.planned, result.acknowledged, result.is_done) == (1 + is_first, 1 + is_first, True)
    assert in_file(shop) == ["c1", "c2"]
    [result] = send(shop, folder)
    assert (result.planned, result.requests, result.is_done) == (0, 0, True)


def test_a_batch_of_unknown_fate_is_not_sent_again_with_somebody_who_withdrew(shop, hook):
    shop.build(*people(1, 2))
    hook.faults = [Fault(503, is_taken_in=True)] * 60
    [result] = send(shop)
    assert (result.pending, set(hook.people["loyal"])) == (2, {"c1", "c2"})
    hook.faults, taken = [], len(hook.requests)
    shop.build(*people(1), *people(2, has_consent=False))
    [result] = send(shop, force=True)
    assert result.is_done
    assert set(hook.people["loyal"]) == {"c1"}
    assert [(operation, rows) for _, operation, rows in hook.requests[taken:]] == [("remove", 1), ("upsert", 1)]


def test_a_batch_of_unknown_fate_with_somebody_who_is_erased_is_abandoned(shop, hook):
    shop.build(*people(1, 2))
    hook.faults = [Fault(503, is_taken_in=True)] * 60
    send(shop)
    hook.faults = []
    erasures, problems = erase(shop, "r1", "c2")
    assert (problems, erasures[0].status) == ([], "done")
    send(shop)
    assert set(hook.people["loyal"]) == {"c1"}


def test_consent_is_asked_again_as_each_row_is_read(shop, hook, monkeypatch):
    shop.build(*people(1, 2))
    from regulars.publish import run

    guards = run._note_plan

    def withdraw(plan, sync):
        guards(plan, sync)
        # What a warehouse that others write to might do between plan and send.
        monkeypatch.setattr("regulars.publish.source.PROPERTIES", "later_segments")

    monkeypatch.setattr(run, "_note_plan", withdraw)
    open_before = run.open_ledger

    @contextmanager
    def with_later(*words):
        with open_before(*words) as ledger:
            ledger.planning.execute(
                "create temp view later_segments as select * replace (customer_id <> 'c2' as has_email_consent)"
                " from shop.marts.customer_segments"
            )
            yield ledger

    monkeypatch.setattr(run, "open_ledger", with_later)
    [result] = send(shop)
    assert (result.acknowledged, result.codes) == (1, {"consent_withdrawn": 1})
    assert set(hook.people["loyal"]) == {"c1"}


def test_a_request_id_is_for_one_person(shop, hook):
    shop.build(*people(1, 2))
    keep_request(ledger_path(shop.settings()), Request("r1", "2026-03-01 00:00:00", ("c1",)))
    with pytest.raises(PublishRefusedError, match="for somebody else"):
        erase(shop, "r1", "c2")


def test_a_destination_that_is_not_named_any_more_is_said(shop, hook):
    shop.build(*people(1))
    send(shop, BOTH)
    path = shop.folder / "publish.yml"
    settings = shop.settings()
    kept = path.read_text().replace("object", "object")
    said = [line for line in kept.splitlines() if "destination: folder" not in line]
    path.write_text("\n".join(said))
    from regulars.publish.settings import load_settings

    settings = load_settings(path)
    erasures, problems = ask_to_erase(settings, shop.warehouse, request_id="r1", customer_ids=("c1",), client=client())
    assert erasures[0].status == "open"
    assert "publish.yml names files:out/loyal no more" in problems[0]


def test_the_verb(shop, hook):
    shop.build(*people(1, 2))
    send(shop, BOTH)
    words = ["publish", "erase", "--settings", str(shop.folder / "publish.yml"), "--database", str(shop.warehouse)]
    done = CliRunner().invoke(app, [*words, "--customer", "c1", "--request", "case-7", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["erasures"][0]["request_id"], said["erasures"][0]["status"]) == ("case-7", "done")
    again = CliRunner().invoke(app, words)
    assert (again.exit_code, again.stdout) == (0, "no request is open\n")
    status = CliRunner().invoke(app, ["publish", "status", *words[2:4]])
    assert "erasure case-7 of" in status.stdout
    assert hashlib.sha256(b"c1").hexdigest() not in status.stdout
