"""`int_audience_memory`, its compiled SQL look by look, beside a memory that fits on a page."""

from __future__ import annotations

import datetime
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .compiled_nodes import compiled_sql, connect

FIRST_DAY = datetime.date(2026, 3, 1)
DAYS = [FIRST_DAY + datetime.timedelta(days=number) for number in (0, 1, 2, 5, 9, 30)]
NEWEST_LOAD = DAYS[-1] - datetime.timedelta(days=1)
CUSTOMERS = ("ann", "bea", "cid", "dot", "eve")
PLAIN, OTHER, FAMILY = "aud_a", "aud_b", "aud_f"
MODEL_OF = {"a": PLAIN, "b": OTHER, "f:x": FAMILY, "f:y": FAMILY}


@dataclass(frozen=True)
class Look:
    """What one build sees: the rules there are, by model, and who is in."""

    on: datetime.date
    rules: dict[str, str]
    members: dict[str, frozenset[str]]

    def __post_init__(self):
        assert all(MODEL_OF[audience] in self.rules for audience, people in self.members.items() if people)


@dataclass
class Memory:
    """Of each model, the days it was looked at: the rule then (None: gone), and who was in its audiences."""

    looks: dict[str, dict[datetime.date, tuple[str | None, dict[str, frozenset[str]]]]] = field(default_factory=dict)

    def look(self, look: Look) -> None:
        for model in {*look.rules, *self.looks}:
            seen = {audience: people for audience, people in look.members.items() if MODEL_OF[audience] == model}
            self.looks.setdefault(model, {})[look.on] = (look.rules.get(model), seen)

    def seen(self, audience: str) -> dict[datetime.date, frozenset[str]]:
        days = sorted(self.looks.get(MODEL_OF[audience], {}).items())
        return {day: members.get(audience, frozenset()) for day, (_, members) in days}

    def stays(self) -> set[tuple]:
        """Maximal runs over the days looked at."""
        found = set()
        for audience, customer in itertools.product(MODEL_OF, CUSTOMERS):
            entered = None
            for day, people in self.seen(audience).items():
                if customer in people and entered is None:
                    entered = day
                elif customer not in people and entered is not None:
                    found.add((audience, customer, entered, day))
                    entered = None
            if entered is not None:
                found.add((audience, customer, entered, None))
        return found


class Warehouse:
    """The compiled SQL, which reads what it made the time before."""

    def __init__(self) -> None:
        self.connection = connect()
        self.sql = {past: compiled_sql("int_audience_memory", write_past_history=past) for past in (True, False)}

    def forget(self) -> None:
        self.connection.execute("delete from intermediate.int_audience_memory")

    def look(
        self,
        look: Look,
        *,
        write_past_history: bool = True,
        newest_load: datetime.date = NEWEST_LOAD,
        experiment: str | None = None,
        draws: Callable[[str, str], tuple[str, bool]] | None = None,
    ) -> None:
        fill = self.connection
        for table in ("int_as_of", "int_audience_definitions", "int_audience_members"):
            fill.execute(f"delete from intermediate.{table}")
        fill.execute("insert into intermediate.int_as_of values (?, ? + interval 23 hour)", [look.on, newest_load])
        for model, rule in look.rules.items():
            fill.execute(
                "insert into intermediate.int_audience_definitions"
                " (model_name, audience, definition_hash, is_family, experiment_key) values (?, ?, ?, ?, ?)",
                [model, model.removeprefix("aud_"), rule, model == FAMILY, experiment],
            )
        for audience, people in look.members.items():
            for customer in people:
                fill.execute(
                    "insert into intermediate.int_audience_members values (?, ?, ?, ?)",
                    [audience, customer, *(draws or arm)(audience, customer)],
                )
        fill.execute(f"create or replace table made as {self.sql[write_past_history]}")
        fill.execute("drop table intermediate.int_audience_memory")
        fill.execute("create table intermediate.int_audience_memory as select * from made")

    def rows(self, columns: str, kind: str) -> list[tuple]:
        return self.connection.execute(
            f"select {columns} from intermediate.int_audience_memory where row_kind = '{kind}' order by all"
        ).fetchall()

    def stays(self) -> list[tuple]:
        return self.rows("audience, customer_id, entered_on, left_on", "stay")

    def looks(self) -> list[tuple]:
        return self.rows("model_name, entered_on, definition_hash", "seen")

    def everything(self) -> list[tuple]:
        return self.connection.execute("select * from intermediate.int_audience_memory order by all").fetchall()

    def holds(self, memory: Memory) -> None:
        """The stays are the runs, once each, with the arm of entering; every look is there, once."""
        stays = self.stays()
        assert len(set(stays)) == len(stays)
        assert set(stays) == memory.stays()
        for audience, customer, *drawn in self.rows("audience, customer_id, arm, is_sampled", "stay"):
            assert tuple(drawn) == arm(audience, customer)
        looks = self.looks()
        assert len({(model, day) for model, day, _ in looks}) == len(looks)
        dated = {(model, day): rule for model, day, rule in looks}
        assert dated == {(model, day): rule for model, days in memory.looks.items() for day, (rule, _) in days.items()}

    def members_on(self, audience: str, day: datetime.date) -> set[str]:
        return {
            customer
            for name, customer, entered, left in self.stays()
            if name == audience and entered <= day and (left is None or left > day)
        }


