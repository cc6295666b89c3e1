"""The benchmark's own parts: what it refuses, what it lands, and its figures on a window small enough to work out."""

import json
import math
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import prediction_quality as benchmark
import prediction_quality_lines as shop
import prediction_quality_measures as measures
import prediction_quality_table as table
import pytest

AS_OF = date(2024, 4, 1)
GOOD = """
    select * from (values
        ('ann', timestamp '2024-01-10 09:00', 'tea', 2.0, 3.0),
        ('ann', timestamp '2024-01-10 18:00', 'pot', 1.0, 20.0),
        ('ann', timestamp '2024-03-22 09:00', 'tea', 1.0, 3.0),
        ('bob', timestamp '2024-02-01 09:00', 'cup', 4.0, 5.0),
        ('cid', timestamp '2024-03-01 09:00', null, 1.0, 7.0),
        ('ann', timestamp '2024-04-05 09:00', 'tea', 1.0, 3.0),
        ('ann', timestamp '2024-04-05 09:00', 'cup', 1.0, 5.0),
        ('ann', timestamp '2024-05-20 09:00', 'new', 1.0, 9.0),
        ('bob', timestamp '2024-06-29 09:00', 'pot', 2.0, 20.0),
        ('dot', timestamp '2024-04-09 09:00', 'pot', 1.0, 20.0),
        ('bob', timestamp '2024-06-30 09:00', 'pot', 1.0, 20.0)
    ) as lines(customer_id, ordered_at, product_id, quantity, unit_price)
"""


def parquet(folder: Path, query: str = GOOD) -> Path:
    path = folder / "lines.parquet"
    duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path


def read(query: str, folder: Path) -> tuple[duckdb.DuckDBPyConnection, shop.Lines]:
    connection = duckdb.connect()
    return connection, shop.read_lines(connection, parquet(folder, query))


# -- refused in a sentence, with exit code 2
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--as-of", "2024-04-01", "--levels", "product,colour"],
            "level 'colour' is not one of product, category, brand",
        ),
        (["--as-of", "2024-04-01", "--horizons", "30,60"], "horizon '60' is not one of 30, 90"),
        (["--as-of", "2024-04-01", "--horizons", ","], "no horizon"),
        (["--as-of", "soon"], "as-of 'soon' is no date"),
        (["--as-of", "2024-01-10"], "outside of the data, which go from 2024-01-10 to 2024-06-30"),
        (["--as-of", "2024-07-01"], "outside of the data"),
        (["--as-of", "2024-04-01", "--audiences", "0"], "less than 1"),
    ],
)
def test_bad_arguments_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert benchmark.main(["--lines", str(parquet(tmp_path)), *words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "select 1 as customer_id, date '2024-01-01' as ordered_at",
            "lacks the column product_id, quantity, unit_price",
        ),
        (GOOD.replace("select *", "select * replace ('soon' as ordered_at)"), "cannot be read"),
        (GOOD.replace("select *", "select * replace (-1.0 as quantity)"), "has no line with a customer"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], query: str, sentence: str) -> None:
    assert benchmark.main(["--lines", str(parquet(tmp_path, query)), "--as-of", "2024-04-01"]) == 2
    assert sentence in capsys.readouterr().err


def test_no_file_and_no_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "lines.csv"
    text.write_text("customer_id\n")
    for path, sentence in ((tmp_path / "none.parquet", "there is no file"), (text, "cannot be read as Parquet")):
        assert benchmark.main(["--lines", str(path), "--as-of", "2024-04-01"]) == 2
        assert sentence in capsys.readouterr().err


def test_a_window_that_is_not_over_still_ends_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--lines", str(parquet(tmp_path)), "--as-of", "2024-06-15", "--levels", "category", "--json"]
    assert benchmark.main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["figures"] == {}
    assert result["measured"] == {"horizons": [], "levels": []}
    assert [note.split(":")[0] for note in result["notes"]] == [
        "1 lines without a product count as purchases but not as items", "30 days", "90 days", "category"
    ]  # fmt: skip
    assert table.shown(result)


# -- landing
def test_lines_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    query = f"""
        {GOOD}
        union all values
            (null, timestamp '2024-01-01', 'tea', 1.0, 1.0), ('  ', timestamp '2024-01-01', 'tea', 1.0, 1.0),
            ('ann', null, 'tea', 1.0, 1.0), ('ann', timestamp '2024-01-01', 'tea', 0.0, 1.0),
            ('ann', timestamp '2024-01-01', 'tea', -1.0, 1.0), ('ann', timestamp '2024-01-01', 'tea', 1.0, 0.0),
            ('ann', timestamp '2024-01-01', 'tea', 'nan'::double, 1.0),
            ('ann', timestamp '2024-01-01', 'tea', 1.0, 1e30)
    """
    _, lines = read(query, tmp_path)
    assert lines.left_out == {"no_customer": 2, "no_date": 1, "quantity_not_positive": 3, "price_not_positive": 2}
    assert (lines.rows, lines.used, lines.without_product) == (19, 11, 1)
    assert (lines.first_day, lines.last_day) == (date(2024, 1, 10), date(2024, 6, 30))


