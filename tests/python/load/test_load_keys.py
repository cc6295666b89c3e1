"""Blanks around a key are no part of it, in any table and any format: 17 with and without them is one customer."""

import pyarrow as pa
import pyarrow.parquet
import pytest

from regulars.load.landing import TABLES, Column

VALUES = {
    "timestamp": "2024-01-15T10:00:00Z",
    "date": "2024-01-15",
    "amount": "1",
    "rate": "1",
    "quantity": "1",
    "integer": "1",
}
BLANKS = " {} "


def value(column: Column) -> str:
    if column.allowed:
        return column.allowed[0]
    return "EUR" if column.is_currency else VALUES.get(column.type, "17")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_blanks_around_text_are_taken_off(shop, table, ending) -> None:
    shop.load(shop.orders("17,c,2024-01-15,paid,EUR"))
    keys = {*table.key, "order_id", "customer_id", "product_id", "event_id", "campaign_id"}
    columns = [column for column in table.columns if column.required or column.name in keys]
    row = {column.name: value(column) for column in columns}
    if ending == "csv":
        cells = (BLANKS.format(cell) for cell in row.values())
        path = shop.write(f"{table.name}_blanks.csv", f"{','.join(row)}\n{','.join(cells)}\n")
    else:
        path = shop.folder / f"{table.name}_blanks.parquet"
        pyarrow.parquet.write_table(pa.table({name: [BLANKS.format(cell)] for name, cell in row.items()}), path)
    outcome = shop.load(path)
    assert outcome.exit_code == 0, outcome.error
    texts = [column.name for column in columns if column.type == "text"]
    stored = shop.query(f"select {', '.join(texts)} from raw.{table.name} order by _loaded_at desc limit 1")
    assert stored == [tuple(row[name] for name in texts)]


def test_one_customer_with_and_without_blanks(shop) -> None:
    orders = shop.orders("1, 17 ,2024-01-15,paid,EUR", " 2,17\t,2024-01-15,paid,EUR", "3,17\u00a0,2024-01-15,paid,EUR")
    customers = shop.write("customers.csv", "customer_id,email\n 17 ,a@example.com\n")
    assert shop.load(orders, customers).exit_code == 0
    assert shop.query("select distinct customer_id from raw.orders") == [("17",)]
    assert shop.query("select customer_id from raw.customers") == [("17",)]