def arm(audience: str, customer: str) -> tuple[str, bool]:
    return random.Random(audience + customer).choice(["treatment", "control"]), customer > "bea"


@pytest.fixture(scope="module")
def warehouse():
    return Warehouse()


people = st.frozensets(st.sampled_from(CUSTOMERS))


@st.composite
def looks(draw, *, always_defined: bool = False, days=DAYS):
    models = [PLAIN, OTHER, FAMILY]
    if not always_defined:
        models = draw(st.lists(st.sampled_from(models), unique=True, min_size=1))
    rules = {model: draw(st.sampled_from(["old rule", "new rule"])) for model in models}
    members = {audience: draw(people) for audience, model in MODEL_OF.items() if model in rules}
    return Look(draw(st.sampled_from(days)), rules, members)


def remembered(warehouse: Warehouse, sequence) -> Memory:
    """Both look at everything, in this order; they agree after every look."""
    warehouse.forget()
    memory = Memory()
    for look in sequence:
        warehouse.look(look)
        memory.look(look)
        warehouse.holds(memory)
    return memory


@settings(max_examples=60)
@given(st.lists(looks(), min_size=1, max_size=8))
def test_stays_are_the_runs_of_looks_in_whatever_order_days_are_looked_at(warehouse, sequence):
    memory = remembered(warehouse, sequence)
    for audience in MODEL_OF:
        for day, members in memory.seen(audience).items():
            assert warehouse.members_on(audience, day) == members


@settings(max_examples=40)
@given(
    st.lists(looks(always_defined=True), min_size=2, max_size=6, unique_by=lambda look: look.on),
    st.randoms(use_true_random=False),
)
def test_the_same_looks_in_another_order_are_the_same_memory(warehouse, sequence, chance):
    remembered(warehouse, sequence)
    before = warehouse.stays(), warehouse.looks()
    remembered(warehouse, chance.sample(sequence, len(sequence)))
    assert (warehouse.stays(), warehouse.looks()) == before


@settings(max_examples=30)
@given(st.lists(looks(), min_size=1, max_size=6), st.integers(0, 5))
def test_a_look_again_changes_nothing(warehouse, sequence, number):
    remembered(warehouse, sequence)
    newest = {look.on: look for look in sequence}
    again = list(newest.values())[number % len(newest)]
    if {*again.rules} >= {model for look in sequence for model in look.rules}:
        before = warehouse.everything()
        warehouse.look(again)
        assert warehouse.everything() == before
    last = sequence[-1]
    before = warehouse.everything()
    warehouse.look(last)
    assert warehouse.everything() == before


@settings(max_examples=30)
@given(st.lists(looks(), min_size=2, max_size=7))
def test_who_came_and_who_went_is_the_difference_between_two_days(warehouse, sequence):
    memory = remembered(warehouse, sequence)
    stays = warehouse.stays()
    for audience in MODEL_OF:
        for first, last in itertools.combinations(memory.seen(audience), 2):
            mine = [stay for stay in stays if stay[0] == audience]
            entered = sum(1 for stay in mine if first < stay[2] <= last)
            left = sum(1 for stay in mine if stay[3] is not None and first < stay[3] <= last)
            sizes = [len(warehouse.members_on(audience, day)) for day in (first, last)]
            assert entered - left == sizes[1] - sizes[0], (audience, first, last)


@settings(max_examples=40)
@given(st.lists(looks(), min_size=1, max_size=6))
def test_unless_asked_for_a_day_before_the_newest_look_is_not_written(warehouse, sequence):
    warehouse.forget()
    memory = Memory()
    newest = datetime.date.min
    for look in sequence:
        before = warehouse.everything()
        warehouse.look(look, write_past_history=False)
        if look.on >= newest:
            newest = look.on
            memory.look(look)
        else:
            assert warehouse.everything() == before
        warehouse.holds(memory)


@settings(max_examples=30)
@given(st.lists(looks(days=DAYS[:4]), min_size=1, max_size=3), looks(days=DAYS[3:]), st.booleans(), st.integers(-3, 3))
def test_a_day_after_the_day_after_the_newest_load_has_not_come(warehouse, sequence, look, past, spare_days):
    memory = remembered(warehouse, sequence)
    before = warehouse.everything()
    newest_load = look.on - datetime.timedelta(days=1) + datetime.timedelta(days=spare_days)
    warehouse.look(look, write_past_history=past, newest_load=newest_load)
    if spare_days < 0:
        assert warehouse.everything() == before
    else:
        memory.look(look)
        warehouse.holds(memory)


def test_of_a_family_a_member_that_had_nobody_was_looked_at_too(warehouse):
    """Else a backfilled day would put people into it for good whom the newer look had not seen."""
    remembered(
        warehouse,
        [
            Look(DAYS[1], {FAMILY: "rule"}, {}),
            Look(DAYS[0], {FAMILY: "rule"}, {"f:x": frozenset({"ann"})}),
        ],
    )
    assert warehouse.stays() == [("f:x", "ann", DAYS[0], DAYS[1])]


