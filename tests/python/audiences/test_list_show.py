"""`regulars audience list` and `show`: every audience once, figures as in the mart, a way back from a wrong name."""

import json
import re
from pathlib import Path

import duckdb
import pytest

from regulars.audiences.command import list_audiences, show
from regulars.audiences.overview import nobody_called
from regulars.errors import UsageError, WarehouseError


def overview(database: Path) -> dict[str, dict[str, object]]:
    with duckdb.connect(database, read_only=True) as connection:
        cursor = connection.execute("select * from marts.audience_overview")
        names = [name for name, *_ in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def test_the_list_has_every_audience_within_a_hundred_columns(built_audiences, say):
    lines = say("audience", "list", "--database", built_audiences).splitlines()
    table = lines[lines.index("") + 1 :]
    assert max(len(line) for line in lines if str(built_audiences) not in line) <= 100
    shown, family = [], ""
    for line in table:
        if re.fullmatch(r"\w+:", line):
            family = line
        elif found := re.match(r"(?:  :(.+?)|(\S+)) {2,}.*\d  ", line):
            shown.append(family + found[1] if found[1] else found[2])
    assert sorted(shown) == sorted(overview(built_audiences))


def test_labels_are_never_cut(built_audiences, say, monkeypatch):
    """Piped they stand in one line each, however long; a terminal that is too narrow for them wraps them."""
    labels = {row["label"] for row in overview(built_audiences).values()}
    narrow = say("audience", "list", "--database", built_audiences)
    assert "…" not in narrow
    assert set(" ".join(labels).split()) <= set(narrow.split())
    monkeypatch.delenv("COLUMNS")
    piped = say("audience", "list", "--database", built_audiences)
    assert {label for label in labels if label in piped} == labels


def test_singles_come_first_and_families_together_by_revenue(built_audiences, say):
    rows = json.loads(say("audience", "list", "--json", "--database", built_audiences))
    assert rows[0]["audience"] == "all_buyers"
    families = [row["model_name"] for row in rows if ":" in row["audience"]]
    assert len(set(families)) == sum(one != other for one, other in zip(families, ["", *families], strict=False))
    assert [":" in row["audience"] for row in rows] == sorted(":" in row["audience"] for row in rows)
    assert set(rows[0]) == set(next(iter(overview(built_audiences).values())))


def test_show_says_who_and_why(built_audiences, say):
    text = say("audience", "show", "lost_buyers", "--members", 2, "--database", built_audiences)
    expected = overview(built_audiences)["lost_buyers"]
    assert text.startswith(f"{expected['label']}  lost_buyers")
    assert f"{expected['customer_count']} customers" in text
    assert "models/audiences/aud_lost_buyers.sql" in text
    assert "@" not in text
    found = json.loads(say("audience", "show", "aud_lost_buyers", "--json", "--database", built_audiences))
    assert sum(found["arms"].values()) == found["customer_count"]
    assert len(found["members"]) == 3
    assert all(member["reason"] for member in found["members"])
    (look,) = found["looks"]
    assert (look["entered_count"], look["left_count"], look["member_count"]) == (
        expected["customer_count"], 0, expected["customer_count"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lost_vip", r'no audience "lost_vip"; the nearest are lost_vips; .*regulars audience list'),
        ("aud_lost_vip", "the nearest are lost_vips"),
        ("brands", r'"brands" is a family; name one of it: brands:Fjordlys, brands:Taiga'),
        ("brands:Taig", "the nearest are brands:Taiga"),
        ("qqqq", 'no audience "qqqq"; see them all'),
    ],
)
def test_an_unknown_name_is_answered_with_what_may_be_meant(name, words):
    with pytest.raises(UsageError, match=words):
        raise nobody_called(name, ["lost_vips", "brands:Taiga", "brands:Fjordlys", "all_buyers"])


def test_a_warehouse_without_audiences_says_what_to_run(tmp_path):
    database = tmp_path / "empty.duckdb"
    with pytest.raises(WarehouseError, match="does not exist"):
        list_audiences(database)
    duckdb.connect(database).close()
    with pytest.raises(WarehouseError, match="run: dbt build"):
        list_audiences(database)


def test_show_refuses_an_unknown_name(built_audiences):
    with pytest.raises(UsageError, match="the nearest are lost_vips"):
        show("lost_vipz", 3, built_audiences)


EXPERIMENT = """
update marts.experiment_results
set
    treatment_count = 9000, comparison_count = 1000, waiting_count = 40, treatment_mean = {0}, comparison_mean = {1},
    difference = {2}, difference_low = {3}, difference_high = {4}, standard_error = {5},
    minimal_detectable_effect = 2.8 * {5}, is_adjusted = {6}, verdict = '{7}', reason = '{8}', balance_p_value = {9}
where audience = 'lost_buyers' and metric = '{10}'
"""


def test_show_tells_what_the_experiment_brought(shop, say):
    few = "Not enough data: 40 of each bought."
    with duckdb.connect(shop) as connection:
        connection.execute(
            EXPERIMENT.format(.041, .036, .005, -.009, .016, .0064, False, "no_difference_seen", "", 1e-9, "conversion")
        )  # fmt: skip
        connection.execute(EXPERIMENT.format(12.4, 11, 1.3, 0.9, 1.7, 0.2, True, "better", "", 0.5, "net_revenue"))
    text = say("audience", "show", "lost_buyers", "--database", shop)
    start = text.index("Experiment: what people bought within 30 days of entering")
    assert text[start : text.index("\n\n", start)].splitlines()[1:] == [
        "  treatment: 9,000 customers, 4.1 % bought, 12.40 EUR net each",
        "  control, held back of this audience: 1,000 customers, 3.6 % bought, 11.00 EUR net each",
        "    40 more customers of both entered less than 30 days ago",
        "    bought: +0.5 points, 95 % sure between −0.9 and +1.6; not enough to tell. A true difference of 1.8 points "
        "would be found four times in five. Do not trust it: the arms were not alike before anything was sent.",
        "    net revenue: +1.30 EUR (adjusted for earlier spend), 95 % sure between +0.90 and +1.70; more than chance "
        "would do. A true difference of 0.56 EUR would be found four times in five.",
    ]
    with duckdb.connect(shop) as connection:
        connection.execute(EXPERIMENT.format(12, 11, 1, -3, 4, 2, False, "not_enough_data", few, 0.5, "net_revenue"))
    text = say("audience", "show", "lost_buyers", "--database", shop)
    assert f"    net revenue: {few}\n" in text
    assert "−3" not in text
    found = json.loads(say("audience", "show", "lost_buyers", "--json", "--database", shop))
    assert {row["metric"]: row["verdict"] for row in found["experiment"]} == {
        "conversion": "no_difference_seen", "net_revenue": "not_enough_data",
    }  # fmt: skip
    assert found["holdout_share"] == pytest.approx(0.1)


def test_show_says_once_that_there_is_not_enough_data_yet(built_audiences, say):
    text = say("audience", "show", "lost_buyers", "--database", built_audiences)
    assert text.count("Not enough data") == 1
    assert "Experiment" not in say("audience", "show", "sale_shoppers", "--database", built_audiences)


def test_primary_is_told_only_of_a_channel(built_audiences, say):
    audiences = overview(built_audiences)
    for name in ("lost_buyers", "vip_seed"):
        text = say("audience", "show", name, "--database", built_audiences)
        assert ("primary" in text) == (audiences[name]["channel"] is not None)


def test_nobody_is_noticed(shop, say):
    with duckdb.connect(shop) as connection:
        connection.execute("delete from intermediate.int_audience_members where audience = 'lost_vips'")
        connection.execute("update marts.audience_overview set customer_count = 0 where audience = 'lost_vips'")
    listed = say("audience", "list", "--database", shop)
    assert re.search(r"Nobody is in (\w+, )*lost_vips.*; what to check: regulars audience show \w+", listed)
    text = say("audience", "show", "lost_vips", "--database", shop)
    assert "Nobody is in it. Read the rule" in text
    assert "Nobody is in it" not in say("audience", "show", "lost_buyers", "--database", shop)


def test_a_past_day_is_called_one(shop, say):
    assert "past day" not in say("audience", "list", "--database", shop)
    with duckdb.connect(shop) as connection:
        connection.execute(
            "insert into intermediate.int_audience_memory by name"
            " select 'seen' as row_kind, date '2026-02-01' as entered_on"
        )
    for words in (["list"], ["show", "lost_buyers"]):
        text = say("audience", *words, "--database", shop)
        assert "This is a past day; the newest build was as of 2026-02-01. For today: dbt build" in text


def test_a_warehouse_of_segments_alone_says_what_to_run(shop):
    with duckdb.connect(shop) as connection:
        connection.execute("drop table marts.audience_overview")
    for verb in (lambda: list_audiences(shop), lambda: show("lost_vips", 3, shop)):
        with pytest.raises(WarehouseError, match="audiences are not built in this warehouse yet; run: dbt build"):
            verb()


def test_audiences_of_another_day_than_the_segments_are_not_shown(shop):
    with duckdb.connect(shop) as connection:
        connection.execute("update marts.audience_overview set as_of_date = as_of_date - 30")
    with pytest.raises(WarehouseError, match="run dbt build to its end"):
        list_audiences(shop)
