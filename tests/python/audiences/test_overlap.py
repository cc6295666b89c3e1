"""How many customers two audiences share: DuckDB's bitmaps beside the join of other engines."""

import shutil

import duckdb
import yaml
from conftest import ROOT
from project.dbt_runs import run_dbt

QUERIES = {"bitmaps": "{{ shared_counts('members') }}", "joined": "{{ default__shared_counts('members') }}"}
# Two full blocks of 65,536 and a bit of a third; `few` has one customer of each, and `nobody_else` shares none.
MEMBERS = """
create table members as
select 'one_in_' || divisor as audience, 'customer-' || number as customer_id
from range(140000) as numbers(number) cross join (values (1), (2), (3), (7), (65536)) as _(divisor)
where number % divisor = 0
union all
select 'few', 'customer-' || number from (values (0), (65535), (65536), (131071), (131072), (139999)) as _(number)
union all
select 'nobody_else', 'else-' || number from range(10) as numbers(number)
"""


def test_bitmaps_count_as_the_join_does(tmp_path):
    little = tmp_path / "project"
    (little / "models").mkdir(parents=True)
    shutil.copytree(ROOT / "macros", little / "macros")
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    kept = {key: settings[key] for key in ("name", "version", "profile", "flags", "vars")}
    (little / "dbt_project.yml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    for name, sql in QUERIES.items():
        (little / "models" / f"{name}.sql").write_text(sql, encoding="utf-8")
    run_dbt("compile", database=tmp_path / "shop.duckdb", scratch=little, variables={}, project=little)
    found = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(MEMBERS)
        for name in QUERIES:
            made = little / "target" / "compiled" / settings["name"] / "models" / f"{name}.sql"
            found[name] = connection.execute(f"from ({made.read_text(encoding='utf-8')}) order by all").fetchall()
    assert ("one_in_1", "one_in_2", 70000) in found["bitmaps"]
    assert ("few", "one_in_65536", 3) in found["bitmaps"]
    assert not any("nobody_else" in row for row in found["bitmaps"])
    assert found["bitmaps"] == found["joined"]
