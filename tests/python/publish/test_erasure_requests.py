"""What whoever asks for an erasure is told, and whom a request means: refused, found, kept, or nobody at all."""

import json

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish import run
from regulars.publish.erasure import MOST_ALIKE, Request, inbox, keep_request
from regulars.publish.errors import PublishRefusedError
from regulars.publish.fakes.webhook import Fault
from regulars.publish.ledger import locked
from regulars.publish.run import Applied, ask_to_erase, ledger_path, make_plans, run_syncs, utc_now
from regulars.publish.status import read_status

from .world import Clock, Customer, World, people, sha256

KLAVIYO_NAMES = (("email", "email"), ("phone_number", "phone"))


def new(tmp_path, fakes, *places: str, people) -> World:
    """A world that has been sent."""
    fakes.reset()
    world = World(tmp_path, fakes, places, people)
    world.build()
    for _ in range(2):
        send(world)
    return world


def send(world: World, **more) -> Applied:
    said = world.settings()
    return run_syncs(said, world.warehouse, list(said.syncs), now=world.now, client=Clock().client(), **more)


def erase(world: World, request_id: str, *customer_ids: str, **more):
    return ask_to_erase(
        world.settings(), world.warehouse, request_id=request_id, customer_ids=customer_ids, now=world.now,
        client=Clock().client(), **more
    )  # fmt: skip


def asked(world: World, *words: str):
    said = ["--settings", str(world.folder / "publish.yml"), "--database", str(world.warehouse)]
    return CliRunner().invoke(app, ["publish", *words, *said])


def rows(world: World, query: str) -> list[tuple]:
    with duckdb.connect(ledger_path(world.settings())) as connection:
        return connection.execute(query).fetchall()


def there(world: World) -> set[str]:
    return set(world.fakes.webhook.people.get("loyal", {}))


# Which requests are refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["2026/17", "../r1", ".r1", "r 1", "r1\n", "x" * 101])
def test_an_id_that_is_no_name_of_a_file_is_refused_and_nothing_is_kept(tmp_path, fakes, request_id):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    done = asked(world, "erase", "--customer", "c1", "--request", request_id)
    assert done.exit_code != 0
    assert "at most 100 letters and digits" in str(done.exception) + done.output
    assert list(tmp_path.rglob("*.json")) == []
    assert fakes.webhook.erased == []


@pytest.mark.parametrize("request_id", ["2026-17", "a.b_C-9", "x" * 100])
def test_an_id_that_is_one_is_taken(tmp_path, fakes, request_id):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    [erased], problems = erase(world, request_id, "c1")
    assert (erased.request_id, erased.status, problems, fakes.webhook.erased) == (request_id, "done", [], ["c1"])


def test_the_id_of_a_request_that_is_done_is_refused(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2, 3))
    erase(world, "r1", "c1")
    with pytest.raises(PublishRefusedError, match="the request r1 is done; give another id"):
        erase(world, "r1", "c2")
    assert list(inbox(ledger_path(world.settings())).glob("*")) == []
    assert fakes.webhook.erased == ["c1"]
    erase(world, "r2", "c2")
    send(world)
    assert there(world) == {"c3"}


def test_the_id_of_a_request_that_is_done_given_while_the_ledger_is_locked_loses_nobody(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2, 3))
    erase(world, "r1", "c1")
    with locked(ledger_path(world.settings()), utc_now()):
        erasures, problems = erase(world, "r1", "c2")
    assert erasures == []
    assert "the request r1 is kept" in problems[0]
    assert send(world).erasures_left == []
    send(world)
    assert (fakes.webhook.erased, there(world)) == (["c1", "c2"], {"c3"})
    assert [row.status for row in read_status(world.settings())[1]] == ["done", "done"]


