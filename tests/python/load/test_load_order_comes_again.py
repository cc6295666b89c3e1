"""An export that holds an order again replaces it whole: what the order no longer has is withdrawn."""

import os
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal

import pytest

WOO = "order_id,status,order_date,order_currency,refunded_total,item_sku,item_quantity,item_total,item_refunded"
UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LATEST = """
    select {columns} from (
        select *, row_number() over (partition by {key} order by _loaded_at desc) as version from raw.{table}
    ) where version = 1 order by all
"""


def woo(*rows: str) -> str:
    """Rows of order, SKU, quantity, total and refunded."""
    cells = [row.split(",") for row in rows]
    return "\n".join([WOO, *(f"{o},completed,2024-02-01,EUR,,{s},{q},{t},{r}" for o, s, q, t, r in cells)]) + "\n"


def uci(*rows: str) -> str:
    """Rows of invoice, product, quantity and day of January 2024, at a price of 2."""
    cells = [row.split(",") for row in rows]
    return "\n".join([UCI, *(f"{i},{p},x,{q},2024-01-{d},2,17,France" for i, p, q, d in cells)]) + "\n"


def lines(shop) -> list[tuple]:
    columns = "order_id, line_number, product_id, quantity, quantity * unit_price - discount_amount"
    return shop.query(LATEST.format(columns=columns, key="order_id, line_number", table="order_lines"))


def refunds(shop) -> list[tuple]:
    columns = "refund_id, order_id, amount, quantity"
    return shop.query(LATEST.format(columns=columns, key="refund_id", table="refunds"))


def load(shop, content: str, *options: str, preset: str = "woocommerce-orders", name: str = "export.csv"):
    outcome = shop.load("--preset", preset, shop.write(name, content), *options)
    assert outcome.exit_code == 0, outcome
    return outcome


OLD = woo("1,A,2,20,5", "1,B,1,10,0", "1,C,1,4,4", "2,A,1,10,0", "2,B,1,10,3")
NEW = woo("1,A,2,20,5", "1,B,1,10,0")


def test_a_line_and_a_refund_that_are_gone_are_withdrawn_and_other_orders_stay(shop) -> None:
    load(shop, OLD)
    said = load(shop, NEW).output
    assert "1 line and 1 refund withdrawn: their orders came again without them" in said
    assert lines(shop) == [
        ("1", 1, "A", 2, 20),
        ("1", 2, "B", 1, 10),
        ("1", 3, "C", 0, 0),
        ("2", 1, "A", 1, 10),
        ("2", 2, "B", 1, 10),
    ]
    assert refunds(shop) == [("1-refund-1", "1", 5, None), ("1-refund-3", "1", 0, None), ("2-refund-2", "2", 3, None)]


def test_withdrawn_rows_are_no_rows_read(shop) -> None:
    load(shop, OLD)
    summary = load(shop, NEW, "--json").summary["files"][0]
    assert summary["withdrawn"] == {"order_lines": 1, "refunds": 1}
    counts = {count["table"]: count for count in summary["tables"]}
    assert counts["order_lines"] == {"table": "order_lines", "rows": 2, "loaded": 0, "unchanged": 2, "rejected": 0}
    assert counts["refunds"] == {"table": "refunds", "rows": 1, "loaded": 0, "unchanged": 1, "rejected": 0}
    assert shop.query("select max(loaded_count) from raw.loaded_files where table_name = 'order_lines'") == [(5,)]


def test_the_smaller_order_twice_changes_nothing(shop) -> None:
    load(shop, OLD)
    load(shop, NEW)
    before = shop.dump()
    assert "already loaded" in load(shop, NEW).output
    # Another name and another order of columns: read again, and nothing new.
    rows = [",".join(reversed(row.split(","))) for row in NEW.splitlines()]
    said = load(shop, "\n".join(rows) + "\n").output
    assert "withdrawn" not in said
    after = shop.dump()
    assert {name: rows for name, rows in after.items() if name != "loaded_files"} == {
        name: rows for name, rows in before.items() if name != "loaded_files"
    }


def test_back_to_the_old_file_gives_the_old_order(shop) -> None:
    load(shop, OLD, name="old.csv")
    old = lines(shop), refunds(shop)
    load(shop, NEW, name="new.csv")
    new = lines(shop), refunds(shop)
    assert new != old
    load(shop, OLD, name="old.csv")
    assert (lines(shop), refunds(shop)) == old
    load(shop, NEW, name="new.csv")
    assert (lines(shop), refunds(shop)) == new


def test_an_order_with_a_rejected_row_keeps_what_is_stored(shop) -> None:
    load(shop, OLD)
    broken = woo("1,A,2,20,5", "1,B,one,10,0", "1,C,1,4,4", "2,A,1,10,0")
    load(shop, broken, "--max-reject-share", "0.5")
    # The line behind the rejected one keeps its number; order 2 was seen whole.
    assert [row[:4] for row in lines(shop)] == [
        ("1", 1, "A", 2),
        ("1", 2, "B", 1),
        ("1", 3, "C", 1),
        ("2", 1, "A", 1),
        ("2", 2, "B", 0),
    ]
    assert refunds(shop)[-1] == ("2-refund-2", "2", 0, None)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_row_that_does_not_say_its_order_may_be_any(shop, place) -> None:
    load(shop, OLD)
    rows = OLD.splitlines()[:-1]
    rows[1 + place] += ",one field more"
    said = load(shop, "\n".join(rows) + "\n", "--max-reject-share", "0.5").output
    assert [row[:4] for row in lines(shop)] == [
        ("1", 1, "A", 2),
        ("1", 2, "B", 1),
        ("1", 3, "C", 1),
        ("2", 1, "A", 1),
        ("2", 2, "B", 1),
    ]
    assert "stay although the file no longer has them: 1 rejected row does not say the order" in said


