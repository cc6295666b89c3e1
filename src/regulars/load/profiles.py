"""Profiles that an order export tells of, put together with what is known already.

An export of orders says little of a customer: a country, perhaps an e-mail. It adds to a stored profile and takes
nothing from it; a consent that came with a file of customers is not lost because orders came after it.
"""

from duckdb import DuckDBPyConnection

from regulars.load.landing import TABLES_BY_NAME


def complete_profiles(connection: DuckDBPyConnection) -> None:
    """Fill what ``load_out_customers`` leaves empty from the newest stored profiles; the earlier creation counts."""
    columns = [column.name for column in TABLES_BY_NAME["customers"].columns if column.name != "customer_id"]
    merged = ", ".join(
        f"least(told.{name}, known.{name}) as {name}"
        if name == "created_at"
        else f"coalesce(told.{name}, known.{name}) as {name}"
        for name in columns
    )
    connection.execute(
        f"""
        create or replace temp table load_out_customers as
        select told._line, told.customer_id, {merged}
        from load_out_customers as told
        left join (
            select *, row_number() over (partition by customer_id order by _loaded_at desc) as version
            from raw.customers semi join load_out_customers using (customer_id)
        ) as known on told.customer_id = known.customer_id and known.version = 1
        """
    )
