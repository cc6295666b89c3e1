"""A new user's project: what is refused says what would be right, what is not does what it says."""

from __future__ import annotations

import csv
import re

import duckdb
import pytest
from conftest import ROOT

from regulars.audiences.blocks import parse_rule
from regulars.audiences.refusals import check_rule
from regulars.errors import UsageError

from .a_project import AProject

OF_ROWS = "select audience, customer_id from {{ target.schema }}.rows_of_{name}".replace("{{ target.schema }}", "main")
CHAIN = (
    "int_audience_definitions", "int_audience_rows", "int_audience_members", "int_audience_memory", "audience_overlap",
    "audience_overview", "audience_members", "audience_history",
)  # fmt: skip
LABELS = {
    "lifecycle": ("customer_lifecycle", "lifecycle_state"),
    "importance": ("customer_importance", "importance"),
    "persona": ("customer_personas", "persona"),
    "customer_type": ("customer_types", "customer_type"),
    "ad_segment": ("customer_ad_segments", "ad_segment"),
    "rfm_tier": ("customer_rfm", "rfm_tier"),
}


@pytest.fixture(scope="module")
def shop(built_sample_shop, tmp_path_factory) -> AProject:
    return AProject(tmp_path_factory.mktemp("a-project"), built_sample_shop)


# -- what is refused

REFUSED = {
    "importance('vipp')": "importance: there is no label 'vipp'; there are: vip, frequent, loyal, one_time, none",
    "importance()": "importance: name at least one label; there are: vip, ",
    "lifecycle('lost', 'gone')": "lifecycle: there is no label 'gone'; there are: prospect, new, active, ",
    "persona('hero')": "persona: there is no label 'hero'; there are: high_roller, ",
    "customer_type('x', 'y')": "customer_type: there is no label 'x' and no 'y'; there are: loyal, ",
    "ad_segment('best')": "ad_segment: there is no segment 'best'; there are: all_customers, best_customers, ",
    "ad_segment('category_buyers:x')": "ad_segment: there is no segment 'category_buyers:x'; there are: cat",
    "rfm_tier('champion')": "rfm_tier: there is no tier 'champion'; there are: ",
    "consented('e-mail')": "consented: there is no purpose 'e-mail'; there are: email, sms, ",
    "orders(count='many')": "orders: count is 'many'; it must be a number, or a comparison such as '>= 2'",
    "orders(average='=> 2')": "orders: average is '=> 2'; it must be a number, or a comparison",
    "orders(last='> 3 or true')": "orders: last is '> 3 or true'; it must be a number, or a comparison",
    "orders(in_period='2025')": "orders: in_period is '2025'; it must be [first day, day after the last]",
    "orders(in_period=['2025-02-30', '2026-01-01'])": "orders: in_period is '2025-02-30'; it must be a date as in",
    "orders(in_period=[90, 0], in_occasion='x')": "orders: in_period and in_occasion at once; join two subqueries",
    "orders(in_occasion='my birthday')": "orders: there is no occasion 'my birthday'; there are: ",
    "bought(category='tnets')": "bought: there is no category 'tnets'; there are: ",
    "bought(brand='Taigaa')": "bought: there is no brand 'Taigaa'; there are: ",
    "bought(product='no such')": "bought: there is no product 'no such'; there are: ",
    "not_bought(category='tnets')": "bought: there is no category 'tnets'; there are: ",
    "bought(category='a', keyword='b')": "bought: category and keyword at once; name one, and join",
    "bought(keyword='tent', at_least=0)": "bought: at_least is '0'; it must be a number of units above 0",
    "bought(since='last year')": "bought: since is 'last year'; it must be a date as in 2026-01-31, or a number",
    "bought(since='2026-01-01', until='2025-01-01')": "bought: since is '2026-01-01' and until is '2025-01-01', which"
    " leaves no day; since must be the earlier",
    "bought(since='2026-01-01', until='2026-01-01')": "which leaves no day; since must be the earlier",
    "not_bought(since=30, until=90)": "bought: since is '30' and until is '90', which leaves no day; since must be the"
    " earlier, the larger number of days before the as-of date",
    "bought(since=30, until=30)": "which leaves no day; since must be the earlier, the larger number",
    "orders(in_period=['2025-12-01', '2025-01-01'])": "orders: in_period is '['2025-12-01', '2025-01-01']', which"
    " leaves no day; its first must be the earlier",
    "orders(in_period=[0, 0])": "orders: in_period is '[0, 0]', which leaves no day; its first must be the earlier",
    "orders(last='<= -5')": "orders: last is '<= -5', and none is below 0; it must be a number from 0 on, or a compar",
    "orders(count=-1)": "orders: count is '-1', and none is below 0; it must be a number from 0 on",
    "orders(average='< 0')": "orders: average is '< 0', and none is below 0; it must be a number from 0 on",
    "bought(until=-3)": "bought: until is '-3'; it must be a date",
    "likely_to_buy(days=60)": "likely_to_buy: days is 60; it must be 30 or 90",
    "likely_to_buy(top_share=20)": "likely_to_buy: top_share is '20'; it must be above 0 and at most 1",
    "likely_to_buy(top_share=true)": "likely_to_buy: top_share is 'True'; it must be above 0 and at most 1",
    "in_audience('lost_vip')": "in_audience: there is no audience 'lost_vip'; there are: abandoned_carts, ",
    "attribute('shoesize', in=[42])": "column of customer_segments 'shoesize'; there are: shoe_size",
    "attribute('Country', in=['DK'])": "no imported attribute and no column of customer_segments 'Country'; ",
    "attribute('importance', in=['vipp'])": "attribute: there is no importance 'vipp'; there are: vip, frequent, ",
    "attribute('rfm_tier', in=['champion'])": "attribute: there is no rfm_tier 'champion'; there are: ",
    "attribute('is_subscribed', in=['true'])": "is_subscribed is compared with 'true'; it must be true or false",
    "attribute('has_open_cart', in=[1])": "has_open_cart is compared with '1'; it must be true or false",
    "attribute('order_count', in=['2'])": "order_count is compared with '2'; it must be a number",
    "attribute('net_revenue_amount', in=[true])": "net_revenue_amount is compared with 'True'; it must be a number",
    "attribute('created_on', in=['spring'])": "created_on is compared with 'spring'; it must be a date as in ",
    "attribute('country', in=[['DK']])": "country is compared with '['DK']'; it must be a text, ",
    "attribute('country')": "attribute: country needs in=[…], a list of at least one value",
    "attribute('country', in='DK')": "attribute: country needs in=[…], a list of at least one value",
}


