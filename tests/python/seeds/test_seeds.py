"""The shipped seeds hold what segments.md says; gift dates agree with dates taken from calendars."""

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

SEEDS = Path(__file__).parents[3] / "seeds"
LANGUAGES = ("en", "da", "sv", "nb", "it", "ru")
YEARS = range(2009, 2031)
MAY, JUNE, SEPTEMBER, NOVEMBER = 5, 6, 9, 11

CODES = {
    "rfm_tier": {
        *("champions", "loyal", "active", "new", "promising", "needs_attention", "at_risk", "previously_loyal"),
        *("almost_lost", "dormant", "prospects"),
    },
    "lifecycle_state": {"prospect", "new", "active", "slipping_away", "lost"},
    "importance": {"none", "one_time", "vip", "frequent", "loyal"},
    "persona": {
        *("high_roller", "brand_enthusiast", "potential_high_roller", "potential_brand_enthusiast"),
        *("lapsed_high_roller", "lapsed_enthusiast", "one_hit_wonder", "just_passing_through", "window_shopper"),
        *("almost_there", "waiting_for_wows", "false_start", "dead_weight", "too_new", "espresso_shot"),
    },
    "customer_type": {
        *("abandoned_cart", "subscriber", "loyal", "low_value_active", "at_risk", "non_target", "unreachable"),
    },
    "ad_segment": {
        *("all_customers", "best_customers", "sale_shoppers", "full_price_shoppers", "gift_buyers", "category_buyers"),
        *("disengaged", "peak_season_buyers", "likely_to_buy_30d", "likely_high_order_value"),
    },
    "churn_risk": {"low", "medium", "high"},
}


def rows_of(seed):
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def occasion_days(occasion, country):
    """Days of the occasion by year: the last day of each window."""
    days = [
        date.fromisoformat(row["ends_on"])
        for row in rows_of("gift_occasions")
        if (row["occasion"], row["country"]) == (occasion, country)
    ]
    return {day.year: day for day in days}


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.csv")), ids=lambda path: path.stem)
def test_files_are_plain_utf8_with_described_columns(path):
    content = path.read_bytes()
    header = content.decode("utf-8").splitlines()[0].split(",")
    described = {seed["name"]: seed for seed in yaml.safe_load((SEEDS / "_seeds.yml").read_text("utf-8"))["seeds"]}

    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert not content.startswith(b"\xef\xbb\xbf")
    assert [column["name"] for column in described[path.stem]["columns"]] == header
    assert list(described[path.stem]["config"]["column_types"]) == header


def test_rfm_grid_is_the_table_of_the_specification():
    grid = {
        5: ("new", "new", "active", "champions", "champions"),
        4: ("promising", "promising", "active", "loyal", "loyal"),
        3: ("needs_attention", "needs_attention", "needs_attention", "loyal", "loyal"),
        2: ("almost_lost", "almost_lost", "at_risk", "at_risk", "previously_loyal"),
        1: ("dormant", "dormant", "at_risk", "at_risk", "previously_loyal"),
    }
    expected = {(recency, fm): tier for recency, tiers in grid.items() for fm, tier in enumerate(tiers, start=1)}
    rows = rows_of("rfm_tiers")

    assert len(rows) == 25
    assert {(int(row["recency_score"]), int(row["fm_score"])): row["rfm_tier"] for row in rows} == expected


def test_every_tier_has_its_words():
    assert {row["rfm_tier"] for row in rows_of("rfm_tiers")} | {"prospects"} == CODES["rfm_tier"]


def test_every_code_has_each_language_exactly_once():
    expected = {(kind, code, language) for kind, codes in CODES.items() for code in codes for language in LANGUAGES}
    found = Counter((row["segment_kind"], row["code"], row["language"]) for row in rows_of("segment_labels"))

    assert set(found) == expected
    assert set(found.values()) == {1}


def test_no_two_groups_of_a_kind_have_the_same_name():
    names = Counter((row["segment_kind"], row["language"], row["label"].lower()) for row in rows_of("segment_labels"))

    assert [name for name, count in names.items() if count > 1] == []


