"""How long everything about audiences takes, from their models to the overview, beside one hand-written statement.

    python benchmarks/audiences.py --customers 1000000 --audiences 50 100 200

The marts that audiences read are those of a sample shop of 2,000 customers, copied until there are enough; making them
is not measured. The audiences are those that ship and as many more as are asked for, in a copy of the project. The
reference does without dbt, arms, history and overview: one statement that selects every audience's customers and counts
them. See README.md in this folder.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from scale import PROJECT, Run, measured, say

BIN = Path(sys.executable).parent
SAMPLE_CUSTOMERS = 2000
COPIED = (
    "customer_facts", "customer_lifecycle", "customer_importance", "customer_personas", "customer_rfm",
    "customer_types", "customer_segments", "customer_ad_segments", "dim_customers", "fct_orders", "fct_order_lines",
    "pred_purchase_intent", "pred_interested_in",
)  # fmt: skip
"""What audience models read of customers."""
LISTED = "macros/audiences/audience_models.sql"
MEASURED = ("path:models/audiences+", "int_audience_definitions+")


@dataclass
class Row:
    """One number of audiences: the first build, which writes all of history, the next day's, and the reference."""

    audiences: int
    memberships: int
    first: Run
    next_day: Run
    reference: Run


def bodies() -> list[str]:
    """The rules of made-up audiences, as different as shops make them."""
    countries = ["DK", "FI", "SE", "NO", "GB"]
    labels = [
        *(f"importance('{code}')" for code in ("vip", "frequent", "loyal", "one_time")),
        *(f"persona('{code}')" for code in ("high_roller", "one_hit_wonder", "brand_enthusiast", "dead_weight")),
        *(f"customer_type('{code}')" for code in ("loyal", "at_risk", "low_value_active", "subscriber")),
        *(f"ad_segment('{code}')" for code in ("sale_shoppers", "gift_buyers", "disengaged", "best_customers")),
        "bought(category='tents')", "bought(keyword='mug', since=365)", "orders(count='>= 3', last='<= 180')",
        "likely_to_buy(days=90, top_share=0.3)", "interested_in(category='clothing')",
    ]  # fmt: skip
    narrowed = [
        f"{{{{ {label} }}}}\n\nintersect\n\n{{{{ attribute('country', in=['{country}']) }}}}"
        for country, label in itertools.product(countries, labels)
    ]
    states = ("new", "active", "slipping_away", "lost")
    crossed = [
        f"{{{{ {label} }}}}\n\nintersect\n\n{{{{ lifecycle('{state}') }}}}"
        for state, label in itertools.product(states, labels)
    ]
    return [f"{{{{ {label} }}}}" for label in labels] + crossed + narrowed


def copy_project(folder: Path, audiences: int) -> Path:
    """The project with as many audience models; every fifth new one holds a tenth back, every third competes."""
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    for name in ("models", "macros", "seeds", "python_models", "tests", "dbt_project.yml"):
        source = PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, project / name)
    shipped = sorted(path.stem for path in (project / "models" / "audiences").glob("aud_*.sql"))
    more = list(itertools.islice(itertools.cycle(bodies()), max(audiences - len(shipped), 0)))
    for number, body in enumerate(more):
        name = f"made_up_{number:03d}"
        meta = "".join(
            [
                f"          label: Made up {number}\n          purpose: Somebody.\n",
                "          holdout_share: 0.1\n" if number % 5 == 0 else "",
                f"          channel: email\n          priority: {number + 100}\n" if number % 3 == 0 else "",
            ]
        )
        path = project / "models" / "audiences" / f"aud_{name}"
        path.with_suffix(".sql").write_text(
            f"with\n\nmembers as (\n\n{body}\n\n)\n\nselect '{name}' as audience, customer_id\n\nfrom members\n"
        )
        path.with_suffix(".yml").write_text(
            f"models:\n  - name: aud_{name}\n    description: Made up.\n"
            f"    config:\n      meta:\n        audience:\n{meta}"
        )
    names = [*shipped[:audiences], *(f"aud_made_up_{number:03d}" for number in range(len(more)))]
    for left_out in shipped[audiences:]:
        for suffix in (".sql", ".yml"):
            (project / "models" / "audiences" / f"{left_out}{suffix}").unlink()
    listed = "".join(f"        '{name}',\n" for name in names)
    text = (project / LISTED).read_text(encoding="utf-8")
    (project / LISTED).write_text(re.sub(r"return\(\[\n.*\n    \]\)", f"return([\n{listed}    ])", text, flags=re.S))
    return project


def make_sample(folder: Path) -> Path:
    """A sample shop, loaded and built; kept for the next run."""
    database = folder / "sample.duckdb"
    if database.exists():
        return database
    say(f"a sample shop of {SAMPLE_CUSTOMERS:,} customers")
    environment = environment_of(folder, folder / "unfinished.duckdb")
    regulars, dbt = str(BIN / "regulars"), str(BIN / "dbt")
    shop = folder / "shop"
    shutil.rmtree(shop, ignore_errors=True)
    for words in (
        [regulars, "sample", "--out", str(shop), "--customers", str(SAMPLE_CUSTOMERS)],
        [regulars, "load", str(shop)],
        [dbt, "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"],
    ):
        measured(words, environment, folder / "sample.log")
    (folder / "unfinished.duckdb").rename(database)
    return database