@pytest.mark.parametrize("call", REFUSED)
def test_a_block_that_makes_no_sense_is_refused_with_what_there_is(shop, call) -> None:
    assert REFUSED[call] in shop.refusal(call)


# A value that nobody has today may be somebody's tomorrow: that is said, and stops no build.
WARNED = {
    "attribute('shoe_size', in=[42, 43])": "attribute: there is no shoe_size '43'; there are: 38, 42",
    "attribute('has_dog', in=[false])": "attribute: there is no has_dog 'false'; there are: true",
    "attribute('country', in=['DK', 'XX'])": "attribute: there is no country 'XX'; there are: DK, ",
}


@pytest.mark.parametrize("call", WARNED)
def test_a_value_that_nobody_has_is_said(shop, call) -> None:
    assert shop.refusal(call) == ""
    assert [WARNED[call] in said for said in shop.warnings] == [True]


# Of these only the warehouse knows that they are wrong.
ASKED = (
    "ad_segment('category_buyers:x')",
    "rfm_tier('champion')",
    "orders(in_occasion='my birthday')",
    "bought(category='tnets')",
    "bought(brand='Taigaa')",
    "bought(product='no such')",
    "not_bought(category='tnets')",
    "attribute('shoesize', in=[42])",
    "attribute('Country', in=['DK'])",
    "attribute('rfm_tier', in=['champion'])",
)


