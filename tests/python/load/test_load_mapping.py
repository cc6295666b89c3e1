"""Mappings: the Olist files as in docs/map-your-own-shop.md, and mapping files with mistakes."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

ORDERS = """
tables:
  - table: orders
    match: sales*
    columns:
      order_id: number
      ordered_at: day
      status: {value: paid}
      currency: {value: EUR}
"""


def test_olist_is_mapped_as_the_page_says(shop, fixtures, data) -> None:
    mapping = fixtures / "olist.yml"
    files = [data(f"olist_10k_{name}.parquet") for name in ("orders", "order_items", "products")]
    outcome = shop.load("--mapping", mapping, *files)
    assert outcome.exit_code == 0
    assert [shop.count(table) for table in ("orders", "order_lines", "products")] == [10_000, 11_252, 6_123]
    # As in the files: sums of price and of freight, and the persons behind the orders.
    assert shop.query("select sum(quantity * unit_price) from raw.order_lines") == [(Decimal("1381936.76"),)]
    assert shop.query("select sum(shipping_amount) from raw.orders") == [(Decimal("218056.74"),)]
    assert shop.query("select count(distinct customer_id), count(customer_id) from raw.orders") == [(9_920, 10_000)]
    assert shop.query("select status, count(*) from raw.orders group by 1 order by 1") == [
        ("cancelled", 155),
        ("paid", 9_843),
        ("pending", 2),
    ]
    assert "already loaded" in shop.load("--mapping", mapping, files[0]).output


def test_the_page_shows_the_mapping_that_is_tested(fixtures) -> None:
    page = (Path(__file__).parents[3] / "docs" / "map-your-own-shop.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert (fixtures / "olist.yml").read_text() in blocks


def test_columns_constants_defaults_values_and_lookups(shop) -> None:
    shop.write(
        "mapping.yml",
        """
name: mine
time_zone: Europe/Berlin
decimal: ","
date_format: "%d.%m.%Y"
tables:
  - table: orders
    match: sales*
    columns:
      order_id: [no, Number]
      customer_id: {from: client, lookup: {file: people.csv, key: id, value: person}}
      ordered_at: Day
      status: {from: State, values: {Done: paid, 0: test}, default: pending}
      currency: {value: EUR}
      shipping_amount: {from: Number, lookup: {file: parcels.csv, key: order, value: cost, combine: sum}}
      channel: {from: Source, optional: true, default: shop}
""",
    )
    shop.write("people.csv", "id,person\n7,anna\n8,ben\n8,ben\n")
    shop.write("parcels.csv", 'order;cost\n1;"1,50"\n1;2,25\n')
    path = shop.write("sales.csv", "Number,Client,Day,State\n1,7,15.01.2024,done\n2,8,16.01.2024,\n3,9,17.01.2024,0\n")
    outcome = shop.load("--mapping", shop.folder / "mapping.yml", path)
    assert outcome.exit_code == 0, outcome.error
    assert "people.csv does not hold the Client of 1 row; the column stays empty there" in outcome.output
    columns = "order_id, customer_id, strftime(ordered_at, '%Y-%m-%d %H:%M'), status, shipping_amount, channel"
    assert shop.query(f"select {columns} from raw.orders order by 1") == [
        ("1", "anna", "2024-01-14 23:00", "paid", Decimal("3.75"), "shop"),
        ("2", "ben", "2024-01-15 23:00", "pending", None, "shop"),
        ("3", None, "2024-01-16 23:00", "test", None, "shop"),
    ]
    # What a lookup takes is part of the file's content: it is read again when the other file changes.
    shop.write("people.csv", "id,person\n7,anna\n8,ben\n9,carl\n")
    shop.load("--mapping", shop.folder / "mapping.yml", path)
    assert shop.query("select customer_id from raw.orders where order_id = '3' order by _loaded_at") == [
        (None,),
        ("carl",),
    ]


def test_a_lookup_that_is_not_clear_is_refused(shop) -> None:
    shop.write(
        "mapping.yml", ORDERS + "      customer_id: {from: client, lookup: {file: p*.csv, key: id, value: person}}\n"
    )
    path = shop.write("sales.csv", "number,day,client\n1,2024-01-15,7\n")
    words = ("--mapping", shop.folder / "mapping.yml", path)
    assert "must match exactly one file; found none" in shop.load(*words).error
    shop.write("people.csv", "id,person\n7,anna\n7,ben\n")
    assert "1 value of id with more than one person" in shop.load(*words).error
    shop.write("people.csv", "id,persn\n7,anna\n")
    assert "has no column person; did you mean persn?" in shop.load(*words).error


MISTAKES = [
    ("tables: [", "line 1", "is not YAML"),
    ("- a\n", "line 1", "expected keys such as `tables:`"),
    ("tabels: []\n", "line 1", "did you mean tables?"),
    ("name: x\n", "line 1", "`tables` lists nothing"),
    (ORDERS.replace("table: orders", "table: order"), "line 3", "did you mean orders"),
    (ORDERS.replace("ordered_at: day", "orderd_at: day"), "line 3", "did you mean ordered_at"),
    (ORDERS.replace("{value: paid}", "{vale: paid}"), "line 8", "did you mean value or values?"),
    (ORDERS.replace("{value: paid}", "{}"), "line 8", "say where it comes from"),
    (ORDERS.replace("{value: paid}", "{value: paid, from: x}"), "line 8", "exclude each other"),
    (ORDERS.replace("match: sales*", "macth: sales*"), "line 3", "match"),
    ("decimal: ';'\n" + ORDERS, "line 1", "decimal"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES)
def test_a_mapping_with_a_mistake_is_refused_with_line_and_remedy(shop, text, line, words) -> None:
    shop.write("mapping.yml", text)
    outcome = shop.load("--mapping", shop.folder / "mapping.yml", shop.write("sales.csv", "number,day\n"))
    assert outcome.exit_code == 2
    assert f"mapping.yml {line}" in outcome.error
    assert words in outcome.error


def test_files_that_the_mapping_does_not_know_are_refused(shop) -> None:
    shop.write("mapping.yml", ORDERS)
    words = ("--mapping", shop.folder / "mapping.yml")
    assert "no entry of the mapping matches" in shop.load(*words, shop.write("clients.csv", "a\n")).error
    assert "has no column day" in shop.load(*words, shop.write("sales.csv", "number,dya\n1,2\n")).error
    assert "does not exist; --mapping wants" in shop.load("--mapping", "none.yml", shop.folder / "sales.csv").error
