"""Any bytes whatever: no crash, and every row read is loaded, unchanged or rejected."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.errors import UsageError
from regulars.load.landing import create_tables
from regulars.load.mapping import preset
from regulars.load.run import Options, Request, load_files

from .quiet import NOW, Quiet

PIECES = st.sampled_from(
    [
        b"1",
        b"2",
        b"c",
        b"2024-01-15",
        b"2024-01-15T10:00:00Z",
        b"2024-13-45",
        b"paid",
        b"EUR",
        b"4.90",
        b"1,5",
        b"nan",
        b",",
        b",",
        b",",
        b",",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b'""',
        b"\x00",
        b"\xff",
        b"\xe9",
        "é".encode(),
        b"\xed\xa0\x80",
        b" ",
        b"\t",
        b"\x1a",
        b"\xe2\x80\xa8",
    ]
)
ROW = st.sampled_from(
    [
        b"1,c,2024-01-15,paid,EUR,1\n",
        b"2,c,2024-01-15,paid,EUR,2\n",
        b"3,c,2024-01-16,test,GBP,\n",
        b'4,"c\nd",,paid,EUR,\n',
    ]
)
BODY = st.lists(st.one_of(PIECES, ROW), max_size=40).map(b"".join)
HEADER = b"order_id,customer_id,ordered_at,status,currency,shipping_amount\n"
PROFILE = settings(
    derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None
)
FEW = settings(PROFILE, max_examples=20)


def loaded(connection: duckdb.DuckDBPyConnection, name: str, content: bytes, share: float) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        options = Options(mapping=preset("generic"), now=NOW, max_reject_share=share)
        before = counts(connection)
        try:
            (report,) = load_files(connection, [Request(path)], options, Quiet())
        except UsageError:
            assert counts(connection) == before
            return
    count = report.tables[0]
    if report.outcome == "unchanged":
        assert (count.loaded, count.rejected) == (0, 0)
        assert counts(connection) == before
        return
    assert min(count.loaded, count.unchanged, count.rejected) >= 0
    assert count.rows == count.loaded + count.unchanged + count.rejected == report.rows
    assert report.rejected == count.rejected == sum(report.reasons.values())
    if report.outcome == "rolled_back":
        assert counts(connection)["orders"] == before["orders"]
        assert report.rejected > share * report.rows
    else:
        assert counts(connection)["orders"] == before["orders"] + count.loaded


def counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = ("orders", "loaded_files")
    return {name: connection.execute(f"select count(*) from raw.{name}").fetchall()[0][0] for name in tables}


def fresh() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("set threads = 1")
    create_tables(connection)
    return connection


@PROFILE
@given(body=BODY, share=st.sampled_from([0.0, 0.5, 1.0]))
def test_any_csv_is_accounted_for(body, share) -> None:
    with fresh() as connection:
        loaded(connection, "orders.csv", HEADER + body, share)
        # Again, under another name: nothing is added, whatever the file was.
        before = counts(connection)["orders"]
        loaded(connection, "orders-2.csv", HEADER + body, share)
        assert counts(connection)["orders"] == before


@FEW
@given(content=st.one_of(st.binary(max_size=200), BODY))
def test_any_bytes_are_read_or_refused(content) -> None:
    with fresh() as connection:
        for name in ("orders.csv", "orders.jsonl", "orders.parquet", "orders.csv.gz"):
            loaded(connection, name, content, 1.0)


@FEW
@given(rows=st.lists(st.tuples(st.sampled_from("123"), st.sampled_from(["paid", "test"])), max_size=8), data=st.data())
def test_the_order_of_rows_changes_nothing(rows, data) -> None:
    shuffled = data.draw(st.permutations(rows))
    stored = []
    for order in (rows, shuffled):
        body = "".join(f"{key},c,2024-01-15,{status},EUR,\n" for key, status in order).encode()
        with fresh() as connection:
            loaded(connection, "orders.csv", HEADER + body, 1.0)
            stored.append(connection.execute("select order_id, status from raw.orders order by all").fetchall())
    assert stored[0] == stored[1]
