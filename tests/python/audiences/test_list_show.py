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


def test_audiences_of_another_day_than_the_segments_are_not_shown(shop):
    with duckdb.connect(shop) as connection:
        connection.execute("update marts.audience_overview set as_of_date = as_of_date - 30")
    with pytest.raises(WarehouseError, match="run dbt build to its end"):
        list_audiences(shop)
