"""`int_audience_members`, its compiled SQL: arms, samples, and which audience of a channel goes first."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from scipy import stats

from .compiled_nodes import compiled_sql, connect

PEOPLE = 1_000_000


def bound(share: float) -> str:
    """As int_audience_definitions has it."""
    return "g" if share >= 1 else f"{int(share * 2**32):08x}"


def audience(name: str, **said) -> dict:
    """A definition; its members are customers 1 to `people`."""
    return {
        "name": name, "people": 1000, "experiment": name, "holdout_share": 0.0, "channel": None, "priority": None,
        "sample_share": None, "sample_at_least": 1000,
    } | said  # fmt: skip


class Audiences:
    """A warehouse in which these audiences are drawn."""

    def __init__(self, *audiences: dict, **variables) -> None:
        self.connection = connect()
        for each in audiences:
            self.connection.execute(
                "insert into intermediate.int_audience_definitions by name select ? as model_name, ? as experiment,"
                " ? as holdout_share, ? as control_below, ? as channel, ? as priority, ? as sample_share,"
                " ? as sample_at_least",
                [
                    f"aud_{each['name']}", each["experiment"], each["holdout_share"], bound(each["holdout_share"]),
                    each["channel"], each["priority"], each["sample_share"], each["sample_at_least"],
                ],
            )  # fmt: skip
            self.connection.execute(
                "insert into intermediate.int_audience_rows by name select ? as model_name, ? as audience,"
                " 'customer-' || number as customer_id from range(?) as numbers(number)",
                [f"aud_{each['name']}", each["name"], each["people"]],
            )
        self.variables = variables

    def add(self, model: str, name: str, customers: str) -> Audiences:
        """One more audience of the family."""
        for customer in customers.split():
            self.connection.execute(
                "insert into intermediate.int_audience_rows values (?, ?, ?, null)", [f"aud_{model}", name, customer]
            )
        return self

    def draw(self) -> Audiences:
        sql = compiled_sql("int_audience_members", **self.variables)
        self.connection.execute(f"create or replace table members as {sql}")
        return self

    def rows(self, statement: str) -> list[tuple]:
        return self.connection.execute(statement).fetchall()

    def count(self, condition: str) -> int:
        return self.rows(f"select count(*) from members where {condition}")[0][0]

    def people(self, condition: str) -> set[str]:
        return {row[0] for row in self.rows(f"select customer_id from members where {condition}")}

    def p_value(self, first: str, second: str) -> float:
        """How likely so much dependence is of two answers about a customer that have nothing to do with each other."""
        table = self.rows(
            f"select count(*) filter (one and other), count(*) filter (one and not other),"
            f" count(*) filter (not one and other), count(*) filter (not one and not other)"
            f" from (select bool_or({first}) as one, bool_or({second}) as other from members group by customer_id)"
        )[0]
        return stats.chi2_contingency([table[:2], table[2:]]).pvalue


def within_four_sigma(found: int, share: float, of: int) -> bool:
    return abs(found - share * of) <= 4 * math.sqrt(of * share * (1 - share))


@pytest.fixture(scope="module")
def million() -> Audiences:
    return Audiences(
        audience("tea", people=PEOPLE, holdout_share=0.1),
        audience("mugs", people=PEOPLE, holdout_share=0.25),
        audience("more_tea", people=PEOPLE, holdout_share=0.25, experiment="tea"),
        audience("all_tea", people=1000, holdout_share=0.1, experiment="tea"),
    ).draw()


@pytest.fixture(scope="module")
def million_with_global() -> Audiences:
    return Audiences(
        audience("tea", people=PEOPLE, holdout_share=0.1),
        audience("global", people=PEOPLE, holdout_share=0.25),
        global_holdout_share=0.05,
    ).draw()


@pytest.mark.parametrize(("name", "share"), [("tea", 0.1), ("mugs", 0.25)])
def test_so_many_are_held_back_as_were_to_be(million, name, share) -> None:
    assert within_four_sigma(million.count(f"audience = '{name}' and arm = 'control'"), share, PEOPLE)
    assert million.count(f"audience = '{name}' and arm in ('control', 'treatment')") == PEOPLE


@pytest.mark.parametrize(("name", "share"), [("tea", 0.1), ("global", 0.25)])
def test_of_those_who_are_not_held_out_from_all_too(million_with_global, name, share) -> None:
    """Also in an experiment of the name global: its arms are drawn apart from who is held out."""
    held_out = million_with_global.count(f"audience = '{name}' and arm = 'held_out'")
    assert within_four_sigma(held_out, 0.05, PEOPLE)
    control = million_with_global.count(f"audience = '{name}' and arm = 'control'")
    assert within_four_sigma(control, share, PEOPLE - held_out)


def test_who_is_held_out_is_so_everywhere_and_nobody_else_moves(million, million_with_global) -> None:
    held_out = million_with_global.people("audience = 'tea' and arm = 'held_out'")
    assert held_out == million_with_global.people("audience = 'global' and arm = 'held_out'")
    before = million.people("audience = 'tea' and arm = 'control'")
    assert million_with_global.people("audience = 'tea' and arm = 'control'") == before - held_out
    grown = Audiences(audience("tea", people=PEOPLE), global_holdout_share=0.1).draw()
    assert held_out < grown.people("arm = 'held_out'")


def test_a_growing_share_only_moves_people_out_of_treatment(million) -> None:
    assert million.people("audience = 'tea' and arm = 'control'") < million.people(
        "audience = 'more_tea' and arm = 'control'"
    )


def test_one_experiment_has_the_same_arms_in_every_audience(million) -> None:
    of_all_tea = million.rows("select customer_id, arm from members where audience = 'all_tea' order by 1")
    of_tea = million.rows(
        "select customer_id, arm from members where audience = 'tea' and customer_id in"
        " (select customer_id from members where audience = 'all_tea') order by 1"
    )
    assert of_all_tea == of_tea


def test_two_experiments_have_nothing_to_do_with_each_other(million) -> None:
    tea, mugs, more_tea = (f"audience = '{name}' and arm = 'control'" for name in ("tea", "mugs", "more_tea"))
    assert million.p_value(tea, mugs) > 0.001
    assert million.p_value(tea, more_tea) < 1e-9


def test_shares_of_another_audience_move_nobody() -> None:
    arms = []
    for share in (0.0, 0.2, 0.9):
        both = Audiences(audience("tea", holdout_share=0.3), audience("mugs", holdout_share=share)).draw()
        arms.append(both.people("audience = 'tea' and arm = 'control'"))
    assert arms[0] == arms[1] == arms[2]
    assert 200 < len(arms[0]) < 400


def test_another_salt_draws_everything_anew(million) -> None:
    tea = audience("tea", people=100_000, holdout_share=0.1, sample_share=0.1, sample_at_least=1)
    first, second = (
        Audiences(tea, experiment_salt=salt, global_holdout_share=0.05).draw() for salt in ("regulars", "another")
    )
    for condition in ("arm = 'control'", "arm = 'held_out'", "is_sampled"):
        kept = len(first.people(condition) & second.people(condition))
        share = first.count(condition) / 100_000
        assert within_four_sigma(kept, share * share, 100_000), condition


@pytest.mark.parametrize(
    ("share", "at_least"),
    [(0.1, 1000), (0.1, 100), (0.1, 99), (0.07, 1), (0.29, 1), (0.55, 1), (1.0, 1), (0.0, 3), (0.001, 1)],
)
@pytest.mark.parametrize("people", [1, 99, 100, 101, 999, 1000, 1001, 1100])
def test_a_sample_is_the_share_rounded_up_but_not_too_small(share, at_least, people) -> None:
    drawn = Audiences(audience("tea", people=people, sample_share=share, sample_at_least=at_least)).draw()
    assert drawn.count("is_sampled") == min(people, max(math.ceil(Decimal(str(share)) * people), at_least))


def test_a_sample_has_the_arms_of_the_whole_and_another_audience_another_sample() -> None:
    drawn = Audiences(
        audience("tea", people=200_000, holdout_share=0.25, sample_share=0.1, sample_at_least=1),
        audience("mugs", people=200_000, sample_share=0.1, sample_at_least=1),
        audience("all", people=10),
    ).draw()
    tea = "audience = 'tea' and is_sampled"
    assert drawn.p_value(tea, "audience = 'tea' and arm = 'control'") > 0.001
    assert drawn.p_value(tea, "audience = 'mugs' and is_sampled") > 0.001
    assert drawn.count("audience = 'all' and is_sampled") == 10


def test_one_audience_of_a_channel_is_first_for_each_customer() -> None:
    drawn = Audiences(
        audience("second", people=4, channel="email", priority=20),
        audience("first", people=2, channel="email", priority=10),
        audience("b_tie", people=6, channel="email", priority=30),
        audience("a_tie", people=7, channel="email", priority=30),
        audience("of_ads", people=3, channel="ads", priority=90),
        audience("without_priority", people=8, channel="email"),
        audience("without_both", people=8),
    ).draw()
    primary = {
        name: drawn.people(f"audience = '{name}' and is_primary")
        for (name,) in drawn.rows("select distinct audience from members")
    }
    # Once each, also who is in audiences of two channels.
    assert drawn.count("true") == 4 + 2 + 6 + 7 + 3 + 8 + 8
    customers = [f"customer-{number}" for number in range(8)]
    assert primary == {
        "first": set(customers[:2]),
        "second": set(customers[2:4]),
        "a_tie": set(customers[4:7]),
        "b_tie": set(),
        "of_ads": set(customers[:3]),
        # Last, not beside the others: one message a day.
        "without_priority": {customers[7]},
        "without_both": set(customers),
    }


def test_of_a_family_too_one_audience_is_first_for_each_customer() -> None:
    """Else somebody drawn to two brands gets two messages on one day."""
    drawn = Audiences(
        audience("brands", people=0, channel="email", priority=20),
        audience("vip", people=1, channel="email", priority=1),
    )
    drawn.add("brands", "brands:B", "ann bea customer-0").add("brands", "brands:A", "bea cid customer-0").draw()
    assert drawn.rows("select audience, customer_id from members where is_primary order by all") == [
        ("brands:A", "bea"),
        ("brands:A", "cid"),
        ("brands:B", "ann"),
        ("vip", "customer-0"),
    ]
