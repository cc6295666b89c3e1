"""The ledger in PostgreSQL: what several workers do to each other, and what becomes of it without its server."""

import json
import os
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish.erasure import Request, inbox, keep_request
from regulars.publish.errors import LedgerError, LockedError, PublishRefusedError
from regulars.publish.fakes.listening import Fault
from regulars.publish.ledger import BatchRow, spool_path, table_of
from regulars.publish.postgres_ledger import connected, opened_postgres, translated
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, open_ledger, utc_now
from regulars.publish.status import read_status

from .kills import runs_until_told
from .postgres_server import PASSWORD_NEEDED, breaking_line
from .shop import SECRET, Shop, client, people, send, wait_until_let_go

ODD = 'o\'hara, "quoted"\nsecond line \\ %s %(name)s søren 정'


@pytest.fixture
def shop(tmp_path, hook, monkeypatch, database):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "one").mkdir()
    return Shop(tmp_path / "one", hook.url, ledger_url=database, rows_per_batch=1)


def elsewhere(shop: Shop) -> Shop:
    """The same shop on another machine."""
    folder = shop.folder.with_name("two")
    folder.mkdir()
    return Shop(folder, shop.url, ledger_url=shop.ledger_url, rows_per_batch=shop.rows_per_batch)


@dataclass
class Worker:
    """Another process that runs a sync, and waits after its first batch until it is told to go on."""

    process: ForkServerProcess
    line: Connection

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def go_on(self) -> str:
        """Let it end; the last it says."""
        said = "under way"
        while said == "under way":
            self.line.send("go on")
            assert self.line.poll(60)
            said = self.line.recv()
        return said


@contextmanager
def worker(forks: ForkServerContext, shop: Shop, sync: int = 0):
    shop.settings()
    line, theirs = forks.Pipe()
    process = forks.Process(target=runs_until_told, args=(str(shop.folder), {"HOOK_SECRET": SECRET}, sync, theirs))
    process.start()
    theirs.close()
    with line:
        other = Worker(process, line)
        try:
            assert line.recv() == "under way"
            yield other
        finally:
            other.kill()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select $name, '$name', \"$name\"", "select %(name)s, '$name', \"$name\""),
        ("select '100 %', 5 % 2, $n", "select '100 %%', 5 %% 2, %(n)s"),
        ("select $names::varchar[]", "select %(names)s::varchar[]"),
        ("select 'it''s $x' || $x", "select 'it''s $x' || %(x)s"),
    ],
)
def test_statements_are_translated_with_care(statement, expected):
    assert translated(statement) == expected.encode()


def test_values_come_back_as_they_went_in(tmp_path, database):
    end, now = datetime(9999, 12, 31), datetime(2026, 3, 1, 12, 30, 0, 250_000)
    with opened_postgres(database, tmp_path / "ledger") as ledger:
        assert ledger.fetch("select $a, '$a %', cast($b as integer) % 4", a=ODD, b=7) == [(ODD, "$a %", 3)]
        rows = [BatchRow(ODD, "", "sent", "a,b", True), BatchRow("c2", "h", "", "", False)]
        ledger.add_rows("batch", "mapping", table_of(rows))
        assert ledger.fetch("select * from sync_batch_row order by row_number") == [
            ("batch", 0, ODD, "", "mapping", "sent", "a,b"), ("batch", 1, "c2", "h", "mapping", "", "")
        ]  # fmt: skip
        for sync in ("mine", "it's another"):
            ledger.execute(
                "insert into sync_state values ($sync, $customer, '', 'm', null, $odd, '', $now, null)",
                sync=sync, customer=f"{ODD} {sync}", odd=ODD, now=now,
            )  # fmt: skip
            ledger.execute(
                "insert into sync_reject values ($sync, 'c1', 'upsert', 'h', 'code', '', 8, $now, $now, $end)",
                sync=sync, now=now, end=end,
            )  # fmt: skip
        ledger.execute("insert into sync_batch (batch_id, sync_id, status) values ('batch', 'mine', 'accepted')")
        ledger.execute("insert into tombstone values ('key', 'r1'), ('key', 'r2')")
        for sync in ("mine", "it's another"):
            ledger.show_to_planner(sync)
            seen = ledger.planning.execute("select * from ledger_state").fetchall()
            assert seen == [(f"{ODD} {sync}", "", "m", None, ODD, "", now, None)]
            seen = ledger.planning.execute("select * from ledger_reject").fetchall()
            assert seen == [("c1", "upsert", "h", "code", "", 8, now, now, end)]
            seen = ledger.planning.execute("select customer_id from ledger_flight order by 1").fetchall()
            assert seen == ([("c2",), (ODD,)] if sync == "mine" else [])
            assert ledger.planning.execute("from ledger_tombstone").fetchall() == [("key",)]
        ledger.planning.execute(
            "create temp table wanted as select $odd as customer_id, 'h' as source_hash", {"odd": ODD}
        )
        for _ in range(2):
            ledger.know_wanted()
            assert ledger.fetch("select * from wanted") == [(ODD, "h")]
    assert list(tmp_path.glob("ledger.planner*")) == []


