"""A shop's order lines from one Parquet file: what can be used, and the landing tables of what came before a date."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from regulars.load.landing import create_tables

NEEDED = ("customer_id", "ordered_at", "product_id", "quantity", "unit_price")
OPTIONAL = ("order_id", "category", "brand", "discount_amount")
LEVELS = ("product", "category", "brand")
HORIZONS = (30, 90)
AMOUNT = "decimal(18, 4)"


class RefusedError(Exception):
    """What was asked for cannot be measured; the sentence says why."""


@dataclass(frozen=True)
class Lines:
    """What the file holds, beside the temporary table ``lines``."""

    rows: int
    used: int
    left_out: dict[str, int]
    without_product: int
    negative_discounts: int
    first_day: date
    last_day: date
    columns: tuple[str, ...]

    def level_columns(self) -> tuple[str, ...]:
        """The levels that the file has a column for."""
        return tuple(level for level in LEVELS if level == "product" or level in self.columns)


def read_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> Lines:
    """Make the temporary table ``lines`` of what can be used and count what is left out, each line by its first fault.

    Raises
    ------
    RefusedError: no readable Parquet file, a missing column, values of another type, or no usable line.
    """
    # Timestamps with a time zone become days in this one, as in the shop's warehouse.
    connection.execute("set timezone = 'UTC'")
    if not path.is_file():
        raise RefusedError(f"there is no file {path}")
    try:
        described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        raise RefusedError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None
    types = {row[0]: row[1] for row in described}
    if missing := [name for name in NEEDED if name not in types]:
        raise RefusedError(f"{path} lacks the column {', '.join(missing)}; needed are {', '.join(NEEDED)}")
    try:
        connection.execute(
            f"""
            create or replace temp table read_lines as
            select
                {_text("customer_id", types)} as customer_id,
                cast(ordered_at as timestamp) as ordered_at,
                {_text("product_id", types)} as product_id,
                try_cast({_number("quantity", types)} as {AMOUNT}) as quantity,
                try_cast({_number("unit_price", types)} as {AMOUNT}) as unit_price,
                {_text("category", types) if "category" in types else "cast(null as varchar)"} as category,
                {_text("brand", types) if "brand" in types else "cast(null as varchar)"} as brand,
                coalesce(try_cast({_number("discount_amount", types) if "discount_amount" in types else "0"}
                    as {AMOUNT}), 0) as discount_amount
            from read_parquet(?)
            """,
            [str(path)],
        )
    except duckdb.Error as error:
        raise RefusedError(f"{path} has values that cannot be read: {_first_line(error)}") from None
    connection.execute(
        """
        create or replace temp table judged_lines as
        select *, case
            when customer_id is null then 'no_customer'
            when ordered_at is null or not isfinite(ordered_at) then 'no_date'
            when quantity is null or quantity <= 0 then 'quantity_not_positive'
            when unit_price is null or unit_price <= 0 then 'price_not_positive'
        end as fault
        from read_lines
        """
    )
    connection.execute(
        """
        create or replace temp table lines as
        select
            customer_id, ordered_at, cast(ordered_at as date) as ordered_on, product_id, quantity, unit_price, category,
            brand, greatest(discount_amount, 0) as discount_amount,
            cast(quantity * unit_price as double) - cast(greatest(discount_amount, 0) as double) as paid
        from judged_lines where fault is null
        """
    )
    counted = connection.execute(
        """
        select
            count(*), count(*) filter (fault is null),
            count(*) filter (fault is null and product_id is null),
            count(*) filter (fault is null and discount_amount < 0),
            min(cast(ordered_at as date)) filter (fault is null), max(cast(ordered_at as date)) filter (fault is null)
        from judged_lines
        """
    ).fetchone()
    assert counted is not None
    faults = connection.execute(
        "select fault, count(*) from judged_lines where fault is not null group by 1"
    ).fetchall()
    connection.execute("drop table judged_lines; drop table read_lines")
    if not counted[1]:
        raise RefusedError(f"{path} has no line with a customer, a date, and a positive quantity and price")
    return Lines(
        rows=counted[0],
        used=counted[1],
        left_out=dict(sorted(faults)),
        without_product=counted[2],
        negative_discounts=counted[3],
        first_day=counted[4],
        last_day=counted[5],
        columns=tuple(types),
    )


def check_as_of(lines: Lines, as_of: date) -> None:
    """Refuse a date with nothing before it or nothing on or after it."""
    if not lines.first_day < as_of <= lines.last_day:
        raise RefusedError(
            f"as-of {as_of} is outside of the data, which go from {lines.first_day} to {lines.last_day}; there must be"
            " orders before it and on or after it"
        )


def finished_horizons(lines: Lines, as_of: date, horizons: list[int]) -> tuple[list[int], list[str]]:
    """The horizons whose window ends within the file, and a sentence about each of the others."""
    finished, notes = [], []
    for horizon in horizons:
        last = as_of + timedelta(days=horizon - 1)
        if last <= lines.last_day:
            finished.append(horizon)
        else:
            notes.append(
                f"{horizon} days: not measured, the window goes to {last} and the file ends on {lines.last_day}"
            )
    return finished, notes


def land(connection: duckdb.DuckDBPyConnection, as_of: date, levels: list[str]) -> None:
    """The lines before the as-of date as orders, order lines and products; one customer-day is one order."""
    loaded_at = f"timestamptz '{as_of} 00:00:00+00'"
    create_tables(connection)
    connection.execute(
        f"""
        insert into raw.orders by name
        select customer_id || ' ' || ordered_on as order_id, customer_id,
            min(ordered_at) at time zone 'UTC' as ordered_at, 'paid' as status, 'GBP' as currency,
            {loaded_at} as _loaded_at
        from lines where ordered_on < ? group by customer_id, ordered_on
        """,
        [as_of],
    )
    connection.execute(
        f"""
        insert into raw.order_lines by name
        select customer_id || ' ' || ordered_on as order_id,
            row_number() over (
                partition by customer_id, ordered_on order by product_id, quantity, unit_price, discount_amount
            ) as line_number,
            product_id, quantity, unit_price, discount_amount, {loaded_at} as _loaded_at
        from lines where ordered_on < ?
        """,
        [as_of],
    )
    category, brand = (f"max({level})" if level in levels else "null" for level in ("category", "brand"))
    connection.execute(
        f"""
        insert into raw.products by name
        select product_id, {category} as category, {brand} as brand, {loaded_at} as _loaded_at
        from lines where ordered_on < ? and product_id is not null group by product_id
        """,
        [as_of],
    )


def item_days(connection: duckdb.DuckDBPyConnection, as_of: date, level: str) -> None:
    """The temporary table ``item_days``: one row per customer, day and item of a level, before and after the date.

    A product's category or brand is what its lines before the date say, and of a later product what its own say.
    """
    item = "lines.product_id" if level == "product" else f"products.{level}"
    connection.execute(
        f"""
        create or replace temp table item_days as
        with products as (
            select product_id,
                coalesce(max(category) filter (ordered_on < date '{as_of}'), max(category)) as category,
                coalesce(max(brand) filter (ordered_on < date '{as_of}'), max(brand)) as brand
            from lines where product_id is not null group by product_id
        )
        select distinct lines.customer_id, lines.ordered_on, {item} as item
        from lines inner join products on lines.product_id = products.product_id
        where {item} is not null
        """
    )


def _text(name: str, types: dict[str, str]) -> str:
    """A column as text without outer blanks; null where empty or not a number."""
    text = f"nullif(trim(cast({name} as varchar)), '')"
    return f"case when not isnan({name}) then {text} end" if types[name] in ("DOUBLE", "FLOAT") else text


def _number(name: str, types: dict[str, str]) -> str:
    return f"case when isfinite({name}) then {name} end" if types[name] in ("DOUBLE", "FLOAT") else name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
