"""How good the predictions are on a shop's real orders, beside simple rules and known tools, in one run.

    python benchmarks/prediction_quality.py --lines orders.parquet --as-of 2011-09-09 --horizons 30,90 --levels product

The lines before the as-of date become the landing tables of a scratch warehouse, which is built by `dbt build`; what
the project's own models then say is held against the lines from the as-of date on. See benchmarks/README.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import prediction_quality_lines as shop
import prediction_quality_measures as measures
from prediction_quality_lines import HORIZONS, LEVELS, RefusedError
from prediction_quality_measures import Customers, Floats, Measured, Predictions
from prediction_quality_table import GOALS, PEERS, shown

from regulars.predict.affinity import nodes
from regulars.predict.affinity.audience import set_factors
from regulars.predict.threads import use_one_thread

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
NOT_MEASURED = "not measured: run make bench-predictions"
MOST_NUMBERS = 100_000_000
"""Of the matrix customers × items whose audiences are ranked: 400 MB for each peer on disk."""
MOST_LISTED = 20_000_000
MOST_PLACES = 300
LEAST_PLACES = 20
"""What var affinity_top is by default."""
LEAST_ITEMS = 2 * measures.PLACES


@dataclass
class Run:
    """One measurement: what was asked, what was found, and how long each step took."""

    folder: Path
    as_of: date
    horizons: list[int]
    levels: list[str]
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """By name of the figure, then by who said it."""
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The scratch warehouse."""
        return self.folder / "shop.duckdb"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say on stderr what is done and how long it took."""
        began = time.perf_counter()
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 1)
            print(f" {self.seconds[name]:.1f} s", file=sys.stderr, flush=True)

    def add(self, who: str, measured: Measured, pattern: str) -> None:
        """Keep figures under their full names: ``pattern`` with the short name in the place of the braces."""
        for name, value in measured.figures.items():
            self.figures.setdefault(pattern.format(name), {})[who] = value
        for name, reason in measured.reasons.items():
            self.reasons.setdefault(pattern.format(name), {})[who] = reason


def build(run: Run, select: list[str], places: int, most_seconds: int) -> str | None:
    """Build the project's own models; what went wrong, if anything did. What was built before that is measured."""
    environment = os.environ | {
        "REGULARS_DATABASE": str(run.database),
        "DBT_TARGET_PATH": str(run.folder / "target"),
        "DBT_LOG_PATH": str(run.folder / "logs"),
    }
    settings = {"as_of_date": run.as_of.isoformat(), "affinity_top": places}
    words = [
        str(BIN / "dbt"), "--quiet", "--no-use-colors", "build", "--select", *select,
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--vars", json.dumps(settings),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=most_seconds
        )
    except subprocess.TimeoutExpired:
        return f"dbt build was ended after {most_seconds} seconds (--most-seconds)"
    return f"dbt build failed: {(done.stdout + done.stderr).strip()[-3000:]}" if done.returncode else None


