"""How good the predictions are on a shop's real orders, beside simple and known peers, in one run.

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
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from regulars.load.landing import create_tables
from regulars.predict import metrics

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
NEEDED = ("customer_id", "ordered_at", "product_id", "quantity", "unit_price")
OPTIONAL = ("order_id", "category", "brand", "discount_amount")


def land(connection: duckdb.DuckDBPyConnection, lines: Path, as_of: date) -> None:
    """The lines before the as-of date as orders, order lines and products; one customer-day is one order."""
    has = {row[0] for row in connection.execute("describe select * from read_parquet(?)", [str(lines)]).fetchall()}
    if missing := [name for name in NEEDED if name not in has]:
        sys.exit(f"error: {lines} lacks the column {', '.join(missing)}; needed: {', '.join(NEEDED)}")
    optional = {name: name if name in has else "null" for name in OPTIONAL}
    connection.execute(
        f"""
        create temp table lines as
        select
            cast(customer_id as varchar) as customer_id,
            cast(ordered_at as timestamp) as ordered_at,
            cast(cast(ordered_at as timestamp) as date) as ordered_on,
            cast(product_id as varchar) as product_id,
            cast(quantity as double) as quantity,
            cast(unit_price as double) as unit_price,
            cast({optional["category"]} as varchar) as category,
            cast({optional["brand"]} as varchar) as brand,
            coalesce(cast({optional["discount_amount"]} as double), 0) as discount_amount
        from read_parquet(?)
        where customer_id is not null
        """,
        [str(lines)],
    )
    loaded_at = f"timestamptz '{as_of} 00:00:00+00'"
    create_tables(connection)
    connection.execute(
        f"""
        insert into raw.orders by name
        select customer_id || ' ' || ordered_on as order_id, customer_id,
            min(ordered_at) at time zone 'UTC' as ordered_at, 'paid' as status, 'GBP' as currency, {loaded_at} as _loaded_at
        from lines where ordered_on < ? group by customer_id, ordered_on
        """,
        [as_of],
    )
    connection.execute(
        f"""
        insert into raw.order_lines by name
        select customer_id || ' ' || ordered_on as order_id,
            cast(row_number() over (partition by customer_id, ordered_on order by product_id, quantity, unit_price) as varchar)
                as line_number,
            product_id, cast(quantity as decimal(18, 4)) as quantity, cast(unit_price as decimal(18, 4)) as unit_price,
            cast(discount_amount as decimal(18, 4)) as discount_amount, {loaded_at} as _loaded_at
        from lines where ordered_on < ?
        """,
        [as_of],
    )
    connection.execute(
        f"""
        insert into raw.products by name
        select product_id, max(category) as category, max(brand) as brand, {loaded_at} as _loaded_at
        from lines where ordered_on < ? group by product_id having max(category) is not null or max(brand) is not null
        """,
        [as_of],
    )


def build(folder: Path, database: Path, as_of: date, select: str) -> None:
    environment = os.environ | {
        "REGULARS_DATABASE": str(database),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    words = [
        str(BIN / "dbt"), "--quiet", "build", "--select", *select.split(), "--exclude-resource-type", "test",
        "--exclude-resource-type", "unit_test", "--vars", json.dumps({"as_of_date": as_of.isoformat()}),
    ]  # fmt: skip
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: dbt build failed\n{done.stdout[-3000:]}{done.stderr[-2000:]}")


def intent_figures(connection, as_of: date, horizons: list[int]) -> dict:
    out = {}
    for h in horizons:
        rows = connection.execute(
            f"""
            with window_orders as (
                select customer_id, count(distinct ordered_on) as orders, sum(quantity * unit_price - discount_amount) as revenue,
                    min(ordered_on) - date '{as_of}' as days
                from lines where ordered_on >= date '{as_of}' and ordered_on < date '{as_of}' + {h} group by customer_id
            )
            select predictions.*, coalesce(orders, 0) as orders, coalesce(revenue, 0) as revenue, days
            from marts.pred_purchase_intent as predictions left join window_orders using (customer_id)
            where purchase_probability_30d is not null order by customer_id
            """
        ).fetchnumpy()
        y = rows["orders"].astype(float)
        got = {"rate": float((y > 0).mean()), "customers": len(y)}
        if f"purchase_probability_{h}d" in rows:
            p = rows[f"purchase_probability_{h}d"].astype(float)
            got |= {"auc": metrics.area_under_curve(y, p), "log_loss": metrics.log_loss(y, p), "ece": metrics.calibration_error(y, p), "mean_p": float(p.mean())}
        if f"expected_orders_{h}d" in rows:
            n = rows[f"expected_orders_{h}d"].astype(float); r = rows["revenue"].astype(float); v = rows[f"expected_revenue_{h}d"].astype(float)
            got |= {"orders_rmse": metrics.root_mean_square_error(y, n), "orders_bias": metrics.total_bias(y, n), "rev_gini": metrics.normalised_gini(r, v), "rev_bias": metrics.total_bias(r, v)}
            k = y > 0
            dates = rows["next_order_within_90d_on"]
            d = (dates.astype("datetime64[D]") - np.datetime64(as_of)).astype(float)
            days = rows["days"].astype(float)
            got["next_mae"] = float(np.nanmean(np.abs(np.asarray(d)[k] - np.asarray(days)[k])))
            nd = rows["expected_next_order_on"]; d2 = (np.ma.filled(nd.astype("datetime64[D]"), np.datetime64("NaT")) - np.datetime64(as_of)).astype(float) if np.ma.isMaskedArray(nd) else (nd.astype("datetime64[D]") - np.datetime64(as_of)).astype(float)
        out[h] = got
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=Path, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--horizons", default="30,90")
    parser.add_argument("--levels", default="product")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    database = folder / "shop.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("set timezone='UTC'")
        land(connection, args.lines, args.as_of)
    build(folder, database, args.as_of, "+pred_purchase_intent")
    with duckdb.connect(str(database)) as connection:
        connection.execute("create temp table lines as select cast(customer_id as varchar) customer_id, cast(ordered_at as date) ordered_on, cast(product_id as varchar) product_id, quantity::double quantity, unit_price::double unit_price, 0 as discount_amount from read_parquet(?)", [str(args.lines)])
        print(json.dumps(intent_figures(connection, args.as_of, [int(h) for h in args.horizons.split(",")]), indent=1))
        print(connection.execute("select choices, warnings, basis, gate_reason from marts.pred_intent_models").fetchall())


if __name__ == "__main__":
    main()