def is_refused_unwritten(call: str) -> bool:
    try:
        check_rule(ROOT, parse_rule(call), ["abandoned_carts"])
    except UsageError:
        return True
    return False


def test_audience_new_refuses_before_it_writes_what_dbt_refuses_without_the_warehouse() -> None:
    assert [call for call in REFUSED if not is_refused_unwritten(call)] == list(ASKED)
    fine = [call for call in (*RETURNED, *NOT_REFUSED) if "\\" not in call]
    assert [call for call in fine if is_refused_unwritten(call)] == []


# What exists although nobody has it today, and what is not looked through.
NOT_REFUSED = (
    "attribute('churn_risk', in=['low', 'medium', 'high'])",
    "attribute('persona', in=['too_new', 'dead_weight'])",
    "attribute('rfm_tier', in=['a new tier'])",
    "attribute('order_count', in=[-7])",
    "attribute('is_subscribed', in=[true, false])",
    "attribute('created_on', in=['1999-12-31'])",
    "attribute('customer_id', in=['nobody'])",
    # A date and a number of days: where the number leads, the as-of date says.
    "bought(since='2026-01-01', until=30)",
    "bought(since=30, until='2026-01-01')",
    "orders(in_period=['2025-01-01', 0], last='>= 0')",
)


def test_an_attribute_may_have_a_value_that_nobody_has_today(shop) -> None:
    with duckdb.connect(str(shop.database)) as connection:
        connection.execute("create table rfm_tiers_before as from seeds.rfm_tiers")
        connection.execute("update seeds.rfm_tiers set rfm_tier = 'a new tier' where rfm_tier = 'champions'")
        assert connection.execute("select count(distinct customer_id) from marts.customer_segments").fetchone() > (
            1000,
        )
    try:
        assert {call: shop.refusal(call) for call in NOT_REFUSED} == dict.fromkeys(NOT_REFUSED, "")
    finally:
        with duckdb.connect(str(shop.database)) as connection:
            connection.execute("create or replace table seeds.rfm_tiers as from rfm_tiers_before")
            connection.execute("drop table rfm_tiers_before")


def test_a_label_misspelt_in_an_audience_names_its_file(shop) -> None:
    sql = "select 'vipps' as audience, customer_id from {{ importance('vipp') }} as members"
    with shop.audiences({"aud_vipps": sql}, {"aud_vipps": "{label: a, purpose: b}"}, ["aud_vipps"]):
        said = shop.run("parse")[1]
    assert "models/audiences/aud_vipps.sql" in said
    assert REFUSED["importance('vipp')"] in said


def test_two_audiences_built_from_each_other_are_a_circle(shop) -> None:
    sql = {
        f"aud_{one}": f"select '{one}' as audience, customer_id from {{{{ in_audience('{other}') }}}} as members"
        for one, other in (("hen", "egg"), ("egg", "hen"))
    }
    with shop.audiences(sql, dict.fromkeys(sql, "{label: a, purpose: b}"), [*sql]):
        said = shop.run("compile", "--select", "aud_hen")[1]
    assert "cycle" in said
    assert "aud_hen" in said
    assert "aud_egg" in said


