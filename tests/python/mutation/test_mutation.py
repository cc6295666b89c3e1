"""Every small wrong version of the segment SQL is noticed, or docs/mutants.md says why it cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

import duckdb
import pytest
from project.harness import Model

from .cases import build_cases, default_jobs, other_jobs
from .check import MutantRunner, noticed_by
from .mutants import Mutant, have_same_shape, mutants_of
from .report import PAGE, idle_patterns, page

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
    "int_customer_acquisition",
    "int_rfm_scores",
    "int_customer_ad_flags",
    "int_customer_predicted_flags",
    "int_customer_projection",
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

Positions = dict[str, set[tuple[int, int]]]


def mutants_of_models(models: Sequence[Model], positions: Positions | None = None) -> list[Mutant]:
    """All mutants, or those of these positions alone."""
    wanted = [None if positions is None else positions.get(model.name, set()) for model in models]
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = pool.map(mutants_of, [model.name for model in models], [model.sql for model in models], wanted)
        return [mutant for mutants in found for mutant in mutants]


def positions_of(mutants: Iterable[Mutant]) -> Positions:
    """The places that they change, by model."""
    found: Positions = {}
    for mutant in mutants:
        found.setdefault(mutant.model, set()).add(mutant.position)
    return found


@pytest.fixture(scope="module")
def cases(project, sample_of_200, tmp_path_factory):
    jobs = default_jobs(sample_of_200, SAMPLE_AS_OF)
    return build_cases(project, jobs, tmp_path_factory.mktemp("cases"), PROCESSES)


def test_survivors_are_the_ones_that_are_explained(project, other_project, cases, tmp_path):
    mutants = mutants_of_models([project.by_name[name] for name in MODELS])
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    noticed = noticed_by(project, cases, mutants, PROCESSES)
    # What is read only under other vars can be noticed only there: the same change, in the SQL compiled with them.
    left = positions_of(mutant for mutant in mutants if mutant not in noticed)
    again = mutants_of_models([other_project.by_name[name] for name in left], left)
    other_cases = build_cases(other_project, other_jobs(), tmp_path, PROCESSES)
    noticed_otherwise = positions_of(noticed_by(other_project, other_cases, again, PROCESSES))
    survivors = [
        mutant.name
        for mutant in mutants
        if mutant.position in left.get(mutant.model, set()) - noticed_otherwise.get(mutant.model, set())
    ]
    text = page(survivors, len(mutants))
    assert idle_patterns(survivors) == [], "equivalents.py explains mutants that do not survive"
    if os.environ.get("REGULARS_WRITE_MUTANTS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, f"survivors changed; see {PAGE.name} on how to write it anew"


def test_a_position_means_the_same_under_other_vars(project, other_project):
    other = [name for name in MODELS if not have_same_shape(project.by_name[name].sql, other_project.by_name[name].sql)]
    assert other == []


# -- the check itself can fail


@pytest.mark.parametrize(
    ("name", "bases"), [("sample", {"blend", "history"}), ("two predictions", {"blend", "btyd", "history"})]
)
def test_some_have_predictions_and_others_none(cases, name, bases):
    [case] = [case for case in cases if case.name == name]
    with duckdb.connect(str(case.path), read_only=True) as connection:
        found = connection.execute("select distinct importance_basis from marts.customer_segments").fetchall()
    assert {basis for (basis,) in found} == {*bases, None}


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
            {"a DESC → a ASC"},
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
