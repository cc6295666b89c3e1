"""Kill −9 at every few statements that the ledger sees, then run again: the destination equals the source."""

import copy
import shutil

import psycopg
import pytest

from regulars.publish.ledger import spool_path
from regulars.publish.run import ledger_path
from regulars.publish.status import read_status

from .kills import runs_until_statement
from .postgres_server import Server
from .shop import SECRET, Person, Shop, send, wait_until_let_go

ONLY = (slice(0, 1), slice(1, 2))


def copied(postgres: Server, ledger_url: str, number: int) -> str:
    """A database like that of a ledger that nobody is connected to."""
    name = psycopg.conninfo.conninfo_to_dict(ledger_url)["dbname"]
    with psycopg.connect(postgres.url(), autocommit=True) as session:
        session.execute(f"create database {name}_{number} template {name}")
    return postgres.url(database=f"{name}_{number}")


@pytest.mark.parametrize("sync", range(2))
def test_killed_anywhere_a_rerun_heals(tmp_path, monkeypatch, hook, sync, request, ledger_url, forks):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "first").mkdir()
    shop = Shop(tmp_path / "first", hook.url, ledger_url=ledger_url)
    before = [Person(f"c{number}") for number in range(4)]
    after = [Person("c1"), Person("c2", tier="silver"), Person("c3"), Person("c7"), Person("c8"), Person("c9")]
    shop.build(*before)
    send(shop, ONLY[sync])
    saved = copy.deepcopy((hook.people, hook.seen))
    shop.build(*after)
    wholes = 0
    for number, last in enumerate(range(8, 200, 7 if ledger_url else 3)):
        hook.people, hook.seen = copy.deepcopy(saved)
        again = Shop(tmp_path / f"{number}", hook.url)
        shutil.copytree(shop.folder, again.folder)
        if ledger_url:
            again.ledger_url = copied(request.getfixturevalue("postgres"), ledger_url, number)
        settings = again.settings()
        child = forks.Process(
            target=runs_until_statement, args=(str(again.folder), {"HOOK_SECRET": SECRET}, last, sync)
        )
        child.start()
        child.join(60)
        assert child.exitcode in (-9, 0), (last, child.exitcode)
        wanted = settings.syncs[sync]
        if ledger_url:
            wait_until_let_go(again.ledger_url, settings.sync_id(wanted))
        [result] = send(again, ONLY[sync])
        assert result.is_done, last
        if sync == 0:
            assert {name: person["properties"]["rfm_tier"] for name, person in hook.people["loyal"].items()} == {
                person.customer_id: person.tier for person in after
            }
        else:
            lines = (again.folder / "out" / "loyal.csv").read_text().splitlines()[1:]
            assert lines == [f"{person.customer_id},{person.email},{person.tier}" for person in after]
        [status] = [row for row in read_status(settings)[0] if row.name.startswith(wanted.destination)]
        assert (status.acknowledged, status.on_its_way) == (len(after), 0)
        assert list(spool_path(ledger_path(settings), "x").parent.glob("*.body")) == []
        [nothing] = send(again, ONLY[sync])
        assert (nothing.planned, nothing.requests) == (0, 0)
        if child.exitcode == 0:
            wholes += 1
            break
    assert wholes == 1
    assert number > (2 if ledger_url else 5)