WRONG = {
    "aud_extra_key": ("{label: a, purpose: b, chanel: email}", "meta.audience has 'chanel'; there are: label, purpose"),
    "aud_no_label": ("{purpose: b}", "meta.audience needs a label"),
    "aud_greedy": (
        "{label: a, purpose: b, holdout_share: 0.9}",
        "holdout_share 0.9 and var global_holdout_share 0.2 add up to more than 1; with that var it can be at most 0.8",
    ),
    "aud_percent": ("{label: a, purpose: b, sample_share: 10}", "sample_share is '10'; it must be a number from"),
    "aud_guard": ("{label: a, purpose: b, guardrails: {open_rate: 0.1}}", "guardrails has open_rate: 0.1; there are"),
    "aud_guards": ("{label: a, purpose: b, guardrails: all}", "guardrails is 'all'; it must be a mapping such as"),
    "aud_no_rate": ("{label: a, purpose: b, guardrails: {open_rate_at_least: 10}}", "has open_rate_at_least: 10"),
    "aud_first": ("{label: a, purpose: b, priority: 1}", "a priority needs a channel"),
    "aud_zeroth": ("{label: a, purpose: b, channel: c, priority: 0}", "priority is '0'; it must be a whole"),
    "aud_one_place": ("{label: a, purpose: b, destinations: meta}", "destinations is 'meta'; it must be a list"),
    "aud_number": ("{label: a, purpose: b, destinations: 7}", "destinations is '7'; it must be a list such as"),
    "aud_kin": ("{label: a, purpose: b, is_family: maybe}", "is_family is 'maybe'; it must be true or false"),
    "aud_text": ("just words", "has no `config: {meta: {audience: …}}` in a YAML beside it"),
}  # fmt: skip


def test_whatever_is_wrong_with_yaml_and_list_is_said_at_once_of_each(shop) -> None:
    sql = "select 'x' as audience, 'c' as customer_id"
    names = [*WRONG, "aud_no_yaml", "aud_unlisted", "aud_twice"]
    said = {name: text for name, (text, _) in WRONG.items()}
    for name in ("aud_unlisted", "aud_twice"):
        said[name] = "{label: a, purpose: b}"
    listed = [*(name for name in names if name != "aud_unlisted"), "aud_twice"]
    with shop.audiences(dict.fromkeys(names, sql), said, listed):
        refused = shop.run("compile", "--select", "int_audience_definitions", variables={"global_holdout_share": 0.2})[
            1
        ]
    expected = {name: words for name, (_, words) in WRONG.items()} | {
        "aud_no_yaml": "has no `config: {meta: {audience: …}}` in a YAML beside it",
        "aud_unlisted": "is not in the list of macros/audiences/audience_models.sql; add it there",
        "aud_twice": "stands twice in the list of macros/audiences/audience_models.sql",
    }
    lines = [line for line in refused.splitlines() if line.strip().startswith("- aud_")]
    for name, words in expected.items():
        mine = [line for line in lines if re.match(rf" *- {name}\b", line)]
        assert len(mine) == 1, (name, mine, refused)
        assert words in mine[0]
    assert len(lines) == len(expected)


# -- rows


def test_an_audience_of_nobody_works_and_faulty_rows_are_named(shop) -> None:
    sql = {f"aud_{name}": OF_ROWS.replace("{name}", name) for name in ("faulty", "twin")}
    with duckdb.connect(str(shop.database)) as connection:
        for name in ("faulty", "twin"):
            connection.execute(f"create table main.rows_of_{name} (audience varchar, customer_id varchar)")
        [(known,)] = connection.execute("select min(customer_id) from marts.dim_customers").fetchall()
    once = "audiences_return_each_customer_once"
    said_of = {
        "aud_faulty": "{label: a, purpose: b, holdout_share: 0.1, is_family: true}",
        "aud_twin": "{label: a, purpose: b}",
    }
    with shop.audiences(sql, said_of, [*sql]):
        assert shop.run("run", "--select", *sql, *CHAIN)[1] == ""
        assert shop.run("test", "--select", "path:tests/dbt/audiences")[1] == ""
        with duckdb.connect(str(shop.database)) as connection:
            assert connection.execute(
                "select customer_count, treatment_count, label, average_order_amount from marts.audience_overview"
                " where audience = 'twin'"
            ).fetchall() == [(0, 0, "a", None)]
            connection.executemany(
                "insert into main.rows_of_faulty values (?, ?)",
                [
                    ("faulty", None), ("faulty", None), ("faulty", "no such"), ("faulty", known), ("faulty", known),
                    ("faulty:item", known), ("faulty:", known), ("faultyXitem", known), ("twin", known), (None, known),
                ],
            )  # fmt: skip
            connection.execute("insert into main.rows_of_twin values ('twin', ?), ('twin:a', ?)", [known, known])
        assert shop.run("run", "--select", "int_audience_rows")[1] == ""
        assert shop.query("select count(*) from intermediate.int_audience_rows where audience = 'twin:a'") == [(1,)]
        said = shop.run("test", "--select", once)[1]
    assert [line.strip() for line in said.splitlines() if line.startswith("    - ")] == [
        "- faulty: customers whom aud_faulty returns and dim_customers does not have: 1, one is no such;"
        " take customer_id from a mart",
        f"- faulty: customers whom aud_faulty returns more than once: 1, one is {known};"
        " a join there has more than one row a customer",
        "- faulty: rows of aud_faulty without a customer_id: 2; leave them out",
        "- faulty:: aud_faulty returns this name; it must be faulty, or of the family faulty:<item>",
        "- faultyXitem: aud_faulty returns this name; it must be faulty, or of the family faulty:<item>",
        "- twin: aud_faulty and aud_twin both return this name; each needs its own",
        "- twin: aud_faulty returns this name; it must be faulty, or of the family faulty:<item>",
        "- twin:a: aud_twin returns this name; it must be twin;"
        " a family of twin:<item> says is_family: true in its YAML",
        "- no audience: aud_faulty returns this name; it must be faulty, or of the family faulty:<item>",
    ]