def test_the_locks_are_free_before_the_connection_is_closed(tmp_path, database, monkeypatch):
    """The server notices only later that a connection was closed: whoever came right after was refused."""
    close, held = psycopg.Connection.close, []
    query = (
        "select objid from pg_locks where locktype = 'advisory'"
        " and database = (select oid from pg_database where datname = current_database())"
    )

    def closing(connection):
        other = psycopg.connect(database)
        held.extend(other.execute(query).fetchall())
        close(other)
        close(connection)

    with opened_postgres(database, tmp_path / "ledger") as ledger:
        ledger.hold(["mine", "another"], utc_now())
        monkeypatch.setattr(psycopg.Connection, "close", closing)
    monkeypatch.undo()
    assert held == []


def test_a_lock_that_is_free_in_a_moment_is_waited_for(tmp_path, database):
    waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"

    def letting_go(held):
        with psycopg.connect(database, autocommit=True) as other:
            while not other.execute(waiting).fetchall():
                pass
        held.let_go()

    with opened_postgres(database, tmp_path / "one") as held, opened_postgres(database, tmp_path / "two") as ledger:
        held.hold(["mine"], utc_now())
        other = threading.Thread(target=letting_go, args=[held], daemon=True)
        other.start()
        ledger.hold(["mine"], utc_now())
        other.join()


def test_all_or_nothing(tmp_path, database):
    def half(ledger, then: str) -> None:
        with ledger.transaction():
            ledger.execute("insert into tombstone values ('key', 'r1')")
            ledger.execute(then)

    with opened_postgres(database, tmp_path / "ledger") as ledger:
        with pytest.raises(LedgerError, match="SQLSTATE 42P01"):
            half(ledger, "insert into nowhere values (1)")
        assert ledger.fetch("select * from tombstone") == []
        half(ledger, "insert into tombstone values ('key', 'r2')")
        assert len(ledger.fetch("select * from tombstone")) == 2


def test_workers_that_begin_at_once_make_the_tables_once(database):
    problems = []

    def begin() -> None:
        try:
            with connected(database):
                pass
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with connected(database) as connection:
        assert connection.execute("select version from ledger_version").fetchall() == [(1,)]


def test_two_workers_on_two_syncs_at_once_and_the_same_one_says_who(shop, hook, forks):
    shop.build(*people(1, 2, 3))
    with worker(forks, shop) as other:
        host = os.uname().nodename
        with pytest.raises(
            LockedError, match=rf"process {other.pid} on {host} since .* UTC publishes webhook:.*/loyal"
        ):
            send(shop)
        with pytest.raises(LockedError, match="webhook:"):
            send(shop, slice(0, 2))
        [result] = send(shop, slice(1, 2))
        assert result.is_done
        [status, _] = read_status(shop.settings())[0]
        assert status.acknowledged == 1
        [plan] = make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs[:1]))
        assert (plan.add, plan.keep) == (2, 1)
        assert (
            CliRunner().invoke(app, ["publish", "status", "--settings", str(shop.folder / "publish.yml")]).exit_code
            == 0
        )
        # The batch under way, whose bytes were still needed, was swept up by nobody.
        assert other.go_on() == "done"
    assert set(hook.people["loyal"]) == {"c1", "c2", "c3"}


