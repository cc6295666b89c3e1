"""Webhook and files, end to end against a receiver that remembers."""

import json

import duckdb
import pytest

from regulars.publish.errors import LockedError, MovedError
from regulars.publish.fakes.listening import Fault
from regulars.publish.run import make_plans, open_ledger, run_syncs, utc_now
from regulars.publish.settings import load_settings
from regulars.publish.status import read_status

from .shop import Person, client, send


def people(*numbers: int, **more) -> list[Person]:
    return [Person(f"c{number:04d}", **more) for number in numbers]


def test_first_run_sends_everybody_and_the_next_one_nobody(shop, hook):
    shop.build(*people(*range(7)))
    [result] = send(shop)
    assert (result.planned, result.acknowledged, result.requests, result.is_done) == (7, 7, 3, True)
    assert set(hook.people["loyal"]) == {f"c{number:04d}" for number in range(7)}
    assert hook.people["loyal"]["c0000"] == {
        "identifiers": {"email": "canary.mail@example.com"},
        "properties": {"net_revenue_amount": "12.5000", "rfm_tier": "gold"},
    }
    [again] = send(shop)
    assert (again.planned, again.requests, len(hook.requests)) == (0, 0, 3)


def test_only_what_changed_is_sent_removals_first(shop, hook):
    shop.build(*people(*range(5)))
    send(shop)
    hook.requests.clear()
    shop.build(*people(1, 2, 3), Person("c0004", tier="silver"), Person("c0009"))
    [result] = send(shop)
    assert (result.planned, result.acknowledged) == (3, 3)
    assert [(operation, rows) for _, operation, rows in hook.requests] == [("remove", 1), ("upsert", 2)]
    assert set(hook.people["loyal"]) == {"c0001", "c0002", "c0003", "c0004", "c0009"}
    assert hook.people["loyal"]["c0004"]["properties"]["rfm_tier"] == "silver"


@pytest.mark.parametrize("consent", [False, None])
def test_without_consent_nobody_is_sent_and_revoking_it_removes(shop, hook, consent):
    shop.build(*people(1, 2))
    send(shop)
    shop.build(Person("c0001"), Person("c0002", has_consent=consent), Person("c0003", has_consent=consent))
    [plan] = make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs[:1]))
    assert (plan.add, plan.remove, plan.no_consent) == (0, 1, 2)
    send(shop)
    assert set(hook.people["loyal"]) == {"c0001"}


def test_who_is_held_back_is_not_sent(shop, hook):
    shop.build(Person("c0001"), Person("c0002", arm="control"), Person("c0003", arm="held_out"))
    send(shop)
    assert set(hook.people["loyal"]) == {"c0001"}


def test_an_answer_that_is_lost_after_the_receiver_took_it_in_is_asked_for_again_with_the_same_bytes(shop, hook):
    shop.build(*people(1, 2))
    hook.faults = [Fault(is_taken_in=True, closes=True)]
    [result] = send(shop)
    assert result.is_done
    assert len(hook.requests) == 2
    assert len(hook.seen) == 1


def test_what_stays_unknown_is_replayed_first_with_its_key(shop, hook):
    shop.build(*people(*range(4)))
    hook.faults = [Fault(503, is_taken_in=True)] * 40
    [result] = send(shop)
    assert (result.acknowledged, result.pending, result.is_done) == (0, 4, False)
    assert "503" in result.message
    hook.faults = []
    shop.build(*people(0, 1), *people(2, 3, audiences=("lost",)))
    [result] = send(shop, force=True)
    assert result.is_done
    assert result.replayed == 3
    assert set(hook.people["loyal"]) == {"c0000", "c0001"}
    [status] = [row for row in read_status(shop.settings())[0] if row.name == "hook/loyal"]
    assert (status.acknowledged, status.on_its_way) == (2, 0)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"Retry-After": "2"}, 2.0), ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.25), ({}, 0.25)],
)
def test_429_waits_as_long_as_it_is_told(shop, hook, headers, pause):
    shop.build(*people(1))
    hook.faults = [Fault(429, headers)]
    pauses = []
    [result] = send(shop, sleeps=pauses)
    assert result.is_done
    assert pauses == [pause]


def test_single_rows_are_rejected_and_wait_until_they_change_or_are_due(shop, hook):
    hook.refuse = lambda row: "bad_tier" if row.get("properties", {}).get("rfm_tier") == "tin" else ""
    shop.build(*people(1, 2), Person("c0003", tier="tin"))
    [result] = send(shop)
    assert (result.acknowledged, result.rejected, result.is_done) == (2, 1, False)
    [plan] = make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs[:1]))
    assert (plan.add, plan.wait) == (0, 1)
    shop.build(*people(1, 2), Person("c0003", tier="gold"))
    [result] = send(shop)
    assert (result.acknowledged, result.is_done) == (1, True)
    assert read_status(shop.settings())[0][0].rejected == 0


def test_a_request_that_is_too_large_is_halved(shop, hook):
    shop.rows_per_batch = 8
    hook.largest_body = 700
    shop.build(*people(*range(8)))
    [result] = send(shop)
    assert result.is_done
    assert len(hook.people["loyal"]) == 8


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401), "signing_secret"),
        (Fault(404), "check url"),
        (Fault(200, {"Content-Type": "text/html"}, b"<html>Login</html>"), "proxy"),
        (Fault(200, {"Content-Type": "application/json"}, b'{"results": [{"row'), "not what a receiver says"),
    ],
)
def test_what_no_batch_would_survive_stops_with_a_sentence_and_a_rerun_heals(shop, hook, fault, words):
    shop.build(*people(*range(4)))
    hook.faults = [fault]
    [result] = send(shop)
    assert words in result.message
    assert (result.acknowledged, result.pending) == (0, 4)
    [result] = send(shop)
    assert result.is_done
    assert len(hook.people["loyal"]) == 4