@pytest.mark.parametrize(
    "columns",
    [
        "7 as customer_id, date '2024-01-01' as ordered_at",
        "7.0::double as customer_id, timestamp '2024-01-01 23:59' as ordered_at",
        "'7 ' as customer_id, timestamptz '2024-01-02 01:30:00+02' as ordered_at",
        "7::bigint as customer_id, '2024-01-01' as ordered_at",
    ],
)
def test_any_kind_of_key_and_time(tmp_path: Path, columns: str) -> None:
    query = f"select {columns}, 12 as product_id, 1 as quantity, 2 as unit_price"
    connection, lines = read(query, tmp_path)
    assert lines.first_day == date(2024, 1, 1)
    assert connection.execute("select product_id, paid from lines").fetchone() == ("12", 2.0)


def test_only_what_came_before_is_landed_and_a_day_is_an_order(tmp_path: Path) -> None:
    connection, _ = read(GOOD.replace("select *", "select *, 'drinks ' as category, 0.5 as discount_amount"), tmp_path)
    shop.land(connection, AS_OF, ["product", "category"])
    assert connection.execute("select order_id from raw.orders order by 1").fetchall() == [
        ("ann 2024-01-10",), ("ann 2024-03-22",), ("bob 2024-02-01",), ("cid 2024-03-01",)
    ]  # fmt: skip
    lines = "select order_id, line_number, product_id from raw.order_lines order by all"
    assert connection.execute(lines).fetchall() == [
        ("ann 2024-01-10", 1, "pot"), ("ann 2024-01-10", 2, "tea"), ("ann 2024-03-22", 1, "tea"),
        ("bob 2024-02-01", 1, "cup"), ("cid 2024-03-01", 1, None),
    ]  # fmt: skip
    assert connection.execute("select distinct category, brand from raw.products").fetchall() == [("drinks", None)]
    assert connection.execute("select count(*) from raw.products").fetchone() == (3,)
    loaded = connection.execute("select distinct _loaded_at = timestamptz '2024-04-01 00:00:00+00' from raw.orders")
    assert loaded.fetchall() == [(True,)]


# -- figures
@pytest.fixture
def window(tmp_path: Path) -> tuple[duckdb.DuckDBPyConnection, measures.Customers]:
    connection, _ = read(GOOD, tmp_path)
    return connection, measures.customers_of(connection, AS_OF, [30, 90])