def test_who_gets_not_all_of_what_it_wants_keeps_nothing(shop):
    settings = shop.settings()
    webhook, files = (settings.sync_id(sync) for sync in settings.syncs)
    with open_ledger(settings, None, utc_now(), settings.syncs[:1]), open_ledger(settings, None, utc_now()) as ledger:
        with pytest.raises(LockedError, match="webhook:"):
            ledger.hold([webhook, files], utc_now())
        with open_ledger(settings, None, utc_now(), settings.syncs[1:]):
            pass


def test_a_killed_worker_lets_go_and_its_batch_is_replayed(shop, hook, forks):
    shop.build(*people(1, 2, 3))
    with worker(forks, shop) as other:
        other.kill()
        wait_until_let_go(shop.ledger_url, shop.settings().sync_id(shop.settings().syncs[0]))
        [result] = send(shop)
    assert (result.is_done, result.acknowledged) == (True, 2)
    assert set(hook.people["loyal"]) == {"c1", "c2", "c3"}
    [_, run] = [status for (status,) in _fetch(shop, "select status from sync_run order by started_at desc")]
    assert run == "killed"
    assert list(spool_path(ledger_path(shop.settings()), "x").parent.glob("*")) == []


def _fetch(shop: Shop, query: str) -> list[tuple]:
    with open_ledger(shop.settings(), None, utc_now()) as ledger:
        return ledger.fetch(query)


def test_what_another_machine_left_behind_is_abandoned_and_heals(shop, hook):
    shop.rows_per_batch = 4
    shop.build(*people(1, 2, 3))
    hook.faults = [Fault(503, is_taken_in=True)] * 60
    [result] = send(shop)
    assert (result.pending, set(hook.people["loyal"])) == (3, {"c1", "c2", "c3"})
    hook.faults = []
    there = elsewhere(shop)
    there.build(*people(1), *people(2, tier="silver"), *people(3, has_consent=False))
    [result] = send(there)
    assert (result.is_done, result.replayed) == (True, 0)
    assert {name: row["properties"]["rfm_tier"] for name, row in hook.people["loyal"].items()} == {
        "c1": "gold", "c2": "silver"
    }  # fmt: skip
    # And what lies on the first one's disk goes with its next run, unsent.
    shop.build(*people(1), *people(2, tier="silver"), *people(3, has_consent=False))
    requests = len(hook.requests)
    [result] = send(shop)
    assert (result.planned, len(hook.requests)) == (0, requests)
    assert list(spool_path(ledger_path(shop.settings()), "x").parent.glob("*")) == []


def test_nobody_sweeps_while_another_runs(shop):
    shop.build(*people(1, 2))
    bytes_of_another = spool_path(ledger_path(shop.settings()), "just-written")
    bytes_of_another.parent.mkdir()
    bytes_of_another.write_bytes(b"")
    settings = shop.settings()
    with open_ledger(settings, None, utc_now(), settings.syncs[1:]):
        send(shop)
        assert bytes_of_another.exists()
    send(shop)
    assert not bytes_of_another.exists()


