"""What cannot be stops its own sync only, is said with what would be right, and changes nothing."""

import json
import re

import duckdb
import psycopg
import pytest
from typer.testing import CliRunner

from regulars.cli import app
from regulars.publish.errors import PublishRefusedError, WrongLedgerError
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, retry_rejected, run_syncs
from regulars.publish.settings import load_settings
from regulars.publish.status import read_status

from .shop import client, send
from .shop import people as persons
from .test_runs import command, do, in_ledger, planned
from .world import new, people, sent

# secrets


@pytest.mark.parametrize("secret", ["fake\nx", "fake ✓"])
@pytest.mark.parametrize(("place", "variable"), [("klaviyo", "WORLD_KLAVIYO"), ("meta", "WORLD_META")])
def test_a_secret_that_no_header_may_have_stops_its_own_sync_only(
    tmp_path, fakes, monkeypatch, place, variable, secret
):
    world = new(tmp_path, fakes, place, "webhook", people=people(1))
    monkeypatch.setenv(variable, secret)
    said = command(world, "apply")
    assert said.exit_code == 1
    assert "fake" not in said.output
    assert f"the environment variable {variable} has a" in said.output
    assert f"the destination {place} needs it as its" in said.output
    assert set(fakes.webhook.people["loyal"]) == {"c1"}


@pytest.mark.parametrize("url", ["mysql://me:hidden@host/base", "nothing"])
def test_a_url_of_something_else_than_postgresql_stops_its_own_sync_only(tmp_path, fakes, monkeypatch, url):
    world = new(tmp_path, fakes, "postgres", "webhook", people=people(1))
    monkeypatch.setenv("WORLD_POSTGRES", url)
    said = command(world, "apply", "--json")
    assert said.exit_code == 1
    syncs = json.loads(said.output.partition("duckdb\n")[2])["syncs"]
    assert syncs[0]["message"].startswith("postgres/loyal: the secret `url` is not like postgresql://")
    assert "hidden" not in said.output
    assert (syncs[1]["acknowledged"], set(fakes.webhook.people["loyal"])) == (1, {"c1"})
    status = command(world, "status")
    assert status.exit_code == 1
    assert "partial, postgres/loyal: the secret `url`" in status.output


# properties


def test_a_misspelt_property_stops_its_own_sync_only(tmp_path, fakes, monkeypatch, postgres):
    monkeypatch.setenv("WORLD_POSTGRES", postgres.url())
    world = new(tmp_path, fakes, "postgres", "webhook", people=people(1))
    world.settings()
    path = tmp_path / "publish.yml"
    text = path.read_text()
    given = ["--settings", str(path), "--database", str(world.warehouse)]
    path.write_text(text.replace("[rfm_tier, net_revenue_amount]", "[rfm_tire]", 1))
    said = CliRunner().invoke(app, ["publish", "apply", *given])
    assert said.exit_code == 1
    assert "stopped: postgres/loyal: customer_segments has no column rfm_tire; did you mean rfm_tier?" in said.output
    assert set(fakes.webhook.people["loyal"]) == {"c1"}
    # Nor is it in the way of erasures.
    said = CliRunner().invoke(app, ["publish", "erase", "--customer", "c1", *given])
    assert said.exit_code == 0, said.output
    assert fakes.webhook.people["loyal"] == {}
    # So does a name that a serving table cannot have.
    do(world, "alter table marts.customer_segments add column struct_of struct(a int)")
    path.write_text(text.replace("[rfm_tier, net_revenue_amount]", "[struct_of]", 1))
    said = CliRunner().invoke(app, ["publish", "apply", *given])
    assert said.exit_code == 1
    assert "stopped: postgres/loyal: the property struct_of is of type" in said.output


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("marts.customer_segments", "has_email_consent", "customer_segments has no column has_email_consent, which"),
        ("intermediate.int_customer_contacts", "email", "int_customer_contacts has no column email, which"),
        ("intermediate.int_customer_contacts", "phone", "int_customer_contacts has no column phone, which"),
    ],
)
def test_a_source_without_a_column_is_a_sentence(tmp_path, fakes, table, column, words):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    do(world, f"alter table {table} drop column {column}")
    for step in (planned, sent):
        with pytest.raises(PublishRefusedError, match=f"webhook/loyal: {words} email to email, phone needs"):
            step(world)


