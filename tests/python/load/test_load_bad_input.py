"""Every reason a row is rejected for, and every file that is refused, each tried as a new user would."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from regulars.load.reasons import REASONS

LINES = "order_id,line_number,product_id,quantity,unit_price"
REFUNDS = "refund_id,order_id,refunded_at,amount"
RATES = "day,currency,rate"
EVENTS = "event_id,customer_id,event_type,occurred_at"
CUSTOMERS = "customer_id,email,email_consent,attributes"
ORDERS = "order_id,customer_id,ordered_at,status,currency,shipping_amount"


# Each row alone is bad; the first row of the file is good, so the reason is the row's and not the file's.
BAD_ROWS = [
    ("orders", ORDERS, "2,c,31/02/2024,paid,EUR,1", "unparsable_timestamp"),
    ("orders", ORDERS, "2,c,2024-02-31,paid,EUR,1", "unparsable_timestamp"),
    ("orders", ORDERS, "2,c,2024-02-20 25:00,paid,EUR,1", "unparsable_timestamp"),
    ("orders", ORDERS, "2,c,infinity,paid,EUR,1", "unparsable_timestamp"),
    ("orders", ORDERS, "2,c,1705312800,paid,EUR,1", "unparsable_timestamp"),
    ("orders", ORDERS, "2,c,,paid,EUR,1", "missing_value"),
    ("orders", ORDERS, "2,c,2024-06-02T00:00:01Z,paid,EUR,1", "timestamp_in_future"),
    ("orders", ORDERS, ",c,2024-02-20,paid,EUR,1", "null_key"),
    ("orders", ORDERS, "  ,c,2024-02-20,paid,EUR,1", "null_key"),
    ("orders", ORDERS, "2,c,2024-02-20,shipped,EUR,1", "unknown_status"),
    ("orders", ORDERS, "2,c,2024-02-20,,EUR,1", "missing_value"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EURO,1", "unknown_currency"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,ZZZ,1", "unknown_currency"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,,1", "missing_value"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,abc", "unparsable_number"),
    ("orders", ORDERS, '2,c,2024-02-20,paid,EUR,"1,5"', "unparsable_number"),
    ("orders", ORDERS, '2,c,2024-02-20,paid,EUR,"1,234"', "unparsable_number"),
    ("orders", ORDERS, '2,c,2024-02-20,paid,EUR,"12,34.5"', "unparsable_number"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,1_000", "unparsable_number"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,€ 5", "unparsable_number"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,NaN", "number_not_finite"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,-Infinity", "number_not_finite"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,1000000000000.01", "number_out_of_range"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,-1e13", "number_out_of_range"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,1e400", "number_out_of_range"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR", "wrong_column_count"),
    ("orders", ORDERS, "2,c,2024-02-20,paid,EUR,1,more", "wrong_column_count"),
    ("orders", ORDERS, '2,c,2024-02-20,paid,EUR,"1', "broken_quotes"),
    ("orders", ORDERS, '2,c,2024-02-20,paid,"EUR"x,1', "broken_quotes"),
    ("orders", ORDERS, b"2,\xe9,2024-02-20,paid,EUR,1", "invalid_utf8"),
    ("orders", ORDERS, b"2,c\x00,2024-02-20,paid,EUR,1", "invalid_character"),
    ("order_lines", LINES, "1,x,p,1,1", "unparsable_number"),
    ("order_lines", LINES, "1,1.5,p,1,1", "unparsable_number"),
    ("order_lines", LINES, "1,,p,1,1", "null_key"),
    ("order_lines", LINES, "1,2,p,,1", "missing_value"),
    ("order_lines", LINES, "1,2,p,inf,1", "number_not_finite"),
    ("order_lines", LINES, "1,2,p,1e7,1e7", "number_out_of_range"),
    ("order_lines", LINES, "9,1,p,1,1", "order_line_without_order"),
    ("refunds", REFUNDS, "r2,9,2024-02-20,1", "refund_without_order"),
    ("refunds", REFUNDS, "r2,1,2024-02-20,-1", "negative_value"),
    ("exchange_rates", RATES, "2024-02-21,USD,99999999999", "number_out_of_range"),
    ("exchange_rates", RATES, "2024-2-21,USD,1.1", "unparsable_timestamp"),
    ("web_events", EVENTS, "e2,c,hovered,2024-02-20", "unknown_event_type"),
    ("web_events", EVENTS, "e2,,viewed_product,2024-02-20", "no_customer"),
    ("customers", CUSTOMERS, "c2,a@example.com,maybe,", "unparsable_boolean"),
    ("customers", CUSTOMERS, "c2,a@example.com,yes,{broken", "unparsable_json"),
]
GOOD_ROWS = {
    "orders": "1,c,2024-01-15,paid,EUR,1",
    "order_lines": "1,1,p,1,1",
    "refunds": "r1,1,2024-02-20,1",
    "exchange_rates": "2024-02-20,USD,1.1",
    "web_events": "e1,c,viewed_product,2024-02-20",
    "customers": 'c1,b@example.com,no,"{""a"": 1}"',
}


def bad_file(shop, table: str, header: str, row: str | bytes) -> Path:
    raw = row if isinstance(row, bytes) else row.encode()
    path = shop.write(f"{table}.csv", header.encode() + b"\n" + GOOD_ROWS[table].encode() + b"\n" + raw + b"\n")
    if table in ("order_lines", "refunds"):
        shop.orders("1,c,2024-01-15,paid,EUR")
        return path
    return path


@pytest.mark.parametrize(("table", "header", "row", "reason"), BAD_ROWS)
def test_a_bad_row_is_rejected_with_its_reason_and_the_others_are_loaded(shop, table, header, row, reason) -> None:
    bad_file(shop, table, header, row)
    outcome = shop.load(shop.folder, "--max-reject-share", "1")
    assert outcome.exit_code == 0
    assert shop.reasons() == [(3, reason)]
    assert shop.count(table) == 1
    assert f"1  {reason}" in outcome.output
    file, name, message, row_json = shop.query("select file, table_name, message, row_json from raw.rejected_rows")[0]
    assert (Path(file).name, name) == (f"{table}.csv", table)
    assert message.endswith(".") or "Expected" in message
    assert row_json.startswith("{")


@pytest.mark.parametrize(("table", "header", "row", "reason"), [BAD_ROWS[0], *BAD_ROWS[25:31], *BAD_ROWS[36:40]])
def test_above_the_share_nothing_of_the_file_is_kept_but_its_rejected_rows(shop, table, header, row, reason) -> None:
    path = bad_file(shop, table, header, row)
    if table in ("order_lines", "refunds"):
        shop.load(shop.folder / "orders.csv")
    outcome = shop.load(path)
    assert outcome.exit_code == 1
    assert "1 of 2 rows cannot be used" in outcome.error
    assert "raw.rejected_rows" in outcome.error
    assert shop.count(table) == 0
    assert shop.reasons() == [(3, reason)]
    assert shop.query(f"select count(*) from raw.loaded_files where table_name = '{table}'") == [(0,)]


def test_every_reason_has_a_case() -> None:
    tried = {reason for *_, reason in BAD_ROWS}
    elsewhere = {"duplicate_key", "invalid_json"}
    assert tried | elsewhere == set(REASONS)


def test_a_key_with_different_content_in_one_file_is_rejected_and_identical_rows_collapse(shop) -> None:
    path = shop.orders(*["1,c,2024-01-15,paid,EUR"] * 3, "2,c,2024-01-15,paid,EUR", "2,c,2024-01-15,paid,USD")
    summary = shop.load(path, "--max-reject-share", "1", "--json").summary
    assert summary["files"][0]["tables"] == [{"table": "orders", "rows": 5, "loaded": 1, "unchanged": 2, "rejected": 2}]
    assert shop.reasons() == [(5, "duplicate_key"), (6, "duplicate_key")]


def test_the_share_is_a_limit_that_may_be_reached(shop) -> None:
    rows = [f"{number},c,2024-01-15,paid,EUR" for number in range(99)]
    path = shop.orders(*rows, "x,c,2024-01-15,lost,EUR")
    assert shop.load(path).exit_code == 0
    assert shop.count("orders") == 99


def test_terminal_and_messages_hold_no_value_of_a_rejected_row(shop) -> None:
    path = shop.orders("1,c,jane.doe@example.com,paid,EUR", "2,c,2024-01-15,jane.doe@example.com,EUR")
    outcome = shop.load(path)
    assert outcome.exit_code == 1
    assert "jane" not in outcome.output + outcome.error
    assert shop.query("select count(*) from raw.rejected_rows where message like '%jane%'") == [(0,)]
    assert shop.query("select count(*) from raw.rejected_rows where row_json like '%jane%'") == [(2,)]


def test_a_stray_quote_costs_one_row_and_hides_none(shop) -> None:
    rows = [f"{number},c,2024-01-15,paid,EUR" for number in range(50)]
    rows[10] = '10,"c,2024-01-15,paid,EUR'
    assert shop.load(shop.orders(*rows), "--max-reject-share", "0.1").exit_code == 0
    assert shop.count("orders") == 49
    assert shop.reasons() == [(12, "broken_quotes")]


def test_two_stray_quotes_far_apart_do_not_swallow_what_is_between(shop) -> None:
    rows = [f"{number},c,2024-01-15,paid,EUR" for number in range(2000)]
    rows[10] = '10,"c,2024-01-15,paid,EUR'
    rows[1900] = '1900,c",2024-01-15,paid,EUR'
    assert shop.load(shop.orders(*rows)).exit_code == 0
    # A quote in the middle of a plain field is an ordinary character.
    assert shop.count("orders") == 1999
    assert shop.reasons() == [(12, "broken_quotes")]


REFUSED_FILES = [
    ("orders.csv", b"", [], "is empty (0 bytes)"),
    ("orders.csv", b"\n\n", [], "is empty; expected a header"),
    ("orders.csv", b"a,b\n1,2\n", [], "orders needs the columns order_id"),
    ("orders.csv", b"order_id,order_id\n1,2\n", [], "names order_id more than once"),
    ("orders.csv", b"order_id,,x\n1,2,3\n", [], "column 2 of the header has no name"),
    ("orders.csv", b"order_id,\xe9\n1,2\n", [], "the header is not UTF-8"),
    ("orders.csv", "order_id,x\n1,2\n".encode("utf-16-le"), [], "--encoding utf-16-le"),
    ("orders.csv", b"order_id,orderd_at,status,currency\n", [], "did you mean ordered_at?"),
    ("orders.csv", b"order_id,ordered_at,status,currency,shiping_amount\n", [], "did you mean shipping_amount?"),
    ("orders.parquet", b"PAR1 not really", [], "is no whole Parquet file"),
    ("orders.xlsx", b"not a workbook", [], "cannot be read as a workbook"),
    ("orders.jsonl", b"\n", [], "holds no JSON object"),
    ("orders.json", b"{}", [], "write one object a line"),
    ("orders.pdf", b"x", [], "says no format the loader reads"),
    ("odrers.csv", b"x", [], "did you mean orders?"),
    ("orders_lines.csv", b"x", [], "did you mean order_lines"),
    ("sales.csv", b"x", [], "the name says no landing table"),
    ("orders.csv", b"order_id,x\n", ["--preset", "online-retail"], "has no column InvoiceNo"),
    ("orders.csv", b"Order ID,x\n", ["--preset", "woocommerce-orders"], "Export with one row per line item"),
    ("orders.csv", b"x\n", ["--preset", "shopfy-orders"], "did you mean shopify-orders?"),
    ("orders.csv", b"x\n", ["--encoding", "latin-99"], "--encoding latin-99 is not known"),
    ("orders.csv", b"x\n", ["--time-zone", "Europe/Atlantis"], "is no time zone"),
    ("orders.csv", b"x\n", ["--date-format", "day.month"], "is no format"),
    ("orders.csv", b"x\n", ["--decimal", "semicolon"], "--decimal semicolon is not known"),
    ("orders.csv", b"x\n", ["--thousands", "comma", "--decimal-comma"], "are the same character"),
    ("orders.csv", b"x\n", ["--max-reject-share", "7"], "is no share"),
    ("orders.csv", b"x\n", ["--now", "yesterday"], "is no ISO time"),
    ("orders.csv", b"x\n", ["--preset", "generic", "--mapping", "x.yml"], "exclude each other"),
]


@pytest.mark.parametrize(("name", "content", "options", "words"), REFUSED_FILES)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(shop, name, content, options, words) -> None:
    outcome = shop.load(shop.write(name, content), *options)
    assert outcome.exit_code == 2
    assert words in outcome.error
    assert "Traceback" not in outcome.output
    if shop.database.exists():
        assert all(not rows for rows in shop.dump().values())


def test_a_missing_file_names_a_close_one(shop) -> None:
    shop.orders("1,c,2024-01-15,paid,EUR")
    outcome = shop.load(shop.folder / "order.csv")
    assert outcome.exit_code == 2
    assert "does not exist; did you mean orders.csv?" in outcome.error


def test_folders_without_files_and_globs_without_matches_are_refused(shop) -> None:
    (shop.folder / "empty").mkdir()
    assert "is a folder without files" in shop.load(shop.folder / "empty").error
    assert "matches no file" in shop.load(shop.folder / "*.csv").error
    assert "nothing to load" in shop.load().error
    shop.write("notes.txt", "hello")
    assert "no file of this folder has a name that fits" in shop.load(shop.folder).error


def test_a_header_without_rows_loads_nothing_and_says_so(shop) -> None:
    outcome = shop.load(shop.orders())
    assert outcome.exit_code == 0
    assert "0 rows read" in outcome.output


def test_table_options_that_make_no_sense_are_refused(shop) -> None:
    assert "expected TABLE=FILE" in shop.load("--table", "orders").error
    assert "did you mean orders or order_lines?" in shop.load("--table", "order=x.csv").error


@pytest.mark.parametrize("cut", [40, 200])
def test_half_a_compressed_file_is_refused_and_leaves_nothing(shop, cut) -> None:
    rows = "\n".join(f"{number},c{number * 7919},2024-01-15,paid,EUR" for number in range(5000))
    whole = gzip.compress(f"order_id,customer_id,ordered_at,status,currency\n{rows}\n".encode())
    outcome = shop.load(shop.write("orders.csv.gz", whole[:-cut]))
    assert outcome.exit_code == 2
    assert "is not a whole gzip file" in outcome.error
    assert shop.count("orders") == 0


def test_half_a_zstd_or_parquet_file_is_refused(shop) -> None:
    content = "order_id,customer_id,ordered_at,status,currency\n" + "1,c,2024-01-15,paid,EUR\n" * 5000
    path = shop.folder / "orders.csv.zst"
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(content.encode())
    assert shop.load(path).exit_code == 0
    shop.write("orders-half.csv.zst", path.read_bytes()[:-20])
    outcome = shop.load(shop.folder / "orders-half.csv.zst")
    assert outcome.exit_code == 2
    assert "is not a whole zstd file" in outcome.error
    assert shop.count("orders") == 1
    table = pa.table({"order_id": ["1"] * 1000})
    pyarrow.parquet.write_table(table, shop.folder / "orders.parquet")
    shop.write("orders-half.parquet", (shop.folder / "orders.parquet").read_bytes()[:-200])
    assert "is no whole Parquet file" in shop.load(shop.folder / "orders-half.parquet").error


def test_a_file_refused_later_in_the_batch_leaves_the_earlier_ones(shop) -> None:
    shop.orders("1,c,2024-01-15,paid,EUR")
    shop.write("refunds.csv", "nonsense\n1\n")
    outcome = shop.load(shop.folder)
    assert outcome.exit_code == 2
    assert "refunds needs the columns" in outcome.error
    assert shop.count("orders") == 1


def test_not_a_database(shop) -> None:
    shop.database.write_text("this is a text file, long enough to be looked at " * 50)
    outcome = shop.load(shop.orders("1,c,2024-01-15,paid,EUR"))
    assert outcome.exit_code == 2
    assert "cannot be opened as a DuckDB database" in outcome.error
