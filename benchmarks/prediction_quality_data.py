"""Two data sets of prediction_quality.py, from the files of ../shared/data; two examples of how to bring one's own.

python benchmarks/prediction_quality_data.py build/predictions
"""

import sys
from pathlib import Path

import duckdb

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
QUERIES = {
    "uk": f"""
        select customer_id, invoice_ts as ordered_at, stock_code as product_id, quantity, unit_price,
            invoice_no as order_id
        from read_parquet('{DATA / "online_retail_ii.parquet"}')
        where country = 'United Kingdom' and regexp_matches(stock_code, '^[0-9]{{5}}')
            and customer_id is not null and quantity > 0 and unit_price > 0
    """,
    "cdnow": f"""
        select customer_id, order_date as ordered_at, cast(null as varchar) as product_id, quantity,
            amount / quantity as unit_price
        from read_parquet('{DATA / "cdnow_sample.parquet"}')
        where quantity > 0 and amount > 0
    """,
}
"""By name of the file to make. What is no order line is filtered here; prediction_quality.py leaves out the rest."""


def main() -> int:
    """Write the files; 2 if there is nothing to make them from."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/predictions")
    folder.mkdir(parents=True, exist_ok=True)
    for name, query in QUERIES.items():
        try:
            duckdb.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet)")
        except duckdb.IOException as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