def test_a_value_that_the_yaml_does_not_describe_is_refused(shop) -> None:
    sql = "select 'dear' as audience, customer_id, 1.5 as value from {{ lifecycle('lost') }} as members"
    with shop.audiences({"aud_dear": sql}, {"aud_dear": "{label: a, purpose: b}"}, ["aud_dear"]):
        assert shop.run("compile", "--select", "int_audience_definitions")[1] == ""
        said = shop.run("run", "--select", "aud_dear", "int_audience_definitions")[1]
        assert "- aud_dear returns a column value that its YAML does not have under columns" in said
        yml = shop.folder / "models" / "audiences" / "aud_dear.yml"
        column = "      - {name: value, data_type: double precision, description: What she is worth.}\n"
        yml.write_text(yml.read_text(encoding="utf-8") + column, encoding="utf-8")
        assert shop.run("run", "--select", "int_audience_definitions", "int_audience_rows")[1] == ""
        assert shop.query(
            "select distinct member_value from intermediate.int_audience_rows where audience = 'dear'"
        ) == [(1.5,)]


# -- what blocks return


def codes_of_the_seed(kind: str) -> set[str]:
    """A category's own segment has one name for all; an espresso shot is a flag beside the persona."""
    with (ROOT / "seeds" / "segment_labels.csv").open(encoding="utf-8", newline="") as file:
        codes = {row["code"] for row in csv.DictReader(file) if row["segment_kind"] == kind}
    return codes - {"category_buyers", "espresso_shot"}


def test_every_label_gives_who_has_it_in_the_mart(shop) -> None:
    for block, (mart, column) in LABELS.items():
        of_kind = codes_of_the_seed(column)
        found = shop.members(*(f"{block}('{code}')" for code in sorted(of_kind)))
        for code in of_kind:
            wanted = shop.query(f"select customer_id from marts.{mart} where {column} = '{code}' order by 1")
            assert found[f"{block}('{code}')"] == [row[0] for row in wanted]
        assert sum(map(len, found.values())) > 0, block


def test_the_codes_of_blocks_are_those_of_the_seed(shop) -> None:
    for kind in ("lifecycle_state", "importance", "persona", "customer_type", "ad_segment"):
        block = "lifecycle" if kind == "lifecycle_state" else kind
        there_are = shop.refusal(f"{block}('zzz')").split("there are: ")[1].split("\n")[0].split(", ")
        assert set(there_are) - {"category_buyers:<category>"} == codes_of_the_seed(kind), kind