def test_asked_again_while_it_is_open_is_the_same_request(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    fakes.webhook.faults = [Fault(503)] * 60
    assert erase(world, "r1", email="p1@example.com")[0][0].status == "open"
    fakes.webhook.faults = []
    [erased], problems = erase(world, "r1", email="P1@Example.com")
    assert (erased.status, problems, fakes.webhook.erased) == ("done", [], ["c1"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--email", "notanemail"], "no e-mail address"),
        (["--phone", "0045 20776651"], "with a +"),
        (["--phone", "20776651"], "with a +"),
        (["--customer", " "], "a customer id is empty"),
        (["--request", "r1"], "say who is to be erased"),
    ],
)
def test_what_names_nobody_is_refused(tmp_path, fakes, words, sentence):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    done = asked(world, "erase", *words)
    assert done.exit_code != 0
    assert sentence in str(done.exception) + done.output
    assert not inbox(ledger_path(world.settings())).exists()


# Who is meant -------------------------------------------------------------------------------------------------


def test_the_other_customer_of_her_address_is_erased_with_her_and_not_sent_again(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    # She is on her way under another id: nobody knows whether she arrived.
    world.people["d1"] = Customer(email=" P1@Example.com")
    world.build()
    fakes.webhook.faults = [Fault(503)] * 60
    send(world)
    fakes.webhook.faults, before = [], len(fakes.webhook.requests)
    [erased], problems = erase(world, "r1", "c1")
    assert (erased.status, problems) == ("done", [])
    assert [operation for _, operation, _ in fakes.webhook.requests[before:]] == ["erase"]
    assert sorted(fakes.webhook.erased) == ["c1", "d1"]
    world.people["d1"] = Customer(email="new@example.com")
    world.build()
    send(world)
    assert there(world) == {"c2"}


@pytest.mark.parametrize("place", ["klaviyo", "meta", "google"])
def test_the_address_and_number_of_the_request_are_asked_for_beside_those_of_the_shop(tmp_path, fakes, place):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    hers = {"email": "her.other@example.com", "phone": "+4520776651"}
    members = fakes.google.lists["1"]
    if place == "klaviyo":
        others = {fakes.klaviyo.add_profile({key: hers[name]}).id for key, name in KLAVIYO_NAMES}
    elif place == "meta":
        [audience] = fakes.meta.audiences.values()
        members = audience.members
        others = {f"EMAIL:{sha256(hers['email'])}", f"PHONE:{sha256(hers['phone'][1:])}"}
    else:
        others = {f"emailAddress:{sha256(hers['email'])}", f"phoneNumber:{sha256(hers['phone'])}"}
    if place != "klaviyo":
        members |= dict.fromkeys(others, "")
    [erased], problems = erase(world, "r1", "c1", **hers)
    assert (erased.status, problems) == ("done", [])
    assert others.isdisjoint(fakes.klaviyo.profiles if place == "klaviyo" else members)
    for _ in range(2):
        send(world, force=True)
    assert fakes.problems == []


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_profile_under_her_number_alone_is_erased_unless_the_number_is_somebody_elses_too(tmp_path, fakes, is_shared):
    phone = "+45 20 77 66 51"
    others = people(2, phone=phone if is_shared else None)
    world = new(tmp_path, fakes, "klaviyo", people=people(1) | others)
    world.people["c1"] = Customer(email="p1@example.com", phone=phone)
    world.build()
    number = "+4520776651"
    found = [one.id for one in fakes.klaviyo.profiles.values() if one.attributes.get("phone_number") == number]
    other = found[0] if is_shared else fakes.klaviyo.add_profile({"phone_number": number}).id
    [erased], problems = erase(world, "r1", "c1")
    assert (erased.status, problems) == ("done", [])
    assert (other in fakes.klaviyo.profiles) == is_shared


def test_a_job_of_an_erasure_says_nothing_of_who_is_found_since(tmp_path, fakes):
    world = new(tmp_path, fakes, "google", people=people(1, 2, 5))
    fakes.google.polls["remove"] = 1
    [erased], _ = erase(world, "r1", email="p2@example.com")
    assert erased.status == "open"
    # Another customer has that address now: she is sent under the one before.
    world.people["c5"] = Customer(email="p2@example.com")
    world.build()
    for _ in range(3):
        send(world, force=True)
    assert read_status(world.settings())[1][0].status == "done"
    assert {one.partition(":")[2] for one in fakes.google.lists["1"]} == {sha256("p1@example.com")}
    assert rows(world, "select customer_id from sync_state") == [("c1",)]


def test_who_only_shares_her_number_leaves_and_is_not_erased(tmp_path, fakes):
    phone = "+45 20 77 66 51"
    world = new(tmp_path, fakes, "webhook", people=people(1, 2, phone=phone) | people(3))
    erase(world, "r1", "c1")
    assert fakes.webhook.erased == ["c1"]
    send(world, force=True)
    assert there(world) == {"c3"}
    world.people = people(2, phone="+45 20 77 66 52") | people(3)
    world.build()
    send(world)
    assert there(world) == {"c2", "c3"}


def test_an_address_of_a_crowd_is_nobodys_own(tmp_path, fakes):
    crowd = {f"d{number}": Customer(email="noemail@example.com") for number in range(MOST_ALIKE + 2)}
    world = new(tmp_path, fakes, "webhook", people=crowd | people(1))
    [erased], [problem] = erase(world, "r1", "d0")
    assert (erased.status, fakes.webhook.erased) == ("done", ["d0"])
    assert f"{MOST_ALIKE + 1} other customers have the same address" in problem


def test_an_address_that_is_none_makes_nobody_the_same(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people={name: Customer(email="unknown") for name in ("c1", "c2")})
    erase(world, "r1", "c1")
    assert fakes.webhook.erased == ["c1"]


@pytest.mark.parametrize("place", ["meta", "google"])
def test_an_address_that_left_the_warehouse_is_found_by_its_hash(tmp_path, fakes, place):
    phone = "+45 20 77 66 51"
    world = new(tmp_path, fakes, place, "klaviyo", people=people(1, 3) | people(2, phone=phone))
    for number, word in ((2, {"phone": phone}), (3, {"email": "p3@example.com"})):
        del world.people[f"c{number}"]
        world.build()
        _, problems = erase(world, f"r{number}", **word)
        while problems:
            assert "nobody" not in problems[0]
            _, problems = erase(world, "")
        assert fakes.klaviyo.profile(f"c{number}") is None
    found = {one for audience in fakes.meta.audiences.values() for one in audience.members}
    found |= set(fakes.google.lists["1"])
    assert {one.partition(":")[2] for one in found} == {sha256("p1@example.com")}


def test_an_address_that_is_anothers_now_erases_only_whose_it_is(tmp_path, fakes):
    world = new(tmp_path, fakes, "meta", "webhook", people=people(1, 2))
    world.people = {"c1": Customer(email="new@example.com"), "c2": Customer(email="p1@example.com")}
    world.build()
    erase(world, "r1", email="p1@example.com")
    assert fakes.webhook.erased == ["c2"]


# What she is known by again -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("erased", "back"),
    [
        ({"phone": "+45 20 77 66 51"}, {"phone": "20776651"}),
        ({"phone": "20776651"}, {"phone": "0045 20 77 66 51"}),
        ({"phone": "0045 20 77 66 51"}, {"phone": "+45 (20) 77-66-51"}),
        ({"email": "Mary.Ann+shop@gmail.com"}, {"email": "maryann@gmail.com"}),
        ({"email": "maryann@googlemail.com"}, {"email": "Mary.Ann@GoogleMail.com"}),
        ({"email": "mary@example.com"}, {"email": "mary\u200b@example.com\t"}),
    ],
)
@pytest.mark.parametrize("is_asked_by_id", [True, False])
def test_who_comes_back_written_otherwise_is_not_sent(tmp_path, fakes, erased, back, is_asked_by_id):
    world = new(tmp_path, fakes, "webhook", people={"c1": Customer(**{"email": None} | erased)} | people(2))
    if is_asked_by_id:
        _, problems = erase(world, "r1", "c1")
    else:
        phone = "+45 20 77 66 51" if "phone" in erased else ""
        _, problems = erase(world, "r1", email=back.get("email", ""), phone=phone)
    assert (problems, fakes.webhook.erased) == ([], ["c1"])
    world.people = people(2) | {"c9": Customer(**{"email": None} | back)}
    world.build()
    said = world.settings()
    [plan] = make_plans(said, world.warehouse, list(said.syncs), world.now)
    assert (plan.add, plan.erased) == (0, 1)


def test_a_number_of_another_country_is_another_number(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, phone="+45 20 77 66 51") | people(2))
    erase(world, "r1", "c1")
    world.people = people(2) | people(3, phone="+46 20 77 66 51")
    world.build()
    send(world)
    assert there(world) == {"c2", "c3"}