def test_an_audience_that_comes_back_was_left_by_everybody_meanwhile(warehouse):
    with_ann = {"a": frozenset({"ann"})}
    remembered(
        warehouse,
        [Look(DAYS[0], {PLAIN: "1"}, with_ann), Look(DAYS[1], {OTHER: "1"}, {}), Look(DAYS[2], {PLAIN: "2"}, with_ann)],
    )
    assert warehouse.stays() == [("a", "ann", DAYS[0], DAYS[1]), ("a", "ann", DAYS[2], None)]
    assert (PLAIN, DAYS[1], None) in warehouse.looks()


def test_who_stays_keeps_the_arm_she_entered_with(warehouse):
    warehouse.forget()
    with_ann = {"a": frozenset({"ann"})}
    warehouse.look(Look(DAYS[1], {PLAIN: "1"}, with_ann))
    changed = "update intermediate.int_audience_memory set arm = 'held_out', is_sampled = true where row_kind = 'stay'"
    warehouse.connection.execute(changed)
    drawn = "entered_on, left_on, arm, is_sampled"
    warehouse.look(Look(DAYS[4], {PLAIN: "1"}, with_ann))
    assert warehouse.rows(drawn, "stay") == [(DAYS[1], None, "held_out", True)]
    warehouse.look(Look(DAYS[2], {PLAIN: "1"}, {}))
    assert warehouse.rows(drawn, "stay") == [(DAYS[1], DAYS[2], "held_out", True), (DAYS[4], None, "held_out", True)]
    warehouse.look(Look(DAYS[0], {PLAIN: "1"}, with_ann))
    assert warehouse.rows(drawn, "stay")[0] == (DAYS[0], DAYS[2], *arm("a", "ann"))


@pytest.mark.parametrize(
    "drawn", [(("held_out", True), ("treatment", False)), (("treatment", False), ("held_out", True))]
)
def test_each_stay_keeps_its_own_arm_when_the_day_between_is_looked_at_again(warehouse, drawn):
    warehouse.forget()
    with_ann = {"a": frozenset({"ann"})}
    for number, members in ((1, with_ann), (2, {}), (4, with_ann)):
        warehouse.look(Look(DAYS[number], {PLAIN: "1"}, members))
    for number, values in zip((1, 4), drawn, strict=True):
        warehouse.connection.execute(
            "update intermediate.int_audience_memory set arm = ?, is_sampled = ?"
            " where row_kind = 'stay' and entered_on = ?",
            [*values, DAYS[number]],
        )
    columns = "entered_on, left_on, arm, is_sampled"
    warehouse.look(Look(DAYS[2], {PLAIN: "1"}, {}))
    assert warehouse.rows(columns, "stay") == [(DAYS[1], DAYS[2], *drawn[0]), (DAYS[4], None, *drawn[1])]
    warehouse.look(Look(DAYS[2], {PLAIN: "1"}, with_ann))
    assert warehouse.rows(columns, "stay") == [(DAYS[1], None, *drawn[0])]


def told(_audience: str, _customer: str) -> tuple[str, bool]:
    """What today's shares would have drawn on a day on which nobody was drawn."""
    return "told", False


@settings(max_examples=60)
@given(st.lists(st.tuples(looks(always_defined=True), st.booleans()), min_size=1, max_size=7))
def test_what_is_told_afterwards_leaves_looks_arms_and_samples_of_builds_alone(warehouse, sequence):
    warehouse.forget()
    memory = Memory()
    drew: set[datetime.date] = set()
    for look, is_build in sequence:
        if is_build and all(look.on >= day for days in memory.looks.values() for day in days):
            warehouse.look(look, write_past_history=False, experiment="key")
            drew.add(look.on)
            memory.look(look)
        else:
            warehouse.look(look, experiment="key", draws=told)
            if look.on not in drew:
                memory.look(look)
        stays = warehouse.rows("audience, customer_id, entered_on, left_on, arm, is_sampled", "stay")
        assert {stay[:4] for stay in stays} == memory.stays()
        for audience, customer, entered, left, *drawn in stays:
            if any(entered <= day and (left is None or day < left) for day in drew):
                assert tuple(drawn) == arm(audience, customer)
        assert {day for _, day in warehouse.rows("experiment_key, entered_on", "seen") if _ == "key"} == drew


def test_a_stay_keeps_the_arm_of_the_build_that_drew_it(warehouse):
    warehouse.forget()
    with_ann = {"a": frozenset({"ann"})}
    for number, drawn in ((1, "control"), (2, "treatment"), (4, "treatment")):
        warehouse.look(
            Look(DAYS[number], {PLAIN: "1"}, with_ann),
            write_past_history=False,
            experiment="key",
            draws=lambda _audience, _customer, drawn=drawn: (drawn, True),
        )
    assert warehouse.rows("entered_on, left_on, arm, is_sampled", "stay") == [(DAYS[1], None, "control", True)]
