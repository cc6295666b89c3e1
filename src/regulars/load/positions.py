"""The position of each row within its order, for files whose lines have no number of their own.

Every row of the order counts, those that cannot be used too: the lines behind a bad row keep their numbers when it is
put right, and a line never takes the number of another.
"""

from regulars.load.casting import identifier
from regulars.load.staging import Context

POSITIONS = "load_positions"
"""Temp table (_line, position), one row per row with an order."""

WHOLE_ORDERS = "load_whole_orders"
"""Temp table (order_id)."""


def number_rows(context: Context, typed: str, key: str) -> None:
    """Make :data:`POSITIONS` for the rows of ``typed``, whose column ``key`` names the order."""
    connection, name = context.connection, identifier(key)
    if not count_rows_of_unknown_order(context, typed, key):
        connection.execute(
            f"create or replace temp table {POSITIONS} as select _line, "
            f"row_number() over (partition by {name} order by _line) as position from {typed}"
        )
        return
    # A row that does not say its order belongs to the one around it; where two orders meet, to the one behind if only
    # that one's id stands among its fields.
    unread = f"union all select _line, null, _raw from {context.source.broken}" if context.source.broken else ""
    connection.execute(
        f"""
        create or replace temp table {POSITIONS} as
        with rows as (
            select _line, {name} as own, cast(null as varchar) as raw from {typed} {unread}
        ),
        between as (
            select
                *,
                last_value(own ignore nulls) over (
                    order by _line rows between unbounded preceding and 1 preceding
                ) as before,
                first_value(own ignore nulls) over (
                    order by _line rows between 1 following and unbounded following
                ) as after,
                list_transform(string_split_regex(raw, '[,;\t|]'), lambda field: trim(field, ' "')) as fields
            from rows
        ),
        owned as (
            select
                _line,
                case
                    when own is not null then own
                    when before = after then after
                    when list_contains(fields, after) and not coalesce(list_contains(fields, before), false) then after
                end as owner
            from between
        )
        select _line, row_number() over (partition by owner order by _line) as position
        from owned where owner is not null
        """
    )


def list_whole_orders(context: Context, typed: str, key: str) -> int:
    """Make :data:`WHOLE_ORDERS`, the orders without a faulty row; gives how many faulty rows may be anybody's."""
    order = identifier(key)
    context.connection.execute(
        f"create or replace temp table {WHOLE_ORDERS} as select {order} as order_id from {typed} "
        f"where {order} is not null group by all having count(_fault) = 0"
    )
    return count_rows_of_unknown_order(context, typed, key)


def count_rows_of_unknown_order(context: Context, typed: str, key: str) -> int:
    """How many rows of the file do not say which order they belong to."""
    counts = [f"select count(*) as rows from {typed} where {identifier(key)} is null"]
    if context.source.broken:
        counts.append(f"select count(*) from {context.source.broken}")
    row = context.connection.execute(f"select sum(rows) from ({' union all '.join(counts)})").fetchone()
    return int(row[0]) if row else 0