# -- what Regulars says -----------------------------------------------------------------------------------------------
def has_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether the build made it."""
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    ).fetchone()
    return bool(found and found[0])


def trained(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """What the newest training says about itself."""
    if not has_table(connection, "marts", name):
        return {"basis": None, "gate_reason": "not built"}
    row = connection.execute(f"select basis, gate_reason, choices, warnings from marts.{name}").fetchone()
    if row is None:
        return {"basis": None, "gate_reason": "nothing was trained"}
    return {"basis": row[0], "gate_reason": row[1], "choices": json.loads(row[2]), "warnings": json.loads(row[3])}


def intent_of(
    connection: duckdb.DuckDBPyConnection, customers: Customers, as_of: date
) -> tuple[Predictions, dict[str, int]]:
    """`pred_purchase_intent` in the order of the customers; NaN where it says nothing; and what is odd about it."""
    rows = connection.execute(
        f"""
        select customer_id, purchase_probability_30d, purchase_probability_90d, expected_orders_90d,
            expected_revenue_90d, next_order_within_90d_on - date '{as_of}' as days_to_next
        from marts.pred_purchase_intent order by customer_id
        """
    ).fetchnumpy()
    position = {customer: number for number, customer in enumerate(customers.ids)}
    places = np.array([position.get(customer, -1) for customer in rows["customer_id"]], dtype=np.int64)

    def column(name: str) -> Floats:
        values = np.full(len(customers), np.nan)
        values[places[places >= 0]] = np.ma.filled(rows[name].astype(np.float64), np.nan)[places >= 0]
        return values

    said = Predictions(
        probability={h: column(f"purchase_probability_{h}d") for h in HORIZONS},
        orders=column("expected_orders_90d"),
        revenue=column("expected_revenue_90d"),
        days_to_next=column("days_to_next"),
    )
    known = np.isin(np.arange(len(customers)), places)
    odd = {
        "customers_without_row": int((~known).sum()),
        "rows_without_buyer": int((places < 0).sum()),
        "buyers_without_probability_90d": int(np.isnan(said.probability[90]).sum()),
        "buyers_without_date": int(np.isnan(column("days_to_next")).sum()),
        "probability_30d_above_90d": int((said.probability[30] > said.probability[90] + 1e-9).sum()),
        "probability_outside_0_1": int(sum(((p < 0) | (p > 1)).sum() for p in said.probability.values())),
    }
    return said, odd


def audiences_of(
    connection: duckdb.DuckDBPyConnection, customers: Customers, as_of: date, level: str, items: list[str]
) -> Iterable[Floats]:
    """Each item's score of every customer, as `pred_interested_in` computes it: one item is an interest."""
    facts = nodes.rows(_relation(connection, "intermediate.int_prediction_gate"))[0]
    stored = _relation(connection, "marts.pred_affinity_models")
    model = nodes.model_of(facts, stored)[0]
    names = ("snapshots", "customers", "items", "item_facts", "customer_items")
    relations = {name: _relation(connection, f"intermediate.int_affinity_{name}") for name in names}
    tables = nodes.Tables(**relations | {"customers": _relation(connection, "intermediate.int_affinity_scoring")})
    fitted = model.audiences[level]
    neighbours = nodes.neighbours_of(tables, as_of, level, 20_000)
    use_one_thread()
    now, coming = nodes.scored_part(tables, as_of, level, "true")
    coming = np.where(np.isnan(coming), fitted.returning.probability(now), np.clip(coming, 1e-6, 1 - 1e-6))
    keys = dict(
        connection.execute(
            "select item, item_key from intermediate.int_affinity_items where kind = ?", [level]
        ).fetchall()
    )
    position = {customer: number for number, customer in enumerate(customers.ids)}
    places = np.array([position[customer] for customer in now.customer_ids.to_pylist()], dtype=np.int64)
    key_places = {key: number for number, key in enumerate(now.item_keys.tolist())}
    for item in items:
        score = np.full(len(customers), np.nan)
        # An item that the project does not know at all ranks by who comes, as an interest without items would.
        asked = np.array([key_places[keys[item]]] if keys.get(item) in key_places else [], dtype=np.int64)
        score[places] = fitted.log_odds(set_factors(now, neighbours, coming, asked))
        yield score