# one sync, or none of several


def test_the_only_sync_that_cannot_run_is_recorded(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    sent(world)
    assert command(world, "status").exit_code == 0
    do(world, "delete from marts.audience_overview")
    said = command(world, "apply")
    assert (said.exit_code, said.output.count("there is no audience loyal")) == (2, 1)
    status = command(world, "status")
    assert status.exit_code == 1
    assert "partial, webhook/loyal: there is no audience loyal in the warehouse" in status.output
    with duckdb.connect(world.warehouse) as connection:
        rows = connection.execute("select status, message from publish.publish_runs order by started_at").fetchall()
    assert [status for status, _ in rows] == ["done", "partial"]
    assert "there is no audience loyal" in rows[1][1]


def test_a_file_that_is_no_warehouse_stays_as_it_is(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    world.warehouse.unlink()
    do(world, "create table mine as select 1 as one")
    assert command(world, "apply").exit_code == 2
    with duckdb.connect(world.warehouse) as connection:
        assert connection.execute("select table_name from duckdb_tables()").fetchall() == [("mine",)]


def test_a_refusal_of_all_syncs_has_its_json(tmp_path, fakes, monkeypatch):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    monkeypatch.delenv("WORLD_HOOK")
    world.settings()
    given = ["--settings", str(tmp_path / "publish.yml"), "--database", str(world.warehouse)]
    said = CliRunner().invoke(app, ["publish", "apply", "--json", *given])
    assert isinstance(said.exception, PublishRefusedError)
    [sync] = json.loads(said.output.partition("duckdb\n")[2])["syncs"]
    assert (sync["name"], sync["acknowledged"], "WORLD_HOOK" in sync["message"]) == ("webhook/loyal", 0, True)


def test_an_audience_that_was_never_published_is_nowhere(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    do(world, "update marts.audience_overview set audience = 'loyals' where audience = 'loyal'")
    said = command(world, "apply")
    assert (said.exit_code, "did you mean loyals?" in said.output, "still there" in said.output) == (2, True, False)


def test_a_plan_of_syncs_none_of_which_can_be_made_has_no_counts(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", "files", people=people(1))
    world.settings()
    do(world, "delete from marts.audience_overview")
    plan = tmp_path / "plan.json"
    said = command(world, "plan", "--out", str(plan))
    assert (said.exit_code, "add 0" in said.output, plan.exists()) == (2, False, False)
    assert said.output.startswith("loyal → webhook/loyal\n  cannot be planned: webhook/loyal: there is no audience")
    world.build()
    path = tmp_path / "publish.yml"
    path.write_text(path.read_text().replace("[rfm_tier, net_revenue_amount]", "[rfm_tire]", 1))
    given = ["--settings", str(path), "--database", str(world.warehouse)]
    said = CliRunner().invoke(app, ["publish", "plan", *given])
    assert (said.exit_code, said.output.count("add 1"), said.output.count("add 0")) == (0, 1, 0)


# what is asked for cannot be


def test_resending_and_a_plan_are_refused_together_and_a_refusal_resends_nobody(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    plan = tmp_path / "plan.json"
    assert command(world, "plan", "--out", str(plan)).exit_code == 0
    assert command(world, "apply", "--plan", str(plan)).exit_code == 0
    before = in_ledger(world, "select * from sync_state order by customer_id")
    said = command(world, "apply", "--resend", "--plan", str(plan))
    assert (said.exit_code, "leave out --resend or --plan" in said.output) == (2, True)
    assert in_ledger(world, "select * from sync_state order by customer_id") == before
    do(world, "delete from marts.audience_overview")
    assert command(world, "apply", "--resend").exit_code == 2
    world.warehouse.unlink()
    assert command(world, "apply", "--resend").exit_code == 2
    assert in_ledger(world, "select * from sync_state order by customer_id") == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"plan\.json does not exist; `regulars publish plan --out"),
        ("hello", r"plan\.json is no plan; `regulars publish plan --out"),
        ("{}", "has no plan for webhook/loyal"),
        ("3", "is no plan"),
        ('["a"]', "is no plan"),
        ('[{"name": "webhook/loyal"}]', "is no plan"),
        ('[{"colour": "red"}]', "is no plan"),
    ],
)
def test_a_file_that_is_no_plan_is_a_sentence(tmp_path, fakes, text, words):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    plan = tmp_path / "plan.json"
    if text is not None:
        plan.write_text(text)
    said = command(world, "apply", "--plan", str(plan))
    assert said.exit_code == 2
    assert "Errno" not in said.output
    assert re.search(words, said.output)


# words


def test_a_guard_says_how_to_go_on(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    sent(world)
    world.people = {}
    world.build()
    [result] = sent(world)
    assert "`regulars publish apply --only webhook/loyal --force`" in result.message


def test_how_it_went_is_said_as_it_went(tmp_path, fakes):
    world = new(tmp_path, fakes, "files", people=people(1))
    assert "files/loyal: 1 of 1 acknowledged in 1 request\n" in command(world, "apply").output
    assert command(world, "apply").output == "files/loyal: unchanged, nothing sent\n"
    (tmp_path / "out" / "loyal.csv").unlink()
    assert command(world, "apply").output == "files/loyal: nobody changed, written again\n"


def test_the_help_has_words_for_what_it_takes():
    for verb in ("plan", "apply", "retire", "retry", "erase"):
        said = CliRunner().invoke(app, ["publish", verb, "--help"]).output
        assert "list[" not in said
        assert "--only SYNC" in said or verb == "erase"


# the ledger


def test_a_misspelt_ledger_begins_no_new_one(shop, hook):
    shop.build(*persons(1, 2))
    heard: list[str] = []
    send(shop, warn=heard.append)
    assert len(heard) == 1
    assert heard[0].startswith("began a new ledger ")
    heard.clear()
    send(shop, warn=heard.append)
    assert heard == []
    path = shop.folder / "publish.yml"
    if shop.ledger_url:
        with psycopg.connect(shop.ledger_url, autocommit=True) as session:
            session.execute("drop schema regulars_publish cascade")
        said, words = shop.settings(), "no ledger yet in the PostgreSQL database that"
    else:
        other = shop.folder / "publish_leger.duckdb"
        shop.settings()
        path.write_text(path.read_text().replace("publish_ledger", "publish_leger"))
        said, words = (
            load_settings(path),
            f"no ledger yet at {other}, but the warehouse knows of 2 runs to the same places",
        )
        # Whoever only looks makes no ledger of it that is taken for the old one.
        for _ in range(2):
            read_status(said)
            retry_rejected(said, list(said.syncs))
            with pytest.raises(WrongLedgerError, match=words):
                make_plans(said, shop.warehouse, list(said.syncs))
        other.unlink()
    with pytest.raises(WrongLedgerError, match=words):
        run_syncs(said, shop.warehouse, list(said.syncs[:1]), client=client())
    with pytest.raises(WrongLedgerError, match=words):
        ask_to_erase(said, shop.warehouse, request_id="r1", customer_ids=("c1",))
    assert not ledger_path(said).exists()
    assert not list(shop.folder.glob("*.erasures/*"))
    # On purpose.
    with duckdb.connect(shop.warehouse) as connection:
        connection.execute("drop table publish.publish_runs")
    [result] = run_syncs(said, shop.warehouse, list(said.syncs[:1]), client=client(), warn=heard.append)
    assert (result.planned, len(heard)) == (2, 1)


def test_the_warehouse_is_no_ledger(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1))
    world.settings()
    path = tmp_path / "publish.yml"
    (tmp_path / "link.duckdb").symlink_to("shop.duckdb")
    before = world.warehouse.read_bytes()
    for name in ("shop.duckdb", "./x/../shop.duckdb", "link.duckdb", str(world.warehouse)):
        path.write_text(path.read_text().replace("ledger: ledger.duckdb", f"ledger: {name}"))
        for words in (["plan"], ["apply"], ["apply", "--resend"], ["erase", "--customer", "c1"], ["status"]):
            given = ["--settings", str(path)]
            given += [] if words[0] == "status" else ["--database", str(world.warehouse)]
            said = CliRunner().invoke(app, ["publish", *words, *given])
            assert isinstance(said.exception, PublishRefusedError), said.output
            assert "file of its own" in str(said.exception)
            assert not list(tmp_path.glob("*.erasures"))
        path.write_text(path.read_text().replace(f"ledger: {name}", "ledger: ledger.duckdb"))
    assert world.warehouse.read_bytes() == before