def test_guards_stop_an_empty_audience_and_too_many_removals_unless_forced(shop, hook):
    shop.rows_per_batch = 100
    shop.build(*people(*range(150)))
    send(shop)
    shop.build(*people(*range(100)))
    [result] = send(shop)
    assert "max_removal_share" in result.message
    shop.build(Person("c0000", audiences=("lost",)))
    [result] = send(shop)
    assert "nobody is left" in result.message
    assert len(hook.people["loyal"]) == 150
    [result] = send(shop, force=True)
    assert result.is_done
    assert hook.people["loyal"] == {}


@pytest.mark.parametrize("sync", [0, 1])
def test_a_breached_guardrail_adds_nobody_and_still_removes(shop, hook, sync):
    shop.build(*people(1, 2))
    send(shop, syncs=slice(sync, sync + 1))
    shop.build(*people(2, 3))

    def campaign(name: str, day: str, state: str) -> None:
        with duckdb.connect(shop.warehouse) as connection:
            connection.execute(
                "insert into marts.audience_guardrails values ('loyal', ?, ?, .05, .1, .01, .03, .002, .0008, ?)",
                [name, day, state],
            )

    campaign("spring", "2026-02-01", "kept")
    campaign("sale", "2026-02-20", "breached")
    campaign("tiny", "2026-02-25", "not_enough_emails")
    [plan] = make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs[sync : sync + 1]))
    assert (plan.add, plan.remove, plan.keep) == (0, 1, 1)
    [result] = send(shop, syncs=slice(sync, sync + 1))
    assert (result.planned, result.acknowledged, result.is_done) == (1, 1, False)
    assert "campaign sale was opened by 5.00% (at least 10.00%), marked as spam by 0.20%" in result.message

    def there() -> set[str]:
        if sync == 0:
            return {name[-1] for name in hook.people["loyal"]}
        return {line[4] for line in (shop.folder / "out" / "loyal.csv").read_text().splitlines()[1:]}

    assert there() == {"2"}
    [result] = send(shop, syncs=slice(sync, sync + 1), force=True)
    assert (result.is_done, there()) == (True, {"2", "3"})
    shop.build(*people(2, 3, 4))
    campaign("sale", "2026-02-20", "breached")
    campaign("summer", "2026-02-28", "kept")
    [result] = send(shop, syncs=slice(sync, sync + 1))
    assert (result.is_done, there()) == (True, {"2", "3", "4"})


def test_a_plan_is_applied_as_it_was_made_or_not_at_all(shop, hook):
    shop.build(*people(1, 2))
    settings = shop.settings()
    plans = make_plans(settings, shop.warehouse, list(settings.syncs[:1]))
    shop.build(*people(1, 3))
    with pytest.raises(MovedError, match="the plan was made for 2 to add"):
        send(shop, plans=plans)
    assert hook.requests == []
    shop.build(*people(1, 2))
    [result] = send(shop, plans=plans)
    assert result.is_done


def test_two_runs_at_once_say_who_has_it(shop):
    shop.build(*people(1))
    settings = shop.settings()
    with (
        open_ledger(settings, None, utc_now(), settings.syncs[:1]),
        pytest.raises(LockedError, match=r"process [0-9]+ .*since"),
    ):
        send(shop)


def test_files_are_whole_and_unchanged_ones_are_left_alone(shop):
    shop.build(*people(1, 2))
    [result] = send(shop, syncs=slice(1, 2))
    path = shop.folder / "out" / "loyal.csv"
    assert path.read_text().splitlines() == [
        "customer_id,email,rfm_tier", "c0001,canary.mail@example.com,gold", "c0002,canary.mail@example.com,gold"
    ]  # fmt: skip
    manifest = json.loads(path.with_name("loyal.csv.manifest.json").read_text())
    assert (manifest["rows"], manifest["definition_hash"]) == (2, "rule")
    before = path.stat().st_mtime_ns
    [result] = send(shop, syncs=slice(1, 2))
    assert (result.requests, path.stat().st_mtime_ns) == (0, before)
    path.write_text("somebody else wrote here")
    send(shop, syncs=slice(1, 2))
    assert len(path.read_text().splitlines()) == 3


def test_no_personal_data_outside_the_payloads(shop, hook):
    hook.refuse = lambda row: "no"
    shop.build(*people(1, 2))
    send(shop)
    with open_ledger(shop.settings(), None, utc_now()) as ledger:
        tables = ledger.fetch("select table_name from information_schema.tables where table_schema = current_schema()")
        assert len(tables) > 9
        for (name,) in tables:
            assert "canary" not in str(ledger.fetch(f"select * from {name}")).lower()
    left = [path for path in shop.folder.rglob("*") if path.is_file() and path.name not in {"shop.duckdb"}]
    assert left
    for path in left:
        assert b"canary" not in path.read_bytes().lower(), path


def test_a_request_with_all_that_stands_around_its_rows_is_no_larger_than_is_said(shop, hook):
    shop.build(*people(*range(40)))
    said = shop.settings()
    path = shop.folder / "publish.yml"
    text = path.read_text().replace("rows_per_batch: 3", "rows_per_batch: 100\n    bytes_per_batch: 1000")
    path.write_text(text.replace("purpose: email,", f"object: {'a_long_name_' * 10}, purpose: email,"))
    said = load_settings(path)
    [result] = run_syncs(said, shop.warehouse, list(said.syncs[:1]), client=client())
    assert (result.acknowledged, result.is_done) == (40, True)
    assert 900 < max(map(len, hook.seen.values())) <= 1000
