"""The macro `interested_in`: what it compiles to, run on an audience written by hand; and what it refuses."""

import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from conftest import BIN, ROOT

INTERESTS = [
    ("anne's tea", "category", "Thé, d'Anne"),
    ("mugs", "keyword", "Mug"),
    ("number 7", "product", "7"),
    ("category:7", "category", "7"),
]
PRODUCTS = [("7", "7", "7"), ("tea", "Thé, d'Anne", "Anne"), ("tent", "Tree Tents", "Anne")]
AUDIENCE = [
    ("anne's tea", "half", 0.5),
    ("anne's tea", "most", 0.7),
    ("anne's tea", "nearly_all", 0.9),
    ("mugs", "mug_buyer", 0.5),
    ("number 7", "seventh", 0.9),
    ("category:7", "seventh_category", 0.5),
]


@pytest.fixture(scope="module")
def warehouse(built_sample_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("interests") / "shop.duckdb"
    shutil.copyfile(built_sample_shop, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from intermediate.int_interests")
        connection.executemany(
            "insert into intermediate.int_interests (interest, kind, item) values (?, ?, ?)", INTERESTS
        )
        connection.execute("delete from marts.dim_products")
        connection.executemany(
            "insert into marts.dim_products (product_id, category, brand) values (?, ?, ?)", PRODUCTS
        )
        connection.execute(
            "insert into intermediate.int_interests (interest, kind, item) values ('n', 'brand', 'Nike')"
        )
        connection.execute("delete from marts.pred_interested_in")
        connection.executemany(
            "insert into marts.pred_interested_in (interest, customer_id, capture_share) values (?, ?, ?)", AUDIENCE
        )
    return database


def dbt(warehouse: Path, command: str, call: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "REGULARS_DATABASE": str(warehouse),
        "DBT_TARGET_PATH": str(warehouse.with_name("target")),
        "DBT_LOG_PATH": str(warehouse.with_name("logs")),
    }
    words = [
        str(BIN / "dbt"), "--quiet", "--no-use-colors", command,
        "--inline", f"select customer_id from {{{{ {call} }}}} as audience order by 1",
    ]  # fmt: skip
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("call", "members"),
    [
        ("interested_in(category='the, d\\'anne')", ["half", "most"]),
        ("interested_in(category='Thé, d\\'Anne', capture=0.5)", ["half"]),
        ("interested_in(category='THE, D\\'ANNE', capture=0.9)", ["half", "most", "nearly_all"]),
        ("interested_in(keyword='MUG')", ["mug_buyer"]),
        ("interested_in(7, capture=0.9)", ["seventh"]),
        ("interested_in(category=7)", ["seventh_category"]),
    ],
)
def test_an_audience_of_the_size_asked_for(warehouse: Path, call: str, members: list[str]) -> None:
    done = dbt(warehouse, "compile", call)
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert [row[0] for row in connection.execute(done.stdout).fetchall()] == members


def test_what_is_there_is_not_refused_when_it_is_run(warehouse: Path) -> None:
    done = dbt(warehouse, "show", "interested_in(category='THE, D\\'ANNE')")
    assert done.returncode == 0, done.stdout
    assert "most" in done.stdout


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("interested_in()", "give exactly one of product, category, brand, keyword; there is none"),
        ("interested_in(category='tea', keyword='mug')", "give exactly one of product, category, brand, keyword"),
        ("interested_in(keyword='mug', capture=0.6)", "`capture` is 0.6; it must be 0.5, 0.7 or 0.9"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_even_when_only_compiled(warehouse: Path, call: str, said: str) -> None:
    done = dbt(warehouse, "compile", call)
    assert done.returncode != 0
    assert said in done.stdout


@pytest.mark.parametrize(
    ("call", "there", "line"),
    [
        ("interested_in(category='Tree Tents')", "there is 7, Thé, d'Anne", "tree_tents,category,Tree Tents,,"),
        ("interested_in(keyword='tea, \"T\"')", "there is Mug", 'tea_t,keyword,"tea, ""T""",,'),
        ("interested_in(brand='7')", "there is Nike", "7,brand,7,,"),
    ],
)
def test_what_nobody_foretells_is_refused_with_a_remedy(warehouse: Path, call: str, there: str, line: str) -> None:
    done = dbt(warehouse, "show", call)
    assert done.returncode != 0
    assert there in done.stdout
    assert f"Add a line `{line}` to seeds/interests.csv" in done.stdout


@pytest.mark.parametrize(
    ("call", "there"),
    [
        ("interested_in(brand='Nike')", "there is no brand 'Nike'; there are: 7, Anne"),
        ("interested_in(category='tea')", "there is no category 'tea'; there are: 7, Thé, d'Anne, Tree Tents"),
        ("interested_in(product=8)", "there is no product '8'; there are: 7, tea, tent"),
    ],
)
def test_what_the_shop_does_not_have_is_refused_whatever_the_seed_says(warehouse: Path, call: str, there: str) -> None:
    done = dbt(warehouse, "show", call)
    assert done.returncode != 0
    assert there in done.stdout