def test_erasing_waits_for_other_workers_and_reaches_what_they_sent_meanwhile(shop, hook, forks):
    there = elsewhere(shop)
    shop.build(*people(1, 2))
    there.build(*people(1, 2))
    settings = there.settings()
    send(there, slice(1, 2))
    with worker(forks, shop) as other:
        # It has sent c1 and not c2 yet, and cannot know of a request at another machine.
        erasures, problems = ask_to_erase(
            settings, there.warehouse, request_id="r1", customer_ids=("c2",), client=client()
        )
        assert erasures == []
        assert f"process {other.pid}" in problems[0]
        [left] = send(there, slice(1, 2)).erasures_left
        assert "another worker runs" in left
        assert other.go_on() == "done"
    assert set(hook.people["loyal"]) == {"c1", "c2"}
    erasures, problems = ask_to_erase(settings, there.warehouse, request_id="r1", customer_ids=("c2",), client=client())
    assert (problems, hook.erased) == ([], ["c2"])
    assert [(row.status, sorted(row.targets.values())) for row in erasures] == [("done", ["done", "done"])]
    assert list(inbox(ledger_path(settings)).glob("*")) == []
    # The tombstone holds at every machine.
    [result] = send(shop)
    assert result.planned == 0
    assert set(hook.people["loyal"]) == {"c1"}


def test_who_begins_while_somebody_erases_waits_for_a_while(shop, monkeypatch):
    monkeypatch.setattr(
        "regulars.publish.postgres_ledger.SESSION", "set search_path = regulars_publish; set lock_timeout = '50ms'"
    )
    settings = shop.settings()
    with open_ledger(settings, None, utc_now()) as ledger, ledger.alone() as is_alone:
        assert is_alone
        with (
            pytest.raises(LockedError, match="erases people"),
            open_ledger(settings, None, utc_now(), settings.syncs[:1]),
        ):
            pass
    with open_ledger(settings, None, utc_now(), settings.syncs[:1]):
        pass


def test_a_server_that_is_not_there(shop, tmp_path):
    shop.build(*people(1))
    shop.ledger_url = f"postgresql://postgres:hunter2@/postgres?host={tmp_path}"
    with pytest.raises(PublishRefusedError, match="cannot be opened: nobody answers at this address") as caught:
        send(shop)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("is_delivered", [False, True])
@pytest.mark.parametrize("at", [b"insert into sync_batch ", b"insert into sync_state", b"COMMIT", b"update sync_run"])
def test_a_line_that_breaks_in_mid_run_ends_it_with_a_sentence_and_a_rerun_heals(
    shop, hook, postgres, at, is_delivered
):
    shop.build(*people(1, 2, 3))
    whole = shop.ledger_url
    name = whole.split("@/")[1].split("?")[0]
    with connected(whole):
        pass
    with breaking_line(postgres, at, is_delivered=is_delivered) as url:
        shop.ledger_url = url.removesuffix("postgres") + name
        with pytest.raises(LedgerError, match=r"connection to the ledger in PostgreSQL is lost.* run it again"):
            send(shop)
    shop.ledger_url = whole
    wait_until_let_go(shop.ledger_url, shop.settings().sync_id(shop.settings().syncs[0]))
    [result] = send(shop)
    assert result.is_done
    assert set(hook.people["loyal"]) == {"c1", "c2", "c3"}
    [again] = send(shop)
    assert again.planned == 0


def test_a_connection_that_somebody_ends(shop, hook):
    shop.build(*people(1, 2, 3))

    def end(_: str, rows: int, __: int) -> None:
        if rows == 0:
            return
        with psycopg.connect(shop.ledger_url, autocommit=True) as session:
            session.execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

    with pytest.raises(LedgerError, match="lost, as the server was shut down or somebody ended it"):
        send(shop, progress=end)
    [result] = send(shop)
    assert result.is_done
    assert set(hook.people["loyal"]) == {"c1", "c2", "c3"}


