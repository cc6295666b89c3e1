"""`regulars audience diff`: who came and went between two builds, and between two revisions on copies of one."""

import hashlib
import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT
from typer.testing import CliRunner

from regulars.audiences import revisions
from regulars.audiences.comparison import compare, markdown_lines, text_lines
from regulars.audiences.dbt import AUDIENCE_TESTS, DbtFailedError
from regulars.audiences.revisions import RevisionError, compare_revisions, two_revisions
from regulars.audiences.scaffold import Words, write_audience
from regulars.cli import app
from regulars.errors import UsageError, WarehouseError

from .conftest import copy_project

TABLES = """
create schema intermediate;
create schema marts;
create table intermediate.int_audience_definitions as
    select *
    from (values ('aud_a', 'rule a'), ('aud_b', 'rule b'), ('aud_f', 'rule f')) as _(model_name, definition_hash);
create table intermediate.int_audience_members as
    select * from (values ('a', 'ann'), ('a', 'bea'), ('b', 'ann'), ('f:x', 'ann')) as _(audience, customer_id);
create table marts.customer_segments as
    select *, 100.0 as expected_order_amount
    from (values ('ann', 10.5, 0.5), ('bea', 20, 0.1), ('cis', 40, null)) as
        _(customer_id, net_revenue_amount, purchase_probability_90d);
create table marts.audience_overview (
    audience varchar, model_name varchar, customer_count bigint, as_of_date date, currency_code varchar
);
"""
COUNT = """
delete from marts.audience_overview;
insert into marts.audience_overview
select audience, 'aud_' || split_part(audience, ':', 1), count(customer_id), '2026-01-01', 'EUR'
from (
    select substr(model_name, 5) as audience, null as customer_id from intermediate.int_audience_definitions
    where model_name <> 'aud_f'
    union all
    select audience, customer_id from intermediate.int_audience_members
)
group by audience
"""


def build_by_hand(path: Path, *changes: str) -> Path:
    with duckdb.connect(path) as connection:
        for statement in (TABLES, *changes, COUNT):
            connection.execute(statement)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return build_by_hand(tmp_path / "old.duckdb")


def test_nothing_differs_between_a_build_and_its_copy(old, tmp_path):
    found = compare(old, Path(shutil.copy(old, tmp_path / "new.duckdb")))
    assert not found.differs
    assert list(text_lines(found))[-1] == "Nothing differs in 3 audiences."
    assert "Nothing differs" in list(markdown_lines(found))[-1]


def test_gained_lost_rule_changed_added_and_removed(old, tmp_path):
    new = build_by_hand(
        tmp_path / "new.duckdb",
        "delete from intermediate.int_audience_members where audience in ('a', 'b', 'f:x') and customer_id = 'ann'",
        "insert into intermediate.int_audience_members values ('a', 'cis'), ('c', 'bea'), ('f:y', 'bea')",
        "update intermediate.int_audience_definitions set definition_hash = 'new' where model_name = 'aud_a'",
        "delete from intermediate.int_audience_definitions where model_name = 'aud_b'",
        "insert into intermediate.int_audience_definitions values ('aud_c', 'rule c')",
        # What she was worth when she went is what the old build knew.
        "update marts.customer_segments set net_revenue_amount = 99 where customer_id = 'ann'",
    )
    found = compare(old, new)
    changes = {change.audience: change for change in found.changes}
    a = changes["a"]
    assert (a.status, a.before_count, a.after_count, a.gained_count, a.lost_count) == ("rule changed", 2, 2, 1, 1)
    assert (a.gained_revenue, a.lost_revenue) == (Decimal(40), Decimal("10.5"))
    # Nobody can say what cis will buy, and nothing is not zero.
    assert (a.gained_potential_90d, a.lost_potential_90d) == (None, Decimal(50))
    assert {name: change.status for name, change in changes.items()} == {
        "a": "rule changed", "b": "removed", "c": "added", "f:x": "", "f:y": "",
    }  # fmt: skip
    assert changes["b"].after_count == 0
    assert (changes["f:x"].lost_count, changes["f:y"].gained_count) == (1, 1)
    assert (found.affected_count, found.differs) == (3, True)
    table = list(markdown_lines(found))
    assert len({line.count("|") for line in table if line.startswith("|")}) == 1
    assert max(map(len, list(text_lines(found))[1:])) <= 100


