"""The page itself: what it says, what it finds missing, and which sections it calls out of date."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from regulars.docs.command import DocsError, docs
from regulars.docs.dictionary import differences, gaps, render
from regulars.docs.project import Column, Table, read_tables
from regulars.errors import UsageError

CUSTOMERS = Table(
    name="dim_customers",
    part=("marts", "core"),
    relation="marts.dim_customers",
    kind="table",
    description="One row per customer, buyers or not. Holds no names.",
    columns=(Column("customer_id", "varchar", "Stable key; `a|b` is one."), Column("country", "varchar", "Country.")),
    has_contract=True,
)
TIERS = Table(
    name="rfm_tiers",
    part=("seeds",),
    relation="seeds.rfm_tiers",
    kind="seed",
    description="Which tier a customer is in. One row per cell of the grid. Edit it freely.",
    columns=(Column("rfm_tier", "varchar", "Code."),),
    has_contract=False,
)
ORDERS = Table(
    name="int_orders",
    part=("intermediate", "orders"),
    relation="intermediate.int_orders",
    kind="view",
    description="One row per order: with its money.",
    columns=(Column("order_id", "varchar", "Key."),),
    has_contract=False,
)


def test_a_section_has_grain_types_and_meanings():
    page = render([CUSTOMERS, TIERS])
    assert "| [dim_customers](#dim_customers) | customer, buyers or not |" in page
    assert "| [rfm_tiers](#rfm_tiers) | cell of the grid |" in page
    assert "In the warehouse: `marts.dim_customers`." in page
    assert "| `country` | varchar | Country. |" in page


def test_a_bar_in_a_description_does_not_break_the_table():
    assert "| `customer_id` | varchar | Stable key; `a\\|b` is one. |" in render([CUSTOMERS])


def test_inner_models_are_not_on_the_page():
    assert "int_orders" not in render([CUSTOMERS, ORDERS])


def test_complete_tables_have_no_gaps():
    assert gaps([CUSTOMERS, TIERS, ORDERS]) == []


@pytest.mark.parametrize(
    ("table", "gap"),
    [
        (replace(CUSTOMERS, description=""), "dim_customers: has no description"),
        (
            replace(CUSTOMERS, description="Customers. One row per customer."),
            'dim_customers: its description must begin with the grain, "One row per …"',
        ),
        (replace(TIERS, description="Tiers."), 'rfm_tiers: its description must begin with the grain, "One row per …"'),
        (replace(CUSTOMERS, columns=()), "dim_customers: no column is described"),
        (replace(CUSTOMERS, has_contract=False), "dim_customers: is a mart without an enforced contract"),
        (replace(ORDERS, columns=(Column("order_id", "varchar", ""),)), "int_orders.order_id: has no description"),
        (replace(ORDERS, columns=(Column("order_id", "", "Key."),)), "int_orders.order_id: has no data_type"),
    ],
)
def test_each_gap_is_named(table, gap):
    assert gaps([table]) == [gap]


def test_only_the_changed_section_differs():
    before = render([CUSTOMERS, TIERS])
    after = render([CUSTOMERS, replace(TIERS, columns=(Column("rfm_tier", "varchar", "Code of the tier."),))])
    assert differences(after, before) == ["rfm_tiers"]


def test_a_section_that_is_gone_or_new_differs():
    both, one = render([CUSTOMERS, TIERS]), render([CUSTOMERS])
    assert "rfm_tiers" in differences(both, one)
    assert "rfm_tiers" in differences(one, both)


def test_the_committed_dictionary_is_complete_and_up_to_date(scratch, project):
    outcome = CliRunner().invoke(docs, ["dictionary", "--check", "--project-dir", str(project)])
    assert outcome.exit_code == 0, outcome.exception


def test_check_names_the_tables_that_differ_and_writes_nothing(scratch, project, tmp_path):
    page = tmp_path / "dictionary.md"
    assert CliRunner().invoke(docs, ["dictionary", "--project-dir", str(project), "--out", str(page)]).exit_code == 0
    edited = page.read_text(encoding="utf-8").replace("`persona_reason`", "`persona_because`")
    page.write_text(edited, encoding="utf-8")
    outcome = CliRunner().invoke(docs, ["dictionary", "--check", "--project-dir", str(project), "--out", str(page)])
    assert isinstance(outcome.exception, DocsError)
    assert outcome.exception.exit_code == 1
    assert "customer_personas: differs" in str(outcome.exception)
    assert "customer_segments: differs" in str(outcome.exception)
    assert "customer_types" not in str(outcome.exception)
    assert page.read_text(encoding="utf-8") == edited


def test_check_refuses_a_file_that_is_not_there(scratch, project, tmp_path):
    outcome = CliRunner().invoke(
        docs, ["dictionary", "--check", "--project-dir", str(project), "--out", str(tmp_path / "none.md")]
    )
    assert isinstance(outcome.exception, DocsError)


def test_a_folder_without_a_project_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"dbt_project\.yml"):
        read_tables(tmp_path)


def test_site_is_one_file_and_leaves_no_empty_warehouse_behind(scratch, project, tmp_path, monkeypatch):
    monkeypatch.setenv("REGULARS_DATABASE", str(tmp_path / "none.duckdb"))
    page = tmp_path / "site" / "docs.html"
    outcome = CliRunner().invoke(docs, ["site", "--project-dir", str(project), "--out", str(page)])
    assert outcome.exit_code == 0, outcome.exception
    assert "customer_segments" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "none.duckdb").exists()