def test_a_wrong_password_is_not_repeated(shop, postgres):
    shop.build(*people(1))
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        session.execute(f"drop role if exists {PASSWORD_NEEDED}")
        session.execute(f"create role {PASSWORD_NEEDED} login password 'right'")
    shop.ledger_url = postgres.url(PASSWORD_NEEDED, "hunter2")
    with pytest.raises(PublishRefusedError, match="lets nobody in") as caught:
        send(shop)
    said = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in said
    assert "secret that `ledger` names" in str(caught.value)
    shop.ledger_url = "mysql://me:hunter2@host/db"
    with pytest.raises(PublishRefusedError, match="not like postgresql://") as caught:
        send(shop)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_who_may_not_make_tables_is_told(shop, postgres):
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        session.execute("drop role if exists guest")
        session.execute("create role guest login")
    with (
        pytest.raises(PublishRefusedError, match="needs CREATE on the database"),
        connected(shop.ledger_url.replace("postgres@", "guest@")),
    ):
        pass


def test_another_version_is_refused(shop, hook):
    shop.build(*people(1))
    send(shop)
    with psycopg.connect(shop.ledger_url, autocommit=True) as session:
        session.execute("update regulars_publish.ledger_version set version = 7")
    with pytest.raises(PublishRefusedError, match="version 7, this Regulars knows version 1"):
        send(shop)


def test_the_key_must_be_said_and_the_same_everywhere(shop, hook, monkeypatch):
    shop.build(*people(1))
    send(shop)
    settings = shop.settings()
    path = shop.folder / "publish.yml"
    path.write_text(path.read_text().replace("key_secret: {env: HOOK_SECRET}\n", ""))
    said = CliRunner().invoke(
        app, ["publish", "plan", "--settings", str(path), "--database", str(shop.warehouse)], catch_exceptions=True
    )
    assert said.exit_code != 0
    assert "key_secret" in str(said.exception) + said.output
    monkeypatch.setenv("HOOK_SECRET", "another secret of workers")
    with pytest.raises(PublishRefusedError, match="another than the ledger was begun with"):
        make_plans(settings, shop.warehouse, list(settings.syncs))


def test_a_pooler_or_another_encoding_is_refused(postgres, database, monkeypatch):
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        session.execute("drop database if exists latin")
        session.execute("create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
    with pytest.raises(PublishRefusedError, match="UTF8"), connected(postgres.url(database="latin")):
        pass
    # As a pooler does, which makes up a number of its own.
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    with pytest.raises(PublishRefusedError, match="pooler"), connected(database):
        pass


@pytest.mark.parametrize(
    "statement",
    ["insert into sync_run (run_id) select 'canary' from generate_series(1, 2)", "select 'canary'::integer"],
)
def test_what_the_server_says_of_rows_is_not_passed_on(tmp_path, database, statement):
    with opened_postgres(database, tmp_path / "ledger") as ledger:
        with pytest.raises(LedgerError) as caught:
            ledger.execute(statement)
        assert "canary" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_the_verbs(shop, hook):
    hook.refuse = lambda row: "no"
    shop.build(*people(1, 2))
    send(shop)
    words = ["--settings", str(shop.folder / "publish.yml")]
    assert "rejected with no: 2" in CliRunner().invoke(app, ["publish", "status", *words]).stdout
    assert CliRunner().invoke(app, ["publish", "retry", *words]).stdout.startswith("2 rejected rows")
    hook.refuse = lambda row: ""
    done = CliRunner().invoke(
        app, ["publish", "apply", *words, "--database", str(shop.warehouse), "--only", "hook/loyal", "--json"]
    )
    assert json.loads(done.stdout)["syncs"][0]["acknowledged"] == 2
    erase = ["publish", "erase", *words, "--database", str(shop.warehouse), "--customer", "c1", "--request", "r1"]
    done = CliRunner().invoke(app, erase)
    assert (done.exit_code, hook.erased) == (0, ["c1"])
    keep_request(ledger_path(shop.settings()), Request("r2", "2026-03-01 00:00:00", ("c2",)))
    assert CliRunner().invoke(app, ["publish", "erase", *words, "--database", str(shop.warehouse)]).exit_code == 0
    assert hook.erased == ["c1", "c2"]
    assert Path(ledger_path(shop.settings())).name == "publish_ledger"