def test_a_changed_rule_without_a_changed_member_differs(old, tmp_path):
    new = build_by_hand(
        tmp_path / "new.duckdb", "update intermediate.int_audience_definitions set definition_hash = 'n'"
    )
    found = compare(old, new)
    assert found.differs
    assert found.affected_count == 0


def test_another_day_is_said(old, tmp_path):
    new = Path(shutil.copy(old, tmp_path / "new.duckdb"))
    with duckdb.connect(new) as connection:
        connection.execute("update marts.audience_overview set as_of_date = '2026-02-01'")
    assert any("as of 2026-01-01 and 2026-02-01" in line for line in text_lines(compare(old, new)))


def test_the_verb_leaves_with_one_only_when_asked(old, tmp_path):
    new = build_by_hand(tmp_path / "new.duckdb", "delete from intermediate.int_audience_members where audience = 'a'")
    words = ["audience", "diff", str(old), str(new)]
    plain, asked, same = (
        CliRunner().invoke(app, each)
        for each in (
            words,
            [*words, "--exit-code", "--json"],
            ["audience", "diff", str(old), str(old) + "2", "--exit-code"],
        )
    )
    assert plain.exit_code == 0
    assert "2 customers affected, in 1 of 3 audiences." in plain.stdout
    assert asked.exit_code == 1
    assert json.loads(asked.stdout)["changes"][0]["lost_count"] == 2
    assert isinstance(same.exception, WarehouseError)
    both = CliRunner().invoke(app, [*words, "--json", "--markdown"])
    one = CliRunner().invoke(app, words[:3])
    assert isinstance(both.exception, UsageError)
    assert isinstance(one.exception, UsageError)


def test_what_is_no_pair_of_builds_is_refused(old, tmp_path):
    with pytest.raises(UsageError, match="are the same file"):
        compare(old, old)
    with pytest.raises(WarehouseError, match="does not exist"):
        compare(old, tmp_path / "none.duckdb")
    (tmp_path / "text.duckdb").write_text("no database")
    with pytest.raises(WarehouseError, match="cannot be opened"):
        compare(old, tmp_path / "text.duckdb")
    duckdb.connect(tmp_path / "empty.duckdb").close()
    with pytest.raises(WarehouseError, match="has no audiences"):
        compare(old, tmp_path / "empty.duckdb")


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_two_revisions_are_built_on_copies_and_compared(shop, tmp_path, monkeypatch):
    for name in ("DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH"):
        monkeypatch.delenv(name, raising=False)
    # The project lies within a repository, not at its root.
    project = copy_project(tmp_path / "repository" / "shop")
    git(tmp_path / "repository", "init", "--quiet", "--initial-branch", "main")
    git(project, "add", "-A")
    git(project, "commit", "--quiet", "-m", "before")
    write_audience(project, "mine", "lifecycle('lost') except importance('one_time')", Words())
    rule = project / "models" / "audiences" / "aud_lost_vips.sql"
    rule.write_text(rule.read_text().replace("lifecycle('lost')", "lifecycle('active')"))
    git(project, "add", "-A")
    git(project, "commit", "--quiet", "-m", "after")
    (project / "note.txt").write_text("not committed")
    before = hashlib.sha256(shop.read_bytes()).hexdigest()
    said: list[str] = []
    found = compare_revisions(project, shop, *two_revisions(project, ["HEAD~1..main"]), {}, said.append)
    assert hashlib.sha256(shop.read_bytes()).hexdigest() == before
    assert [path.name for path in shop.parent.glob(".regulars-diff-*")] == []
    assert [line.partition(" ")[0] for line in said] == ["note:", "building", "building"]
    changed = {change.audience: change for change in found.changes if change.differs}
    assert {name: change.status for name, change in changed.items()} == {"lost_vips": "rule changed", "mine": "added"}
    assert changed["mine"].gained_count == changed["mine"].after_count > 0
    with duckdb.connect(shop, read_only=True) as connection:
        ((lost_vips, today),) = connection.execute(
            "select customer_count, as_of_date from marts.audience_overview where audience = 'lost_vips'"
        ).fetchall()
    assert changed["lost_vips"].before_count == changed["lost_vips"].lost_count == lost_vips
    assert found.old_date == found.new_date == today


