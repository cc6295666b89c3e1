"""An export that comes again replaces its orders whole: what an order no longer has is withdrawn.

The landing tables are append only, so a line that is gone gets a newer version that says nothing is there: quantity,
price and discount 0; a refund that is gone: amount and quantity 0. Withdrawn are only rows of orders that the file
holds whole. An order with a rejected row keeps what is stored of it, for the rejected row may be just that.
"""

from dataclasses import dataclass

import duckdb

from regulars.load.casting import identifier, quote
from regulars.load.landing import LOADED_AT, LOADED_FILES, TABLES_BY_NAME, Table
from regulars.load.positions import WHOLE_ORDERS, list_whole_orders
from regulars.load.staging import Context, Replaced
from regulars.load.wording import counted

_LINES = TABLES_BY_NAME["order_lines"]
_REFUNDS = TABLES_BY_NAME["refunds"]


@dataclass(frozen=True)
class Withdrawn:
    """New versions of stored rows that the file no longer has."""

    table: Table
    relation: str
    rows: int


def find_withdrawn(context: Context, replaced: Replaced, preset: str) -> tuple[list[Withdrawn], list[str]]:
    """What the file's orders no longer have, and sentences for the summary.

    Parameters
    ----------
    context:
        The file; its orders, lines and refunds are in the relations ``load_out_…``.
    replaced:
        Its rows and the orders they belong to.
    preset:
        Name of the mapping. Refunds that another one loaded, such as a refunds file, are never withdrawn.
    """
    connection = context.connection
    unknown = list_whole_orders(context, replaced.typed, replaced.key)
    # An order whose rows are well but lack its date or state was rejected as a whole.
    connection.execute(f"delete from {WHOLE_ORDERS} where order_id not in (select order_id from load_out_orders)")
    found = [_gone_lines(connection)]
    if replaced.refund_id is not None:
        found.append(_gone_refunds(connection, preset, replaced.refund_id))
    found = [item for item in found if item.rows]
    if not found or not unknown:
        return found, []
    return [], [
        f"{in_words(found)} of these orders stay although the file no longer has them: "
        f"{counted(unknown, 'rejected row does', 'rejected rows do')} not say the order and may be theirs"
    ]


def _gone_lines(connection: duckdb.DuckDBPyConnection) -> Withdrawn:
    relation = f"load_gone_{_LINES.name}"
    connection.execute(
        f"""
        create or replace temp table {relation} as
        select order_id, line_number, product_id, product_title, 0 as quantity, 0 as unit_price, 0 as discount_amount
        from (
            select *, row_number() over (partition by order_id, line_number order by {LOADED_AT} desc) as version
            from {_LINES.relation} semi join {WHOLE_ORDERS} using (order_id)
        ) as stored anti join load_out_order_lines using (order_id, line_number)
        where version = 1 and (quantity <> 0 or unit_price <> 0 or coalesce(discount_amount, 0) <> 0)
        """
    )
    return Withdrawn(_LINES, relation, _count(connection, relation))


def _gone_refunds(connection: duckdb.DuckDBPyConnection, preset: str, refund_id: str) -> Withdrawn:
    relation = f"load_gone_{_REFUNDS.name}"
    # The id says which order's export made the refund; its order_id may be another, for a return of an earlier sale.
    connection.execute(
        f"""
        create or replace temp table {relation} as
        select
            refund_id, order_id, refunded_at, 0 as amount, line_number,
            case when quantity is not null then 0 end as quantity
        from (
            select *, row_number() over (partition by refund_id order by {LOADED_AT} desc) as version
            from {_REFUNDS.relation}
            where regexp_extract(refund_id, {quote(refund_id)}, 1) in (select order_id from {WHOLE_ORDERS})
        ) as stored anti join load_out_refunds using (refund_id)
        where version = 1 and (amount <> 0 or coalesce(quantity, 0) <> 0) and {LOADED_AT} in (
            select {LOADED_AT} from {LOADED_FILES.relation}
            where table_name = {quote(_REFUNDS.name)} and preset = {quote(preset)}
        )
        """
    )
    return Withdrawn(_REFUNDS, relation, _count(connection, relation))


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def insert_withdrawn(connection: duckdb.DuckDBPyConnection, withdrawn: Withdrawn, loaded_at: str) -> None:
    """Store the new versions."""
    columns = ", ".join(identifier(name) for name in withdrawn.table.column_names)
    connection.execute(
        f"insert into {withdrawn.table.relation} ({columns}, {LOADED_AT}) "
        f"select {columns}, {loaded_at} from {withdrawn.relation}"
    )


def in_words(withdrawn: list[Withdrawn]) -> str:
    """`3 lines and 1 refund`."""
    words = {_LINES.name: "line", _REFUNDS.name: "refund"}
    return " and ".join(counted(item.rows, words[item.table.name]) for item in withdrawn)