def environment_of(folder: Path, database: Path) -> dict[str, str]:
    """Everything of a run in one folder."""
    return os.environ | {
        "REGULARS_DATABASE": str(database),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_PROFILES_DIR": str(PROJECT),
    }


def multiply(sample: Path, database: Path, customers: int) -> None:
    """The sample's marts as often as it takes, each copy's customers with a number behind their id; no memory yet."""
    shutil.copyfile(sample, database)
    copies = max(customers // SAMPLE_CUSTOMERS, 1)
    with duckdb.connect(database) as connection:
        # All of the one shop first: some are views of others.
        for table in COPIED:
            connection.execute(f"create temp table one_{table} as select * from marts.{table}")
        for table in COPIED:
            connection.execute(
                f"create table marts.copied as select rows.* replace (customer_id || '-' || number as customer_id)"
                f" from one_{table} as rows cross join range({copies}) as copies(number)"
            )
            (kind,) = connection.execute(
                "select table_type from information_schema.tables"
                f" where table_name = '{table}' and table_schema = 'marts'"
            ).fetchall()[0]
            connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} marts.{table} cascade")
            connection.execute(f"alter table marts.copied rename to {table}")
        connection.execute("drop table intermediate.int_audience_memory")


def reference(folder: Path, database: Path) -> Run:
    """Every audience's customers counted, in one statement over the views that dbt left."""
    code = (
        "import duckdb, sys\n"
        "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        'views = [name for (name,) in connection.execute("select table_name from information_schema.tables'
        " where table_schema = 'audiences'\").fetchall()]\n"
        "union = ' union all '.join(f'select audience, customer_id from audiences.{name}' for name in views)\n"
        "print(connection.execute(f'select audience, count(*) from ({union}) group by audience').fetchall())\n"
    )
    return measured([sys.executable, "-c", code, str(database)], dict(os.environ), folder / "reference.log")


def bench(customers: int, numbers: list[int], folder: Path) -> list[Row]:
    """One row a number of audiences, each on a fresh copy."""
    sample = make_sample(folder)
    rows = []
    for number in numbers:
        say(f"{customers:,} customers, {number} audiences")
        database = folder / "copies.duckdb"
        multiply(sample, database, customers)
        project = copy_project(folder, number)
        environment = environment_of(folder, database)
        words = [str(BIN / "dbt"), "run", "--project-dir", str(project), "--select", *MEASURED]
        measured([str(BIN / "dbt"), "parse", "--project-dir", str(project)], environment, folder / "parse.log")
        first = measured(words, environment, folder / f"first-{number}.log")
        next_day = measured(words, environment, folder / f"next-{number}.log")
        alone = reference(folder, database)
        with duckdb.connect(database, read_only=True) as connection:
            ((count,),) = connection.execute("select count(*) from intermediate.int_audience_members").fetchall()
        rows.append(Row(number, count, first, next_day, alone))
        results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
        slowest = sorted(results, key=lambda row: -row["execution_time"])[:8]
        say("  ".join(f"{row['unique_id'].split('.')[-1]} {row['execution_time']:.1f} s" for row in slowest))
    return rows


def table(customers: int, rows: list[Row]) -> str:
    """The rows as people read them."""
    lines = [
        f"{customers:,} customers; seconds by the clock (CPU s, peak GB)",
        "",
        f"{'audiences':>9}{'memberships':>13}{'first build':>24}{'build once more':>24}"
        f"{'one statement':>24}{'ratio':>7}",
    ]
    for row in rows:
        cells = [
            f"{run.seconds:.1f} ({run.cpu_seconds:.1f}, {run.peak_gigabytes:.2f})"
            for run in (row.first, row.next_day, row.reference)
        ]
        ratio = row.next_day.seconds / row.reference.seconds
        lines.append(f"{row.audiences:>9}{row.memberships:>13,}{cells[0]:>24}{cells[1]:>24}{cells[2]:>24}{ratio:>7.1f}")
    return "\n".join(lines)


def main() -> None:
    """Run it and print the table or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers (default 1000000)")
    parser.add_argument("--audiences", type=int, nargs="+", default=[50, 100, 200], help="numbers of audience models")
    parser.add_argument("--dir", type=Path, help="folder to work in; keeps the sample shop (default: temporary)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    folder = given.dir or Path(tempfile.mkdtemp(prefix="regulars-audiences-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        rows = bench(given.customers, given.audiences, folder)
    finally:
        if given.dir is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps([asdict(row) for row in rows], indent=2) if given.json else table(given.customers, rows))


if __name__ == "__main__":
    main()