def test_only_the_new_revision_is_tested(built_audiences, repository, monkeypatch):
    """What is about to be merged must be right; what is wrong already can be compared with what mends it."""
    monkeypatch.setenv("DBT_PROFILES_DIR", str(ROOT))
    asked: list[tuple[str, ...]] = []

    def run(project, *words, variables, environment):
        asked.append(words)
        with duckdb.connect(environment["REGULARS_DATABASE"]) as connection:
            connection.execute("create or replace table marts.audience_overview as select 1 as one")
        if len(asked) == 2:
            raise DbtFailedError("dbt build failed:\naudiences_return_each_customer_once")

    monkeypatch.setattr(revisions, "run_dbt_apart", run)
    with pytest.raises(RevisionError, match=r"(?s)revision main .*audiences_return_each_customer_once"):
        compare_revisions(repository, built_audiences, *two_revisions(repository, ["side..main"]), {}, lambda _: None)
    old, new = asked
    assert set(new) - set(old) == set(AUDIENCE_TESTS)


@pytest.fixture
def repository(skeleton: Path) -> Path:
    git(skeleton, "init", "--quiet", "--initial-branch", "main")
    git(skeleton, "add", "-A")
    git(skeleton, "commit", "--quiet", "-m", "one")
    git(skeleton, "branch", "side")
    git(skeleton, "commit", "--quiet", "--allow-empty", "-m", "two")
    return skeleton


def test_revisions_may_be_written_in_several_ways(repository):
    first, second = (git(repository, "rev-parse", name).strip() for name in ("main~1", "main"))
    for words in (["side..main"], ["side", "main"], ["side.."], ["side"], ["main...side"]):
        old, new = two_revisions(repository, words)
        assert old.commit == first
        assert new.commit == (first if words == ["main...side"] else second)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["main..nowhere"], 'no revision "nowhere"'),
        (["..main"], "expected BASE..HEAD"),
        (["a..b", "c"], "expected BASE..HEAD"),
        (["a", "b", "c"], "expected BASE..HEAD"),
        (["--all"], "is no revision"),
    ],
)
def test_revisions_that_are_none_are_refused(repository, words, message):
    with pytest.raises(UsageError, match=message):
        two_revisions(repository, words)


def test_a_folder_without_git_or_project_is_refused(skeleton, tmp_path):
    with pytest.raises(UsageError, match="git"):
        two_revisions(skeleton, ["main..HEAD"])
    with pytest.raises(UsageError, match="holds no dbt_project"):
        two_revisions(tmp_path, ["main..HEAD"])


def test_a_revision_that_dbt_refuses_says_so(repository, shop, monkeypatch):
    monkeypatch.setenv("DBT_PROFILES_DIR", str(ROOT))
    # The skeleton is no whole project: its YAML names texts that are not there.
    with pytest.raises(RevisionError, match=r"revision main \(\w{8}\): dbt build failed:\n"):
        compare_revisions(repository, shop, *two_revisions(repository, ["main", "main"]), {}, print)


def test_a_revision_without_audiences_does_not_pass_for_the_warehouses(repository, shop, monkeypatch):
    monkeypatch.setenv("DBT_PROFILES_DIR", str(ROOT))
    shutil.rmtree(repository / "models")
    shutil.rmtree(repository / "macros")
    (repository / "dbt_project.yml").write_text("name: regulars\nprofile: regulars\n")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "no audiences")
    with pytest.raises(RevisionError, match="has no model audience_overview"):
        compare_revisions(repository, shop, *two_revisions(repository, ["main", "main"]), {}, print)