def test_labels_are_short_and_advice_is_one_sentence():
    for row in rows_of("segment_labels"):
        label, advice = row["label"], row["advice"]
        assert label == label.strip(), row
        assert 1 < len(label) <= 35, row
        assert advice == advice.strip(), row
        assert 20 < len(advice) <= 160, row
        assert advice[0].isupper(), row
        assert advice.endswith("."), row
        assert advice.count(". ") == 0, row


def test_each_language_is_written_in_its_own_letters():
    rows = rows_of("segment_labels")
    for row in rows:
        cyrillic = any("а" <= letter <= "я" for letter in row["advice"].lower())
        assert cyrillic == (row["language"] == "ru"), row

    # Letters of the neighbour language are the usual slip when three Scandinavian texts are edited side by side.
    foreign = {"en": "æøåäö", "da": "äö", "nb": "äö", "sv": "æø", "it": "æøåäö", "ru": "іїєґ"}
    for row in rows:
        assert not set(foreign[row["language"]]) & set((row["label"] + row["advice"]).lower()), row


def test_peak_seasons_ship_empty():
    assert rows_of("peak_seasons") == []


def test_interests_ship_as_rules_that_suit_any_shop():
    rows = rows_of("interests")

    assert [row["item"] for row in rows] == [""] * 3
    assert {(row["kind"], row["pick"], row["pick_count"]) for row in rows} == {
        ("category", "best_sellers", "5"),
        ("brand", "best_sellers", "5"),
        ("product", "long_tail", "5"),
    }


def test_gift_windows_are_unique_sorted_and_end_after_they_start():
    rows = [tuple(row.values()) for row in rows_of("gift_occasions")]
    keys = [row[:3] for row in rows]

    assert rows == sorted(rows)
    assert len(keys) == len(set(keys))
    for occasion, country, starts_on, ends_on in rows:
        length = date.fromisoformat(ends_on) - date.fromisoformat(starts_on)
        expected = {"christmas": 23, "new_year": 30}.get(occasion, 14)
        assert length == timedelta(days=expected), (occasion, country, starts_on)


def test_every_country_has_the_common_occasions_each_year():
    rows = rows_of("gift_occasions")
    countries = {row["country"] for row in rows}

    assert " ".join(sorted(countries)) == "AT AU BE BR CA CH CZ DE DK ES FI FR GB IE IS IT NL NO NZ PL PT RU SE UA US"
    for country in countries:
        assert set(occasion_days("valentines_day", country)) == set(YEARS), country
        assert set(occasion_days("mothers_day", country)) == set(YEARS), country
        # A father's day exists in Ukraine since 2019 and in Russia since 2021.
        first = {"UA": 2019, "RU": 2021}.get(country, YEARS.start)
        assert set(occasion_days("fathers_day", country)) == set(range(first, YEARS.stop)), country
        winter = occasion_days("new_year" if country in ("RU", "UA") else "christmas", country)
        assert set(winter) == set(YEARS), country


@pytest.mark.parametrize(
    ("country", "day"),
    [
        *(("GB", day) for day in ("2009-03-22", "2010-03-14", "2011-04-03", "2012-03-18", "2016-03-06", "2018-03-11")),
        *(("GB", day) for day in ("2019-03-31", "2020-03-22", "2021-03-14", "2022-03-27", "2023-03-19", "2024-03-10")),
        *(("GB", day) for day in ("2025-03-30", "2026-03-15")),
        *(("IE", day) for day in ("2024-03-10", "2025-03-30")),
        *(("SE", day) for day in ("2021-05-30", "2023-05-28", "2024-05-26", "2025-05-25")),
        # Pentecost was the last Sunday of May in 2009, 2012, 2020 and 2023, which moves the French day into June.
        *(("FR", day) for day in ("2009-06-07", "2012-06-03", "2020-06-07", "2023-06-04", "2024-05-26", "2025-05-25")),
        *(("DK", day) for day in ("2011-05-08", "2024-05-12", "2025-05-11")),
        *(("NO", day) for day in ("2011-02-13", "2024-02-11", "2025-02-09")),
        *(("DE", "2024-05-12"), ("IT", "2023-05-14"), ("US", "2010-05-09"), ("AU", "2022-05-08"), ("BR", "2021-05-09")),
        *(("ES", "2024-05-05"), ("PT", "2022-05-01"), ("PL", "2024-05-26"), ("RU", "2023-11-26"), ("UA", "2024-05-12")),
    ],
)
def test_mothers_day_is_the_known_date(country, day):
    known = date.fromisoformat(day)

    assert occasion_days("mothers_day", country)[known.year] == known


