"""The macro `interested_in`: what it compiles to, run on an audience written by hand; and what it refuses."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from conftest import BIN, ROOT

INTERESTS = [
    {"name": "anne's tea", "kind": "category", "item": "Tea"},
    {"name": "mugs", "keyword": "mug"},
    {"name": "number 7", "kind": "product", "item": 7},
]
AUDIENCE = [
    ("anne's tea", "half", 0.5),
    ("anne's tea", "most", 0.7),
    ("anne's tea", "nearly_all", 0.9),
    ("mugs", "mug_buyer", 0.5),
    ("number 7", "seventh", 0.9),
]


@pytest.fixture(scope="module")
def warehouse(built_sample_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("interests") / "shop.duckdb"
    shutil.copyfile(built_sample_shop, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from marts.pred_interested_in")
        connection.executemany(
            "insert into marts.pred_interested_in (interest, customer_id, capture_share) values (?, ?, ?)", AUDIENCE
        )
    return database


def compiled(warehouse: Path, call: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "REGULARS_DATABASE": str(warehouse),
        "DBT_TARGET_PATH": str(warehouse.with_name("target")),
        "DBT_LOG_PATH": str(warehouse.with_name("logs")),
    }
    words = [
        str(BIN / "dbt"), "--quiet", "--no-use-colors", "compile", "--vars", json.dumps({"interests": INTERESTS}),
        "--inline", f"select customer_id from {{{{ {call} }}}} as audience order by 1",
    ]  # fmt: skip
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("call", "members"),
    [
        ("interested_in('category', 'tea')", ["half", "most"]),
        ("interested_in(kind='category', item='Tea', capture=0.5)", ["half"]),
        ("interested_in('category', 'TEA', capture=0.9)", ["half", "most", "nearly_all"]),
        ("interested_in(keyword='MUG')", ["mug_buyer"]),
        ("interested_in('product', 7, capture=0.9)", ["seventh"]),
    ],
)
def test_an_audience_of_the_size_asked_for(warehouse: Path, call: str, members: list[str]) -> None:
    done = compiled(warehouse, call)
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert [row[0] for row in connection.execute(done.stdout).fetchall()] == members


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "interested_in('category', 'coffee')",
            "var `interests` has no {name: …, kind: category, item: coffee}; add it",
        ),
        ("interested_in(keyword='tea')", "var `interests` has no {name: …, keyword: tea}; add it"),
        ("interested_in('category')", "give `kind` and `item`, or `keyword`"),
        ("interested_in('category', 'tea', keyword='mug')", "give `kind` and `item`, or `keyword`"),
        ("interested_in(keyword='mug', capture=0.6)", "`capture` is 0.6; it must be 0.5, 0.7 or 0.9"),
    ],
)
def test_what_was_not_declared_is_refused_with_a_remedy(warehouse: Path, call: str, said: str) -> None:
    done = compiled(warehouse, call)
    assert done.returncode != 0
    assert said in done.stdout
