"""How fast rows get from Arrow into a serving table of PostgreSQL, beside a plain COPY of the same rows as text.

    python benchmarks/postgres_load.py --members 1000000

The server is one of its own, safe against a loss of power, on this machine. `destination` is all that
`PostgresDestination` does with batches of 100,000 rows, two at once: bytes as they are kept, then the transaction that
commits them. `copy` is psycopg's COPY of CSV, made before, into the same table, in one transaction.
"""

import argparse
import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv
from publish_shop import IDENTIFIERS, PROPERTIES, build

from regulars.publish.destinations import Batch
from regulars.publish.destinations.postgres import PostgresDestination
from regulars.publish.settings import Postgres

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
from publish import postgres_server


def rows_of(folder: Path, members: int) -> tuple[pa.Table, dict[str, str]]:
    """The rows of everybody by customer id, and the types of the properties in DuckDB's words."""
    build(folder / "shop.duckdb", members, False, False)
    columns = [f"contacts.{name}" for name in IDENTIFIERS] + [f"segments.{name}" for name in PROPERTIES]
    with duckdb.connect(folder / "shop.duckdb", read_only=True) as connection:
        types = dict(
            connection.execute("select column_name, column_type from (describe marts.customer_segments)").fetchall()
        )
        table = connection.execute(
            f"select segments.customer_id, {', '.join(columns)} from marts.customer_segments as segments"
            " inner join intermediate.int_customer_contacts as contacts using (customer_id) order by 1"
        ).to_arrow_table()
    return table, {name: types[name] for name in PROPERTIES}


def load(destination: PostgresDestination, table: pa.Table) -> float:
    """Seconds until all is committed."""
    destination.open_object("everybody")
    size = destination.capabilities.rows_per_batch

    def send(start: int) -> str:
        part = table.slice(start, size)
        batch = Batch("upsert", "everybody", "", uuid4().hex, part.num_rows)
        return destination.send(batch, destination.body_of_table(batch, part)).outcome

    started = time.perf_counter()
    with ThreadPoolExecutor(destination.capabilities.concurrency) as pool:
        outcomes = set(pool.map(send, range(0, table.num_rows, size)))
    assert outcomes == {"acknowledged"}, outcomes
    return time.perf_counter() - started


def copy(url: str, table: pa.Table) -> float:
    """Seconds of a plain COPY into the table, which is emptied before."""
    text = io.BytesIO()
    pyarrow.csv.write_csv(table, text, pyarrow.csv.WriteOptions(include_header=False))
    with psycopg.connect(url) as session, session.cursor() as cursor:
        cursor.execute("truncate regulars.everybody")
        session.commit()
        started = time.perf_counter()
        with cursor.copy(
            f"copy regulars.everybody ({', '.join(table.column_names)}) from stdin (format csv)"
        ) as stream:
            stream.write(text.getbuffer())
        session.commit()
        return time.perf_counter() - started


def main() -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    postgres_server.OPTIONS |= {"fsync": "on", "full_page_writes": "on", "log_statement": "none"}
    print("| rows | destination rows/s | copy rows/s | ratio |\n|---|---|---|---|")
    with postgres_server.running_postgres() as server:
        table, types = rows_of(server.folder, given.members)
        for _ in range(given.times):
            settings = Postgres.model_validate({"type": "postgres", "url": {"env": "X"}, "database": "bench"})
            with psycopg.connect(server.url(), autocommit=True) as session:
                session.execute("drop schema if exists regulars cascade")
                session.execute("checkpoint")
            ours = given.members / load(PostgresDestination(settings, server.url(), IDENTIFIERS, types), table)
            plain = given.members / copy(server.url(), table)
            print(f"| {given.members:,} | {ours:,.0f} | {plain:,.0f} | {ours / plain:.2f} |", flush=True)


if __name__ == "__main__":
    main()