SHOP_BY_HAND = """
create schema marts; create schema intermediate; create schema seeds;
create schema staging;
create table intermediate.int_as_of as select date '2026-03-31' as as_of_date, timestamp '2026-03-31' as as_of_at;
create table marts.dim_products as select * from (values
    ('t', 'Light Tent 12', 'camping', 'Taiga', null), ('m', 'Steak', 'food', 'A''s', 'grill,Tea-time'),
    ('p', 'Teapot', 'kitchen', null, null), ('x', null, null, null, null)
) as rows(product_id, product_title, category, brand, tags);
create table marts.fct_order_lines as select * from (values
    ('on_first', 't', date '2026-01-01', 1, true), ('day_before', 't', date '2025-12-31', 1, true),
    ('on_last', 't', date '2026-02-01', 1, true), ('returned', 't', date '2026-01-05', 0, true),
    ('half', 't', date '2026-01-05', 1, true), ('half', 't', date '2026-01-06', 2, true),
    ('cancelled', 't', date '2026-01-05', 1, false), (null, 't', date '2026-01-05', 1, true),
    ('eats', 'm', date '2026-01-05', 1, true), ('drinks', 'p', date '2026-03-30', 1, true)
) as rows(customer_id, product_id, ordered_on, net_unit_count, is_valid);
create table marts.fct_orders as select * from (values
    ('once', date '2026-03-30', 50.0, true, 'DK'), ('twice', date '2025-01-01', 10.0, true, 'SE'),
    ('twice', date '2026-03-01', 30.0, true, 'NO'), ('void', date '2026-03-01', 30.0, false, null),
    (null, date '2026-03-01', 30.0, true, null), ('thrice', date '2026-01-01', 1, true, null),
    ('thrice', date '2026-01-02', 1, true, null), ('thrice', date '2026-02-01', 1, true, null)
) as rows(customer_id, ordered_on, net_amount, is_valid, order_country);
create table seeds.gift_occasions as select * from (values
    ('spring', 'dk', '2026-03-30', '2026-04-02'), ('spring', 'SE', '2026-03-01', '2026-03-31'),
    ('winter', 'NO', '2026-03-01', '2026-03-01'), ('winter', 'NO', '2026-02-01', '2026-03-01')
) as rows(occasion, country, starts_on, ends_on);
create table marts.customer_facts as
select distinct customer_id, 1 as order_count, null::boolean as is_subscribed, null::boolean as has_email_consent,
    null::boolean as has_sms_consent, null::boolean as has_ads_user_data_consent,
    null::boolean as has_ads_personalization_consent, null::boolean as has_tracking_consent
from marts.fct_order_lines where is_valid and customer_id is not null
union all select 'browser', 0, true, true, true, true, true, true
union all select 'asked', 0, true, null, null, null, null, null
union all select 'unsubscribed', 0, false, true, false, false, false, false;
create table marts.customer_segments as select * from (values
    ('dane', 'DK', 2, true, date '2026-01-05', 'new'), ('swede', 'SE', 0, null, null, 'o''x')
) as rows(customer_id, country, order_count, is_subscribed, created_on, rfm_tier);
create table intermediate.int_customer_profiles as select * from (values
    ('dog', '{"has dog": true, "a/b~": "it''s", "size": 42}'), ('cat', '{"has dog": false, "size": "42"}'),
    ('none', null), ('list', '[42]'), ('null', '{"size": null}')
) as rows(customer_id, attributes);
create table marts.pred_purchase_intent as select * from (values
    ('a', 0.9, 0.9), ('b', 0.5, 0.9), ('c', 0.5, 0.9), ('d', 0.5, 0.1), ('e', 0.1, 0.1), ('f', null, null)
) as rows(customer_id, purchase_probability_30d, purchase_probability_90d);
"""