# What is said -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--customer", "C1"], "nobody of this customer id is in the warehouse or the ledger; it is remembered"),
        (["--customer", "c1", "--customer", "c7"], "nobody of 1 of the 2 customer ids is"),
        (["--email", "p9@example.com"], "nobody of this address is"),
        (["--phone", "+45 20 12 34 56"], "nobody of this number is"),
    ],
)
def test_who_is_nobody_is_said_and_kept_out(tmp_path, fakes, words, sentence):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    done = asked(world, "erase", *words)
    assert (done.exit_code, sentence in done.stdout) == (1, True)
    world.people = people(2) | {"C1": Customer(), "c7": Customer(), "d1": Customer(email="p9@example.com")}
    world.people["d2"] = Customer(phone="+45 20 12 34 56")
    world.build()
    said = world.settings()
    [plan] = make_plans(said, world.warehouse, list(said.syncs), world.now)
    assert plan.erased == 1


def test_a_customer_who_is_nowhere_but_in_the_warehouse_is_somebody(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1) | people(2, is_in=False))
    done = asked(world, "erase", "--customer", "c2")
    assert (done.exit_code, "was never sent anywhere" in done.stdout) == (0, True)


def test_somebody_who_was_erased_before_is_said_to_be(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    erase(world, "r1", "c1")
    for words in (["--email", "p1@example.com"], ["--customer", "c1"]):
        done = asked(world, "erase", *words)
        assert (done.exit_code, "never sent" in done.stdout) == (0, False)
        assert "nothing was left of the person after request r1" in done.stdout


def test_a_missing_secret_keeps_nobody_from_being_erased_elsewhere(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "klaviyo", "webhook", "files", people=people(1, 2))
    with monkeypatch.context() as without:
        without.delenv("WORLD_KLAVIYO")
        done = asked(world, "erase", "--customer", "c1", "--request", "r1", "--json")
        assert (done.exit_code, fakes.webhook.erased) == (1, ["c1"])
        assert "c1" not in (tmp_path / "out" / "loyal.csv").read_text()
        [problem] = json.loads(done.stdout)["problems"]
        assert "WORLD_KLAVIYO" in problem
        assert "the request is kept" in problem
    done = asked(world, "erase")
    assert (done.exit_code, fakes.klaviyo.profile("c1")) == (0, None)


@pytest.mark.parametrize("is_there", [False, True])
def test_without_a_warehouse_of_customers_the_request_is_kept(tmp_path, fakes, is_there):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    world.warehouse.unlink()
    if is_there:
        duckdb.connect(world.warehouse).close()
    done = asked(world, "erase", "--customer", "c1", "--request", "r1")
    assert done.exit_code == 1
    assert "the request r1 is kept" in done.stdout
    assert "dbt build" in done.stdout
    world.build()
    assert (asked(world, "erase").exit_code, fakes.webhook.erased) == (0, ["c1"])


def test_an_erasure_is_no_run_of_a_sync_unless_it_settles_something(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", "files", people=people(1, 2))
    before = rows(world, "select count(*) from sync_run")
    erase(world, "r1", "c1")
    assert rows(world, "select count(*) from sync_run") == before
    world.people |= people(3)
    world.build()
    fakes.webhook.faults = [Fault(503)] * 60
    send(world)
    fakes.webhook.faults = []
    [(count,)] = rows(world, "select count(*) from sync_run")
    erase(world, "r2", "c2")
    assert rows(world, "select count(*) from sync_run") == [(count + 1,)]


def test_who_was_only_ever_refused_is_forgotten_at_once(tmp_path, fakes):
    fakes.reset()
    fakes.webhook.refuse = lambda row: "no" if row["customer_id"] in {"c1", "c2"} else ""
    world = World(tmp_path, fakes, ("webhook",), people(1, 2, 3))
    world.build()
    send(world)
    erase(world, "r1", "c1")
    assert rows(world, "select customer_id from sync_reject") == [("c2",)]
    with duckdb.connect(world.warehouse) as connection:
        assert connection.execute("select count(*) from publish.publish_rejects").fetchall() == [(1,)]


def test_what_is_in_the_way_of_an_erasure_is_no_word_about_a_sync(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", "files", people=people(1, 2))
    fakes.webhook.faults = [Fault(503)] * 60
    keep_request(ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", ("c1",)))
    results = send(world)
    [sentence] = results.erasures_left
    assert sentence.startswith("erasure r1: webhook:")
    assert results[1].message == ""
    done = asked(world, "apply", "--json", "--only", "files/loyal")
    said = json.loads(done.stdout)
    assert (done.exit_code, [one["message"] for one in said["syncs"]]) == (1, [""])
    assert [each.split(":")[0] for each in said["erasures"]] == ["erasure r1"]
    assert "\nerasure r1: webhook:" in asked(world, "apply", "--only", "files/loyal").stdout


@pytest.mark.parametrize("who", [{"customer_ids": ("c2",)}, {"email": "p2@example.com"}])
def test_who_asks_while_what_was_left_is_settled_is_erased(tmp_path, fakes, monkeypatch, who):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    send(world)
    settle = run._settle

    def settling(one, destination):
        keep_request(
            ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", **({"customer_ids": ()} | who))
        )
        settle(one, destination)

    with monkeypatch.context() as patch:
        patch.setattr(run, "_settle", settling)
        send(world)
    assert fakes.webhook.erased == ["c2"]
    send(world)
    assert there(world) == {"c1"}


def test_a_request_that_is_not_buried_yet_waits(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    send(world)
    bury, looks = run.bury_all, []

    def burying(*words):
        found = bury(*words)
        looks.append(found)
        if len(looks) == 2:
            keep_request(ledger_path(world.settings()), Request("r1", "2026-03-01 00:00:00", ("c2",)))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(run, "bury_all", burying)
        send(world)
    assert (len(looks), fakes.webhook.erased) == (2, [])
    send(world)
    assert (fakes.webhook.erased, there(world)) == (["c2"], {"c1"})