@pytest.mark.parametrize(
    ("country", "day"),
    [
        *(("DE", day) for day in ("2016-05-05", "2022-05-26", "2023-05-18", "2024-05-09", "2025-05-29")),
        *(("DK", "2024-06-05"), ("SE", "2023-11-12"), ("NO", "2024-11-10"), ("FI", "2024-11-10"), ("IS", "2023-11-12")),
        *(("US", "2023-06-18"), ("GB", "2024-06-16"), ("FR", "2024-06-16"), ("NL", "2025-06-15"), ("UA", "2024-06-16")),
        *(("AT", "2024-06-09"), ("BE", "2024-06-09"), ("CH", "2024-06-02"), ("IT", "2024-03-19"), ("ES", "2024-03-19")),
        *(("AU", "2023-09-03"), ("NZ", "2024-09-01"), ("BR", "2023-08-13"), ("PL", "2024-06-23"), ("RU", "2021-10-17")),
    ],
)
def test_fathers_day_is_the_known_date(country, day):
    known = date.fromisoformat(day)

    assert occasion_days("fathers_day", country)[known.year] == known


@pytest.mark.parametrize(
    ("occasion", "countries", "month", "first_day", "last_day"),
    [
        ("mothers_day", "AT AU BE BR CA CH CZ DE DK FI IS IT NL NZ UA US", MAY, 8, 14),
        ("mothers_day", "ES PT", MAY, 1, 7),
        ("mothers_day", "SE", MAY, 25, 31),
        ("mothers_day", "NO", 2, 8, 14),
        ("mothers_day", "RU", NOVEMBER, 24, 30),
        ("fathers_day", "CA CZ FR GB IE NL UA US", JUNE, 15, 21),
        ("fathers_day", "AT BE", JUNE, 8, 14),
        ("fathers_day", "CH", JUNE, 1, 7),
        ("fathers_day", "AU NZ", SEPTEMBER, 1, 7),
        ("fathers_day", "SE NO FI IS", NOVEMBER, 8, 14),
        ("fathers_day", "BR", 8, 8, 14),
        ("fathers_day", "RU", 10, 15, 21),
    ],
)
def test_sunday_occasions_fall_on_the_right_sunday_every_year(occasion, countries, month, first_day, last_day):
    sunday = 7
    for country in countries.split():
        for day in occasion_days(occasion, country).values():
            assert (day.isoweekday(), day.month) == (sunday, month), (country, day)
            assert first_day <= day.day <= last_day, (country, day)


@pytest.mark.parametrize(
    ("occasion", "country", "month_and_day"),
    [
        ("valentines_day", "DK", "02-14"),
        ("valentines_day", "BR", "06-12"),
        ("mothers_day", "PL", "05-26"),
        ("fathers_day", "DK", "06-05"),
        ("fathers_day", "PT", "03-19"),
        ("fathers_day", "PL", "06-23"),
        ("christmas", "GB", "12-24"),
        ("new_year", "RU", "12-31"),
        ("womens_day", "IT", "03-08"),
        ("womens_day", "RU", "03-08"),
        ("womens_day", "UA", "03-08"),
        ("defenders_day", "RU", "02-23"),
        ("saint_nicholas", "NL", "12-05"),
        ("saint_nicholas", "BE", "12-06"),
        ("epiphany", "ES", "01-06"),
    ],
)
def test_fixed_occasions_are_on_their_day_every_year(occasion, country, month_and_day):
    days = occasion_days(occasion, country)

    assert set(days) == set(YEARS)
    assert {day.strftime("%m-%d") for day in days.values()} == {month_and_day}