RETURNED = {
    # From the first day on, and before the last.
    "bought(product='t', since='2026-01-01', until='2026-02-01')": "half on_first",
    "bought(product='t', until='2026-01-01')": "day_before",
    "bought(product='t', since='2026-02-01')": "on_last",
    # Days before the as-of date, which is no day of the past itself.
    "bought(since=88)": "drinks eats half on_last",
    "bought(since=89)": "drinks eats half on_first on_last",
    "bought(until=89)": "day_before",
    "bought(since=1)": "drinks",
    # Units that were kept, over all orders.
    "bought(product='t')": "day_before half on_first on_last",
    "bought(product='t', at_least=3)": "half",
    "bought(product='t', at_least=4)": "",
    "bought(brand='A\\'s')": "eats",
    # At the start of a word, in titles, categories, brands and tags.
    "bought(keyword='TEA')": "drinks eats",
    "bought(keyword='steak')": "eats",
    "bought(keyword='eak')": "",
    "bought(keyword='light tent')": "day_before half on_first on_last",
    "bought(keyword='tea time')": "eats",
    "bought(keyword='camp')": "day_before half on_first on_last",
    "bought(keyword='!')": "",
    # Over buyers.
    "not_bought(product='t')": "drinks eats returned",
    "not_bought(keyword='tea', since=30)": "day_before eats half on_first on_last returned",
    # Ties of the last place: all, if the place is within the share.
    "likely_to_buy(top_share=0.2)": "a",
    "likely_to_buy(top_share=0.39)": "a",
    "likely_to_buy(top_share=0.4)": "a b c d",
    "likely_to_buy(top_share=1)": "a b c d e",
    "likely_to_buy(days=90, top_share=0.2)": "a b c",
    "likely_to_buy(top_share=0.19)": "",
    # Orders.
    "orders()": "once thrice twice",
    "orders(count=1)": "once",
    "orders(count='>= 2')": "thrice twice",
    "orders(count='<> 2')": "once thrice",
    "orders(count=' <3 ')": "once twice",
    "orders(average='= 20')": "twice",
    "orders(average='> 20')": "once",
    "orders(last='<= 1')": "once",
    "orders(last='< 1')": "",
    "orders(first=454)": "twice",
    "orders(first='>= 89', last='> 30')": "thrice",
    "orders(count=2, in_period=['2026-01-01', '2026-02-01'])": "thrice",
    "orders(in_period=[30, 0])": "once twice",
    "orders(in_period=[30, 1])": "twice",
    # The occasion of the country the order went to, else of hers; its last day too, and no order counts twice.
    "orders(in_occasion='spring')": "once",
    "orders(in_occasion='winter', count=1)": "twice",
    # A column, else what the shop brought with its profiles, whatever its name.
    "attribute('country', in=['DK', 'NO'])": "dane",
    "attribute('order_count', in=[0, 1])": "swede",
    "attribute('is_subscribed', in=[true])": "dane",
    "attribute('is_subscribed', in=[false])": "",
    "attribute('created_on', in=['2026-01-05'])": "dane",
    "attribute('rfm_tier', in=['o\\'x'])": "swede",
    "attribute('size', in=[42])": "cat dog",
    "attribute('has dog', in=[true])": "dog",
    "attribute('a/b~', in=['it\\'s'])": "dog",
    # Unknown is no.
    "consented('email')": "browser",
    "consented('sms')": "browser",
    "consented('ads_user_data')": "browser",
    "consented('ads_personalization')": "browser",
    "consented('tracking')": "browser",
}  # fmt: skip


def test_blocks_return_whom_their_words_say(shop) -> None:
    found = shop.members(*RETURNED, shop=SHOP_BY_HAND)
    assert {call: " ".join(people) for call, people in found.items()} == RETURNED


def test_who_bought_and_who_did_not_are_all_buyers(shop) -> None:
    asked = ("keyword='tent'", "since=200", "keyword='shirt', at_least=2", "until='2024-06-01'")
    found = shop.members(*(f"{block}({each})" for each in asked for block in ("bought", "not_bought")))
    buyers = shop.query("select customer_id from marts.customer_facts where order_count > 0")
    for each in asked:
        bought, not_bought = set(found[f"bought({each})"]), set(found[f"not_bought({each})"])
        assert bought
        assert not_bought
        assert not bought & not_bought
        assert bought | not_bought == {row[0] for row in buyers}
