"""Every small wrong version of the segment SQL is noticed, or docs/mutants.md says why it cannot be."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import duckdb
import pytest

from .cases import default_cases, other_cases
from .check import MutantRunner, check_mutants
from .mutants import Mutant, mutants_of
from .report import PAGE, page

MODELS = (
    "customer_rfm",
    "customer_lifecycle",
    "customer_importance",
    "customer_personas",
    "customer_types",
    "customer_ad_segments",
    "customer_segments",
    "customer_facts",
    "customer_category_facts",
    "int_rfm_scores",
    "int_customer_ad_flags",
    "int_customer_value",
    "int_lifecycle_before_last_order",
    "int_shop_facts",
    "int_shop_value_outlook",
    "int_typical_gap_by_day",
    "int_customer_orders",
    "int_order_days",
    "int_peak_weeks",
    "int_customer_peak_orders",
)
SAMPLE_AS_OF = "2026-01-01"
PROCESSES = 2


def all_mutants(project) -> list[Mutant]:
    models = [project.by_name[name] for name in MODELS]
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = pool.map(mutants_of, [model.name for model in models], [model.sql for model in models])
        return [mutant for mutants in found for mutant in mutants]


@pytest.fixture(scope="module")
def cases(project, sample_of_200, tmp_path_factory):
    return default_cases(project, sample_of_200, SAMPLE_AS_OF, tmp_path_factory.mktemp("cases"))


def test_survivors_are_the_ones_that_are_explained(project, other_project, cases, tmp_path):
    mutants = all_mutants(project)
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    noticed = check_mutants(project, cases, mutants, PROCESSES)
    left = {mutant for mutant, case in noticed.items() if case is None}
    # What is read only under other vars can be noticed only there: the same change, in the SQL compiled with them.
    same = [mutant for mutant in all_mutants(other_project) if mutant.name in left]
    noticed |= check_mutants(other_project, other_cases(other_project, tmp_path), same, PROCESSES)
    survivors = [mutant.name for mutant in mutants if noticed[mutant.name] is None]
    text = page(survivors, len(mutants))
    if os.environ.get("REGULARS_WRITE_MUTANTS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, f"survivors changed; see {PAGE.name} on how to write it anew"


# -- the check itself can fail


def test_the_unchanged_model_is_not_noticed_and_a_broken_one_is(project, cases):
    runner = MutantRunner(project, cases[0])
    model = project.by_name["int_rfm_scores"]
    same, broken = (Mutant(model.name, "", "", 1, sql) for sql in (model.sql, "select no_such_column"))
    assert not runner.notices(same)
    assert runner.notices(broken)


def test_a_difference_in_an_unknown_column_is_followed_to_the_known_ones(project, cases):
    runner = MutantRunner(project, cases[0])
    model = project.by_name["int_shop_facts"]
    higher = model.sql.replace("as average_order_amount", "+ 1000 as average_order_amount", 1)
    assert higher != model.sql
    unread = f"select *, 1 as nobody_reads_this from ({model.sql}) as facts"
    assert runner.notices(Mutant(model.name, "", "", 1, higher))
    assert not runner.notices(Mutant(model.name, "", "", 1, unread))


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("select a from t where a < 3", {"a < 3 → a <= 3", "a < 3 → a < 4", "a < 3 → a < 2", "WHERE a < 3 → nothing"}),
        ("select coalesce(a, b) as c from t", {"COALESCE(a, b) → a"}),
        ("select min(a) as a from t", {"MIN(a) → MAX(a)"}),
        (
            "select rank() over (order by a desc) as r from t",
            {"a DESC → a"},
        ),
        (
            "select case when a then 'x' else 'y' end as c from t",
            {"CASE WHEN a THEN 'x' ELSE 'y' END → CASE WHEN a THEN 'y' ELSE 'x' END"},
        ),
    ],
)
def test_what_is_changed(sql, changes):
    assert {mutant.change for mutant in mutants_of("model", sql)} == changes


def test_joins_conjuncts_and_negations_are_changed():
    sql = "with c as (select t.a from t left join u on t.a = u.a and not u.b) select a from c inner join v using (a)"
    found = {(mutant.place, mutant.change) for mutant in mutants_of("model", sql)}
    assert ("c", "t.a = u.a AND NOT u.b → t.a = u.a OR NOT u.b") in found
    assert ("c", "t.a = u.a AND NOT u.b → t.a = u.a") in found
    assert ("c", "t.a = u.a AND NOT u.b → NOT u.b") in found
    assert ("c", "NOT u.b → u.b") in found
    assert any(change.startswith("LEFT JOIN") and "→ INNER JOIN" in change for _, change in found)


def test_every_mutant_of_a_model_parses(project):
    connection = duckdb.connect()
    for mutant in mutants_of("customer_importance", project.by_name["customer_importance"].sql):
        assert len(connection.extract_statements(mutant.sql)) == 1