def _relation(connection: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """As dbt hands over a `ref`."""
    return connection.sql(f"select * from {name}")


# -- what others say --------------------------------------------------------------------------------------------------
def export(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """What every peer gets of the time before the as-of date, and nothing else."""
    _copy(
        connection,
        f"select customer_id, ordered_on, paid from lines where ordered_on < date '{run.as_of}'",
        run.folder / "before.parquet",
    )
    _copy(
        connection,
        f"select distinct customer_id from lines where ordered_on < date '{run.as_of}' order by 1",
        run.folder / "customers.parquet",
    )
    for name in ("training", "scoring"):
        if has_table(connection, "intermediate", f"int_intent_{name}"):
            _copy(connection, f"select * from intermediate.int_intent_{name}", run.folder / f"{name}.parquet")


def export_level(connection: duckdb.DuckDBPyConnection, run: Run, level: str, asked: list[str]) -> None:
    """The same of one level, whose item tables are there now."""
    _copy(connection, "select customer_id, item, days from owned order by all", run.folder / f"owned_{level}.parquet")
    _copy(
        connection,
        "select distinct customer_id from targets where is_known order by 1",
        run.folder / f"buyers_{level}.parquet",
    )
    connection.execute("create or replace temp table asked as select unnest(?::varchar[]) as item", [asked])
    _copy(connection, "select item from asked", run.folder / f"asked_{level}.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"copy ({query}) to '{path}' (format parquet)")


def run_peers(run: Run, python: Path, levels: list[str]) -> dict[str, dict[str, Any]]:
    """What `peers.py` printed: of each peer its files, or a reason."""
    if not python.is_file():
        return {peer: {"reason": NOT_MEASURED} for peer in PEERS}
    words = [
        str(python), str(ROOT / "benchmarks" / "peers.py"), str(run.folder), "--as-of", run.as_of.isoformat(),
        "--horizons", ",".join(map(str, run.horizons)), "--levels", ",".join(levels),
    ]  # fmt: skip
    environment = {"OMP_NUM_THREADS": "1"} | os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip().splitlines()
        reason = f"the peers' process failed: {said[-1] if said else f'exit code {done.returncode}'}"
        return {peer: {"reason": reason} for peer in PEERS}
    found: dict[str, dict[str, Any]] = json.loads(lines[-1])
    return found


def peer_intent(connection: duckdb.DuckDBPyConnection, path: Path, customers: Customers) -> Predictions:
    """What a peer wrote of each customer."""
    table = connection.execute(f"select * from read_parquet('{path}')").fetchnumpy()
    position = {customer: number for number, customer in enumerate(customers.ids)}
    rows = [(number, position[c]) for number, c in enumerate(table["customer_id"]) if c in position]
    source, target = (np.array(side, dtype=np.int64) for side in zip(*rows, strict=True))

    def column(name: str) -> Floats | None:
        if name not in table:
            return None
        values = np.full(len(customers), np.nan)
        values[target] = np.ma.filled(table[name].astype(np.float64), np.nan)[source]
        return values

    said = Predictions(orders=column("orders"), revenue=column("revenue"), days_to_next=column("days_to_next"))
    for horizon in HORIZONS:
        for name, kept in (("probability", said.probability), ("score", said.score)):
            if (values := column(f"{name}_{horizon}")) is not None:
                kept[horizon] = values
    return said


# -- one run ----------------------------------------------------------------------------------------------------------
def measure(run: Run, lines: Path, python: Path, most_audiences: int, most_seconds: int) -> dict[str, Any]:
    """Everything, as the JSON says it."""
    result: dict[str, Any] = {"lines": {"file": str(lines)}, "as_of": run.as_of.isoformat()}
    with duckdb.connect(str(run.database)) as connection:
        with run.step("reading the lines"):
            read = shop.read_lines(connection, lines)
            shop.check_as_of(read, run.as_of)
            result["lines"] |= {
                "read": read.rows, "used": read.used, "left_out": read.left_out,
                "without_product": read.without_product, "negative_discounts": read.negative_discounts,
                "first_day": read.first_day.isoformat(), "last_day": read.last_day.isoformat(),
            }  # fmt: skip
        run.notes += line_notes(read)
        result["asked"] = {"horizons": list(run.horizons), "levels": list(run.levels)}
        run.horizons, said = shop.finished_horizons(read, run.as_of, run.horizons)
        run.notes += said
        for level in [level for level in run.levels if level not in read.level_columns()]:
            run.notes.append(f"{level}: not measured, the file has no column {level}")
            run.levels.remove(level)
        if run.levels and 90 not in run.horizons:
            run.notes.append("items: not measured, their horizon is 90 days")
            run.levels = []
        result |= {"customers": 0, "facts": {}, "regulars": {}, "peers": {}}
        if not run.horizons:
            return finished(run, result)
        with run.step("landing"):
            customers = measures.customers_of(connection, run.as_of, run.horizons)
            shop.land(connection, run.as_of, run.levels)
            connection.execute("create table main.benchmark_lines as select * from lines")
    result["customers"] = len(customers)
    for h in run.horizons:
        buyers = int((customers.orders[h] > 0).sum())
        result["facts"][f"purchase_{h}d"] = {
            "customers": len(customers), "buyers": buyers, "rate": buyers / len(customers),
            "orders": float(customers.orders[h].sum()), "revenue": float(customers.revenue[h].sum()),
        }  # fmt: skip

    places = int(np.clip(MOST_LISTED // len(customers), LEAST_PLACES, MOST_PLACES))
    select = ["+pred_purchase_intent", *(["+pred_product_affinity"] if run.levels else [])]
    with run.step("dbt build"):
        failure = build(run, select, places, most_seconds)
    result["regulars"]["failure"] = failure
    if failure:
        run.notes.append(failure)

    with duckdb.connect(str(run.database)) as connection:
        connection.execute("set timezone = 'UTC'; create temp view lines as select * from main.benchmark_lines")
        measure_intent(connection, run, customers, result)
        export(connection, run)
        levels = [
            level for level in run.levels if measure_level(connection, run, customers, level, most_audiences, result)
        ]
        with run.step("peers"):
            result["peers"] = run_peers(run, python, levels)
        with run.step("measuring the peers"):
            measure_peers(connection, run, customers, levels, result)
    return finished(run, result)


def line_notes(read: shop.Lines) -> list[str]:
    """What was left out, in sentences."""
    notes = [
        f"{count:,} of {read.rows:,} lines left out: {fault.replace('_', ' ')}"
        for fault, count in read.left_out.items()
    ]
    if read.without_product:
        notes.append(f"{read.without_product:,} lines without a product count as purchases but not as items")
    if read.negative_discounts:
        notes.append(f"{read.negative_discounts:,} negative discounts taken as none")
    return notes


def measure_intent(
    connection: duckdb.DuckDBPyConnection, run: Run, customers: Customers, result: dict[str, Any]
) -> None:
    """Purchase intent of Regulars and of the simple rules."""
    with run.step("measuring purchase intent"):
        if has_table(connection, "marts", "pred_purchase_intent"):
            said, odd = intent_of(connection, customers, run.as_of)
            result["regulars"]["purchase_intent"] = trained(connection, "pred_intent_models") | {"checks": odd}
            run.notes += [
                f"pred_purchase_intent: {count} {name.replace('_', ' ')}" for name, count in odd.items() if count
            ]
        else:
            said = Predictions()
            result["regulars"]["purchase_intent"] = {"basis": None, "gate_reason": "not built"}
        rules = {
            "regulars": said,
            "recency": measures.by_recency(customers),
            "own_frequency": measures.by_own_frequency(customers),
        }
        gate = result["regulars"]["purchase_intent"]["gate_reason"]
        for who, predictions in rules.items():
            for horizon in run.horizons:
                measured = measures.intent_figures(customers, predictions, horizon)
                if who == "regulars" and gate and not said_anything(predictions, horizon):
                    measured.reasons = dict.fromkeys(measured.reasons, gate)
                run.add(who, measured, f"{{}}_{horizon}d")


def said_anything(predictions: Predictions, horizon: int) -> bool:
    """Whether anybody has a probability."""
    return horizon in predictions.probability and bool(np.isfinite(predictions.probability[horizon]).any())


def measure_level(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    customers: Customers,
    level: str,
    most_audiences: int,
    result: dict[str, Any],
) -> bool:
    """Next items and audiences of one level, by Regulars and simple rules; whether there is anything to measure."""
    with run.step(f"measuring {level}"):
        shop.item_days(connection, run.as_of, level)
        facts = measures.make_item_tables(connection, run.as_of, 90)
        result["facts"][level] = facts
        few = facts["items_before"] <= LEAST_ITEMS
        if not facts["buyers_of_known_items"]:
            run.notes.append(f"{level}: not measured, nobody who had bought before bought a known one in the window")
        elif few:
            run.notes.append(
                f"{level}: next items not measured, only {facts['items_before']} were sold: ten places would hold most"
            )
        if not facts["buyers_of_known_items"] or facts["items_before"] < 2:
            return False
        most = int(np.clip(MOST_NUMBERS // len(customers), 1, most_audiences))
        asked, possible = measures.asked_items(connection, most)
        facts |= {"audience_items": len(asked), "audience_items_possible": possible}
        if len(asked) < possible:
            run.notes.append(f"{level}: audiences of {len(asked)} of {possible} items, evenly chosen")
        buyers = measures.buyer_matrix(connection, customers, asked)
        export_level(connection, run, level, asked)
        pattern = level + "_{}_90d"
        if not few:
            measures.make_simple_lists(connection)
            for rule, who in (("frequency", "own_frequency"), ("popularity", "popularity")):
                lists = (f"select * from {rule}_top", f"select * from {rule}_new")
                run.add(who, measures.list_figures(connection, *lists), pattern)
        for who, simple in (
            ("recency", (-customers.recency_days for _ in asked)),
            ("own_frequency", measures.frequency_audiences(connection, customers, asked)),
        ):
            run.add(who, measures.audience_figures(len(customers), buyers, simple), pattern)
        if not has_table(connection, "marts", "pred_product_affinity"):
            absent = Measured()
            for name in [name for name in run.figures if name.startswith(f"{level}_")]:
                absent.miss(name, "pred_product_affinity was not built")
            run.add("regulars", absent, "{}")
            return True
        result["regulars"].setdefault("affinity", trained(connection, "pred_affinity_models"))
        listed = f"select customer_id, item, rank as place from marts.pred_product_affinity where kind = '{level}'"
        if not few:
            new = (
                "select customer_id, item, row_number() over (partition by customer_id order by place) as place"
                f" from ({listed}) as listed anti join owned using (customer_id, item)"
            )
            run.add("regulars", measures.list_figures(connection, listed, new), pattern)
            chances = first_ten(connection, level)
            facts |= chances
            if chances["hits_of_first_ten"]:
                bias = chances["expected_hits_of_first_ten"] / chances["hits_of_first_ten"] - 1
                run.figures.setdefault(f"{level}_first_ten_bias_90d", {})["regulars"] = bias
        scores = audiences_of(connection, customers, run.as_of, level, asked)
        try:
            run.add("regulars", measures.audience_figures(len(customers), buyers, scores), pattern)
        except Exception as error:  # the library's fault is a finding, and must not hide the other figures
            run.notes.append(f"{level}: audiences not measured, {type(error).__name__}: {error}")
        return True


def first_ten(connection: duckdb.DuckDBPyConnection, level: str) -> dict[str, Any]:
    """What the chances of everybody's first ten items add up to, and how many were bought."""
    row = connection.execute(
        f"""
        with listed as (
            select customer_id, item, purchase_probability_90d as chance, rank as place
            from marts.pred_product_affinity where kind = '{level}'
        )
        select count(*) filter (chance is null or isnan(chance)), coalesce(sum(chance) filter (place <= 10), 0),
            count(*) filter (place <= 10 and targets.item is not null)
        from listed left join targets on listed.customer_id = targets.customer_id and listed.item = targets.item
        """
    ).fetchone()
    assert row is not None
    return {"rows_without_probability": row[0], "expected_hits_of_first_ten": row[1], "hits_of_first_ten": row[2]}


def measure_peers(
    connection: duckdb.DuckDBPyConnection, run: Run, customers: Customers, levels: list[str], result: dict[str, Any]
) -> None:
    """The same figures of what the peers wrote."""
    for who, said in result["peers"].items():
        answers: dict[str, str] = said.pop("answers", {})
        if "note" in answers:
            said["note"] = answers["note"]
        if "intent" in answers:
            predictions = peer_intent(connection, run.folder / answers["intent"], customers)
            for horizon in run.horizons:
                run.add(who, measures.intent_figures(customers, predictions, horizon), f"{{}}_{horizon}d")
    for level in levels:
        shop.item_days(connection, run.as_of, level)
        facts = measures.make_item_tables(connection, run.as_of, 90)
        asked = [
            r[0]
            for r in connection.execute(
                f"select item from read_parquet('{run.folder}/asked_{level}.parquet')"
            ).fetchall()
        ]
        buyers = measures.buyer_matrix(connection, customers, asked)
        pattern = level + "_{}_90d"
        for who in PEERS:
            base = run.folder / who.removeprefix("implicit_")
            top, new = (Path(f"{base}_{which}_{level}.parquet") for which in ("top", "new"))
            if top.is_file() and new.is_file() and facts["items_before"] > LEAST_ITEMS:
                lists = (f"select * from read_parquet('{path}')" for path in (top, new))
                run.add(who, measures.list_figures(connection, *lists), pattern)
            if (path := Path(f"{base}_audience_{level}.npy")).is_file():
                scores = np.load(path, mmap_mode="r")
                run.add(who, measures.audience_figures(len(customers), buyers, scores), pattern)


def finished(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    """The result with the figures, notes and seconds."""
    result["measured"] = {"horizons": run.horizons, "levels": run.levels}
    return result | {"figures": run.figures, "reasons": run.reasons, "notes": run.notes, "seconds": run.seconds}


def asked_list(text: str, allowed: tuple[Any, ...], what: str) -> list[Any]:
    """A list between commas, each one of ``allowed``, in their order."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    known = {str(value): value for value in allowed}
    for name in names:
        if name not in known:
            raise RefusedError(f"{what} {name!r} is not one of {', '.join(known)}")
    return [value for name, value in known.items() if name in names]


def parsed(words: list[str] | None) -> tuple[argparse.Namespace, date, list[int], list[str]]:
    """The arguments, checked as far as that goes without the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True, help="Parquet file of order lines")
    parser.add_argument("--as-of", required=True, help="what came before this day is known, e.g. 2011-09-09")
    parser.add_argument("--horizons", default="30,90", help="days: 30, 90 or both")
    parser.add_argument("--levels", default="product", help="of product, category, brand; '' for none")
    parser.add_argument("--json", action="store_true", help="everything as JSON instead of a table")
    parser.add_argument(
        "--goals", action="store_true", help="beside the goals, which are for the UK data of the README"
    )
    parser.add_argument("--audiences", type=int, default=2000, help="at most so many items' audiences (2000)")
    parser.add_argument("--most-seconds", type=int, default=7200, help="for dbt build (7200)")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, help="Python with requirements-peers.txt")
    parser.add_argument("--keep", type=Path, help="keep the scratch warehouse in this folder")
    args = parser.parse_args(words)
    try:
        as_of = date.fromisoformat(args.as_of)
    except ValueError:
        raise RefusedError(f"as-of {args.as_of!r} is no date like 2011-09-09") from None
    horizons = asked_list(args.horizons, HORIZONS, "horizon")
    if not horizons:
        raise RefusedError("no horizon was asked for; 30, 90 or both")
    if args.audiences < 1:
        raise RefusedError(f"audiences {args.audiences} is less than 1")
    if args.most_seconds < 1:
        raise RefusedError(f"most-seconds {args.most_seconds} is less than 1")
    return args, as_of, horizons, asked_list(args.levels, LEVELS, "level")


def main(words: list[str] | None = None) -> int:
    """0: measured, whatever came of it. 1: the project's models could not be built. 2: refused."""
    try:
        args, as_of, horizons, levels = parsed(words)
        with tempfile.TemporaryDirectory() as scratch:
            folder = args.keep or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            run = Run(folder.resolve(), as_of, horizons, levels)
            run.database.unlink(missing_ok=True)
            result = measure(run, args.lines, args.peers_python, args.audiences, args.most_seconds)
    except RefusedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.goals:
        result["goals"] = {name: list(goal) for name, goal in GOALS.items()}
    print(json.dumps(result, indent=1, allow_nan=False) if args.json else shown(result))
    return 1 if result["regulars"].get("failure") else 0


if __name__ == "__main__":
    sys.exit(main())
