"""What there is to tell about a batch as a whole, beyond the counts of its files."""

import duckdb

from regulars.load.landing import LOADED_AT, LOADED_FILES
from regulars.load.wording import counted

_COUNTING = "('paid', 'partially_refunded')"
"""States of an order that can be a purchase; others need no lines."""


def newest_load(connection: duckdb.DuckDBPyConnection) -> str:
    """The time of the newest load so far, as SQL that later loads are compared with."""
    row = connection.execute(f"select epoch_us(max({LOADED_AT})) from {LOADED_FILES.relation}").fetchone()
    return f"make_timestamptz({row[0]})" if row and row[0] is not None else "timestamptz '-infinity'"


def shops_mixed(connection: duckdb.DuckDBPyConnection, since: str, database: str) -> str | None:
    """A warning if this batch brought the first orders of one kind of file to a warehouse with orders of another.

    Only files with orders say which shop it is. Customers, products or events of any kind may join them.
    """
    rows = connection.execute(
        f"""
        select {LOADED_AT} > {since} as is_new, preset, arg_min(file, {LOADED_AT})
        from {LOADED_FILES.relation}
        where table_name = 'orders' and loaded_count + unchanged_count > 0
        group by all order by min({LOADED_AT})
        """
    ).fetchall()
    stored = {preset: file for is_new, preset, file in rows if not is_new}
    added = [preset for is_new, preset, _ in rows if is_new and preset not in stored]
    if not stored or not added:
        return None
    had = ", ".join(f"{preset} ({file})" for preset, file in stored.items())
    return (
        f"{database} already held orders loaded with {had}; those of {', '.join(added)} joined them, and all are one "
        "shop now. Another shop wants a warehouse of its own: --database other.duckdb, or REGULARS_DATABASE for "
        "everything that follows."
    )


def orders_without_lines(connection: duckdb.DuckDBPyConnection, since: str) -> tuple[str | None, str | None]:
    """A warning if the lines were forgotten, else a note on the orders of the batch that have none."""
    connection.execute(
        f"create or replace temp table batch_orders as select order_id from raw.orders where {LOADED_AT} > {since} "
        f"group by order_id having arg_max(status, {LOADED_AT}) in {_COUNTING}"
    )
    row = connection.execute("select count(*) from batch_orders").fetchone()
    total = row[0] if row else 0
    if not total:
        return None, None
    # A withdrawn line has quantity 0; only orders with such a line need their newest versions looked for.
    row = connection.execute(
        f"""
        with zeroed as (
            select distinct order_id from raw.order_lines semi join batch_orders using (order_id) where quantity = 0
        ),
        lines as (
            select order_id from raw.order_lines anti join zeroed using (order_id) where quantity <> 0
            union all
            select order_id from raw.order_lines semi join zeroed using (order_id)
            group by order_id, line_number having arg_max(quantity, {LOADED_AT}) <> 0
        )
        select
            (select count(*) from batch_orders anti join lines using (order_id)),
            not exists (select 1 from raw.order_lines)
        """
    ).fetchone()
    without, is_forgotten = row if row else (0, False)
    if not without:
        return None, None
    if is_forgotten:
        return (
            f"{counted(total, 'order')} loaded, but no order_lines: an order without lines counts for nothing. Load "
            "the file with the lines too, in the same call or after it.",
            None,
        )
    return None, f"paid orders of this batch without a line, which count for nothing: {without:,} of {total:,}"