def test_customers_are_the_earlier_buyers(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    customers = window[1]
    assert customers.ids.tolist() == ["ann", "bob", "cid"]
    assert customers.order_days.tolist() == [2, 1, 1]
    assert customers.recency_days.tolist() == [10, 60, 31]
    assert customers.mean_amount.tolist() == [14.5, 20, 7]
    assert customers.orders[30].tolist() == [1, 0, 0]
    # The 90th day counts, the 91st does not.
    assert customers.orders[90].tolist() == [2, 1, 0]
    assert customers.revenue[90].tolist() == [17, 40, 0]
    assert customers.days_to_next[90][:2].tolist() == [4, 89]
    assert math.isnan(customers.days_to_next[90][2])


def test_intent_figures(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    said = measures.Predictions(
        probability={90: np.array([0.9, 0.5, 0.5])},
        orders=np.array([2.0, 1.0, 1.0]),
        revenue=np.array([20.0, 30.0, 7.0]),
        days_to_next=np.array([5.0, 80.0, 3.0]),
    )
    got = measures.intent_figures(window[1], said, 90)
    assert got.figures["auc"] == 0.75
    assert got.figures["log_loss"] == pytest.approx(-(math.log(0.9) + 2 * math.log(0.5)) / 3)
    assert got.figures["orders_rmse"] == pytest.approx(math.sqrt(1 / 3))
    assert got.figures["orders_bias"] == pytest.approx(1 / 3)
    assert got.figures["revenue_bias"] == 0
    assert got.figures["revenue_gini"] == pytest.approx(1)
    assert got.figures["next_order_mae_days"] == 5
    assert got.figures["group_error"] is None
    assert "200 expected buyers" in got.reasons["group_error"]


def test_nothing_said_is_null_with_a_reason(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    got = measures.intent_figures(window[1], measures.Predictions(), 90)
    assert set(got.figures.values()) == {None}
    assert set(got.reasons) == set(got.figures)


def test_worst_group_leaves_small_ones_out() -> None:
    probability = np.repeat(np.linspace(0.05, 0.5, 10), 1000)
    bought = np.concatenate([np.arange(1000) < round(share * 1000) for share in np.linspace(0.05, 0.5, 10)]).astype(
        float
    )
    assert measures.worst_group(bought, probability) == pytest.approx(0, abs=1e-9)
    # The first three tenths expect fewer than 200 buyers; the last one is told to come twice as often.
    bought[:3000] = 0
    bought[9000:] = np.arange(1000) < 250
    assert measures.worst_group(bought, probability) == pytest.approx(0.5)


def test_item_figures(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    connection, _ = window
    shop.item_days(connection, AS_OF, "product")
    facts = measures.make_item_tables(connection, AS_OF, 90)
    assert facts == {
        "items_before": 3, "targets": 4, "targets_of_unknown_items": 1, "buyers": 2, "buyers_of_known_items": 2,
        "buyers_of_new_items": 2,
    }  # fmt: skip
    # Ann bought tea, cup and the unknown new; Bob pot.
    said = "values ('ann', 'pot', 1), ('ann', 'tea', 2), ('bob', 'pot', 3)"
    listed = f"select * from ({said}) as said(customer_id, item, place)"
    got = measures.list_figures(connection, listed, "select 'bob' as customer_id, 'pot' as item, 1 as place").figures
    gain = 1 / math.log2(3)
    assert got["known_recall_at_10"] == pytest.approx((1 / 2 + 1) / 2)
    assert got["all_recall_at_10"] == pytest.approx((1 / 3 + 1) / 2)
    assert got["known_ndcg_at_10"] == pytest.approx((gain / (1 + gain) + 0.5) / 2)
    assert got["all_ndcg_at_10"] == pytest.approx((gain / (1 + gain + 0.5) + 0.5) / 2)
    assert got["new_recall_at_10"] == 0.5


def test_simple_lists(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    connection, _ = window
    shop.item_days(connection, AS_OF, "product")
    measures.make_item_tables(connection, AS_OF, 90)
    measures.make_simple_lists(connection)

    def listed(name: str, customer: str) -> list[str]:
        query = f"select item from {name} where customer_id = ? order by place"
        return [row[0] for row in connection.execute(query, [customer]).fetchall()]

    # Tea was sold in the last 30 days; cup and pot once each, long ago.
    assert listed("popularity_top", "bob") == ["tea", "cup", "pot"]
    assert listed("frequency_top", "bob") == ["cup", "tea", "pot"]
    assert listed("frequency_top", "ann") == ["tea", "pot", "cup"]
    assert listed("frequency_new", "ann") == ["cup"]
    assert listed("popularity_new", "bob") == ["tea", "pot"]


def test_audience_figures() -> None:
    buyers = [np.array([0, 1]), np.array([3])]
    scores = [np.array([3.0, 1.0, 2.0, 0.0] + [0.0] * 16), np.array([np.nan, 1.0, 1.0, 1.0] + [0.0] * 16)]
    got = measures.audience_figures(20, buyers, scores).figures
    assert got["audience_auc"] == pytest.approx((35 / 36 + 18 / 19) / 2)
    # Two of twenty are a tenth: one of the first item's two buyers, and two thirds of the second's.
    assert got["audience_lift_at_10_percent"] == pytest.approx((0.5 / 0.1 + (2 / 3) / 0.1) / 2)
    assert measures.audience_figures(20, [], []).figures == {"audience_auc": None, "audience_lift_at_10_percent": None}


def test_simple_rules_say_something_finite(window: tuple[duckdb.DuckDBPyConnection, measures.Customers]) -> None:
    for said in (measures.by_recency(window[1]), measures.by_own_frequency(window[1])):
        for values in (*said.probability.values(), *said.score.values()):
            assert np.isfinite(values).all()
        assert all(((p >= 0) & (p <= 1)).all() for p in said.probability.values())


def test_recency_without_a_window_before_has_a_rank_but_no_chance(
    window: tuple[duckdb.DuckDBPyConnection, measures.Customers],
) -> None:
    said = measures.by_recency(window[1])
    assert set(said.score) == {30, 90}
    assert set(said.probability) == {30}
    assert said.orders is None
    assert measures.intent_figures(window[1], said, 90).reasons["orders_rmse"] == "no expected orders"


# -- table
def test_best_peer_and_goals() -> None:
    values = {"regulars": 0.9, "recency": 0.7, "lightgbm": 0.8, "own_frequency": None}
    assert table.best_peer(values, table.HIGHER) == ("lightgbm", 0.8)
    assert table.best_peer(values, table.LOWER) == ("recency", 0.7)
    assert table.best_peer({"regulars": 0.1, "recency": -0.2, "lightgbm": 0.3}, table.ZERO) == ("recency", -0.2)
    assert table.best_peer({"regulars": 0.1}, table.ZERO) is None
    assert table.is_met((table.ZERO, 0.05), -0.05)
    assert not table.is_met((table.LOWER, 19.0), 19.1)
    assert set(table.GOALS) <= set(table.order())


def test_without_the_peers_environment_it_says_so(tmp_path: Path) -> None:
    run = benchmark.Run(tmp_path, AS_OF, [30], [])
    said = benchmark.run_peers(run, tmp_path / "none" / "python", [])
    assert {reason["reason"] for reason in said.values()} == {benchmark.NOT_MEASURED}
    assert set(said) == set(table.PEERS)
