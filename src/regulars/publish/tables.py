"""What publishing did, as tables of the warehouse for BI: `publish.publish_runs` and `publish.publish_rejects`.

They are written whole after each run, from the ledger. People stand in them by a keyed hash of their customer id.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from regulars.publish.keys import person_key
from regulars.publish.ledger import Ledger

RUNS = {
    "run_id": pa.string(),
    "sync_id": pa.string(),
    "audience": pa.string(),
    "started_at": pa.timestamp("us"),
    "ended_at": pa.timestamp("us"),
    "status": pa.string(),
    "as_of_date": pa.string(),
    "definition_hash": pa.string(),
    "add_count": pa.int64(),
    "update_count": pa.int64(),
    "remove_count": pa.int64(),
    "keep_count": pa.int64(),
    "wait_count": pa.int64(),
    "no_consent_count": pa.int64(),
    "no_identifier_count": pa.int64(),
    "erased_count": pa.int64(),
    "held_back_count": pa.int64(),
    "planned_count": pa.int64(),
    "acknowledged_count": pa.int64(),
    "rejected_count": pa.int64(),
    "pending_count": pa.int64(),
    "request_count": pa.int64(),
    "message": pa.string(),
}
REJECTS = {
    "sync_id": pa.string(),
    "customer_key": pa.string(),
    "operation": pa.string(),
    "code": pa.string(),
    "pointer": pa.string(),
    "attempt_count": pa.int64(),
    "first_at": pa.timestamp("us"),
    "last_at": pa.timestamp("us"),
    "next_attempt_at": pa.timestamp("us"),
}


def read_tables(ledger: Ledger, key: bytes) -> dict[str, pa.Table]:
    """The two tables by name, as the ledger has them now; one row per run of a sync, and one per sync and person."""
    runs = ledger.fetch(
        f"select {', '.join(f'runs.{name}' if name not in _OF_PLANS else f'plans.{name}' for name in RUNS)}"
        " from sync_run as runs left join sync_plan as plans on runs.run_id = plans.run_id"
        " order by runs.started_at, runs.run_id"
    )
    rejects = ledger.fetch(
        f"select {', '.join(name if name != 'customer_key' else 'customer_id' for name in REJECTS)} from sync_reject"
        " order by sync_id, customer_id"
    )
    return {
        "publish_runs": _table(RUNS, runs),
        "publish_rejects": _table(
            REJECTS, [(sync_id, person_key(key, "customer", name), *rest) for sync_id, name, *rest in rejects]
        ),
    }


_OF_PLANS = frozenset(
    (
        "as_of_date", "definition_hash", "add_count", "update_count", "remove_count", "keep_count", "wait_count",
        "no_consent_count", "no_identifier_count", "erased_count", "held_back_count",
    )
)  # fmt: skip


def _table(columns: dict[str, pa.DataType], rows: list[tuple[object, ...]]) -> pa.Table:
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {name: pa.array(column, kind) for (name, kind), column in zip(columns.items(), values, strict=True)}
    )


def count_runs(connection: duckdb.DuckDBPyConnection, sync_ids: Sequence[str]) -> int:
    """Runs of some syncs that the warehouse, attached as `shop`, knows of, by whatever ledger.

    None where it has no such table. Of other syncs, such as those of a fake, nothing can be concluded.
    """
    try:
        ((count,),) = connection.execute(
            "select count(*) from shop.publish.publish_runs where sync_id in (select unnest($syncs::varchar[]))",
            {"syncs": list(sync_ids)},
        ).fetchall()
    except duckdb.Error:
        return 0
    return int(count)


def write_tables(warehouse: Path, tables: dict[str, pa.Table]) -> str:
    """Write the tables into the schema `publish` of the warehouse, both or neither; what was in the way, or nothing."""
    try:
        with closing(duckdb.connect(warehouse)) as connection:
            connection.execute("begin")
            connection.execute("create schema if not exists publish")
            for name, table in tables.items():
                connection.register("found", table)
                connection.execute(f"create or replace table publish.{name} as select * from found")
                connection.unregister("found")
            connection.execute("commit")
    except duckdb.Error as error:
        return (
            f"publish.publish_runs in {warehouse} stays as it was, the next run writes it: {str(error).splitlines()[0]}"
        )
    return ""