def test_nothing_is_withdrawn_for_a_file_that_was_left_out(shop) -> None:
    load(shop, OLD)
    before = lines(shop), refunds(shop)
    outcome = shop.load("--preset", "woocommerce-orders", shop.write("e.csv", NEW + "3,oops,,,,,,,\n"))
    assert outcome.exit_code == 1
    assert "line withdrawn" not in outcome.output
    assert (lines(shop), refunds(shop)) == before


def test_refunds_of_another_file_are_never_withdrawn(shop) -> None:
    load(shop, OLD)
    shop.load(
        shop.write("refunds.csv", "refund_id,order_id,refunded_at,amount\n1-refund,1,2024-02-02,1\nr,1,2024-02-02,2\n")
    )
    load(shop, NEW)
    assert refunds(shop)[:2] == [("1-refund", "1", 1, None), ("1-refund-1", "1", 5, None)]
    assert refunds(shop)[-1] == ("r", "1", 2, None)


def test_an_export_without_columns_of_refunds_says_nothing_about_them(shop) -> None:
    load(shop, OLD)
    before = refunds(shop)
    slim = "\n".join(",".join(row.split(",")[:4] + row.split(",")[5:8]) for row in NEW.splitlines()) + "\n"
    assert "1 line withdrawn" in load(shop, slim).output
    assert refunds(shop) == before


def test_shopify_order_with_a_line_less_and_its_refund_taken_back(shop, fixtures) -> None:
    rows = (fixtures / "shopify_orders_export.csv").read_text().splitlines(keepends=True)
    text = "".join(rows)
    load(shop, text, preset="shopify-orders")
    text = text.replace(rows[2], "").replace(",c2,10.00,", ",c2,0.00,")
    said = load(shop, text, preset="shopify-orders").output
    assert "1 line and 1 refund withdrawn" in said
    assert ("#1003", 2, "BK-1", 0, 0) in lines(shop)
    assert [row[2] for row in refunds(shop)] == [Decimal(0)]


def test_an_invoice_that_comes_again_is_replaced_and_returns_of_others_stay(shop) -> None:
    # C3 takes back what 1 sold: its refund stands at order 1, and is not 1's to withdraw.
    old = uci("1,11111,5,01", "1,22222,3,01", "1,33333,-1,01", "2,11111,1,02", "C3,11111,-2,03")
    load(shop, old, preset="online-retail", name="old.csv")
    before = lines(shop), refunds(shop)
    assert refunds(shop) == [("1-3", "1", 2, 1), ("C3-1", "1", 4, 2)]
    said = load(shop, uci("1,11111,5,01"), preset="online-retail", name="new.csv").output
    assert "1 line and 1 refund withdrawn" in said
    assert [row[:4] for row in lines(shop)] == [("1", 1, "11111", 5), ("1", 2, "22222", 0), ("2", 1, "11111", 1)]
    assert refunds(shop) == [("1-3", "1", 0, 0), ("C3-1", "1", 4, 2)]
    load(shop, old, preset="online-retail", name="old.csv")
    assert (lines(shop), refunds(shop)) == before


def test_what_is_withdrawn_can_be_taken_back_again(shop) -> None:
    first = uci("1,11111,5,01", "C3,11111,-5,03", "C3,22222,-1,03")
    load(shop, first, preset="online-retail", name="first.csv")
    assert refunds(shop)[0] == ("C3-1", "1", 10, 5)
    # C3 no longer takes the five back, so that C4 can.
    load(shop, uci("C3,22222,-1,03", "C4,11111,-5,04"), preset="online-retail", name="second.csv")
    assert refunds(shop) == [("C3-1", "C3", 2, 1), ("C3-2", "C3", 0, 0), ("C4-1", "1", 10, 5)]


def test_a_broken_invoice_row_does_not_renumber_the_rows_behind_it(shop) -> None:
    rows = uci("1,11111,5,01", "1,22222,3,01", "1,33333,1,01")
    load(shop, rows, preset="online-retail")
    before = lines(shop)
    load(shop, rows.replace("22222,x", "22222,x,x"), "--max-reject-share", "0.5", preset="online-retail")
    assert lines(shop) == before


KILLED = """
    import os, signal
    from regulars.load import store
    from regulars.cli import app

    store.record_file = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
    app()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_process_that_dies_withdraws_nothing(shop) -> None:
    load(shop, OLD)
    before = shop.dump()
    path = shop.write("export.csv", NEW)
    words = ["load", "--preset", "woocommerce-orders", "--database", str(shop.database), str(path)]
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), *words], env=dict(os.environ), capture_output=True, check=False
    )
    assert process.returncode == -signal.SIGKILL
    assert shop.dump() == before
    load(shop, NEW)
    assert ("1", 3, "C", 0, 0) in lines(shop)
