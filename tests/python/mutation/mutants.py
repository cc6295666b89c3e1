"""Small wrong versions of a select statement, one changed place each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"
SHOWN_LENGTH = 110

SWAPS: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.Mul: exp.Div,
    exp.Div: exp.Mul,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Greatest: exp.Least,
    exp.Least: exp.Greatest,
}


@dataclass(frozen=True)
class Mutant:
    """One wrong version of a model."""

    model: str
    place: str
    """The common table expression it is in, or `final`."""
    change: str
    """What was there, an arrow, and what is there now."""
    occurrence: int
    """Counts equal changes in one place, from 1."""
    sql: str
    position: tuple[int, int] = (0, 0)
    """The changed node's place in the walk through the statement, and which of its changes this is."""

    @property
    def name(self) -> str:
        repeated = f" (no. {self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.model}.{self.place}: {self.change}{repeated}"


@dataclass(frozen=True)
class _Change:
    node: exp.Expression
    shown: exp.Expression
    """What the description shows: the node, or what it stands in."""
    replace: Callable[[exp.Expression], None]


def mutants_of(model: str, sql: str, positions: Collection[tuple[int, int]] | None = None) -> list[Mutant]:
    """Every mutant of a model whose text is not that of another, or those of these positions alone."""
    tree = _parsed(sql)
    places = [(place, number) for place, node in enumerate(tree.walk()) for number, _ in enumerate(_changes_at(node))]
    if positions is not None:
        places = [place for place in places if place in positions]
    original = tree.sql(dialect=DIALECT)
    found: list[Mutant] = []
    seen = {original}
    occurrences: Counter[tuple[str, str]] = Counter()
    for place, number in places:
        copy = tree.copy()
        change = next(islice(_changes_at(next(islice(copy.walk(), place, None))), number, None))
        expression = change.node.find_ancestor(exp.CTE)
        shown, before = change.shown, _text(change.shown)
        holder = exp.Paren(this=exp.Null())
        parent, key, index = shown.parent, shown.arg_key, shown.index
        change.replace(change.node)
        after = _text(_now_at(parent, key, index)) if parent is not None else _text(holder)
        mutated = copy.sql(dialect=DIALECT)
        if mutated in seen:
            continue
        seen.add(mutated)
        where = expression.alias if expression else "final"
        text = _shortened(before, after)
        occurrences[where, text] += 1
        found.append(Mutant(model, where, text, occurrences[where, text], mutated, (place, number)))
    return found


def have_same_shape(sql: str, other: str) -> bool:
    """Whether two statements differ in names and values only, so that a position means the same in both."""
    return [type(node) for node in _parsed(sql).walk()] == [type(node) for node in _parsed(other).walk()]


def _parsed(sql: str) -> exp.Expression:
    """The statement without the conditions that dbt leaves where a full build has none: `true`."""
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    for node in list(tree.find_all(exp.And)):
        for side, other in (("this", "expression"), ("expression", "this")):
            if node.args[side] == exp.true():
                node.replace(node.args[other])
                break
    for node in list(tree.find_all(exp.Where)):
        if node.this == exp.true():
            node.pop()
    return tree


def _now_at(parent: exp.Expression, key: str | None, index: int | None) -> exp.Expression | None:
    value = parent.args.get(key or "")
    if isinstance(value, list):
        return value[index] if index is not None and index < len(value) else None
    return value


def _text(node: exp.Expression | None) -> str:
    return "nothing" if node is None else " ".join(node.sql(dialect=DIALECT).split())


def _shortened(before: str, after: str) -> str:
    """Both texts, cut where they begin to be the same for too long."""
    if max(len(before), len(after)) <= SHOWN_LENGTH:
        return f"{before} → {after}"
    start = next(
        (place for place, (left, right) in enumerate(zip(before, after, strict=False)) if left != right),
        min(len(before), len(after)),
    )
    start = max(0, start - SHOWN_LENGTH // 2)
    opening = "… " if start else ""
    return f"{opening}{before[start : start + SHOWN_LENGTH]} … → {opening}{after[start : start + SHOWN_LENGTH]} …"


def _changes_at(node: exp.Expression) -> Iterator[_Change]:
    """Every way to change this node, in one fixed order."""
    if _makes_numbers(node):
        return
    yield from _swaps(node)
    yield from _literals(node)
    yield from _joins(node)
    yield from _conditions(node)
    yield from _branches(node)
    yield from _defaults(node)
    yield from _orders(node)
    yield from _negations(node)


def _makes_numbers(node: exp.Expression) -> bool:
    """Whether this is of the rows 0, 1, 2, … that the macro `number_series` makes of digits: no rule of anything."""
    table = node.find_ancestor(exp.Subquery)
    if table is not None and table.alias.startswith("digits_"):
        return True
    around = node.parent if isinstance(node, exp.Literal) and node.parent is not None else node
    columns = list(around.find_all(exp.Column))
    return bool(columns) and all(column.table.startswith("digits_") for column in columns)


def _swaps(node: exp.Expression) -> Iterator[_Change]:
    other = SWAPS.get(type(node))
    if other is not None:

        def swap(old: exp.Expression, other: type[exp.Expression] = other) -> None:
            old.replace(other(**dict(old.args.items())))

        yield _Change(node, node, swap)


def _literals(node: exp.Expression) -> Iterator[_Change]:
    if not isinstance(node, exp.Literal) or node.is_string or node.find_ancestor(exp.DataType):
        return
    text = str(node.this)
    digits = len(text.partition(".")[2])
    step = 10**-digits if digits else 1
    for sign in (1, -1):
        value = float(text) + sign * step
        if value < 0 and isinstance(node.parent, exp.Neg):
            continue

        def put(old: exp.Expression, value: float = value, digits: int = digits) -> None:
            literal = exp.Literal.number(f"{abs(value):.{digits}f}")
            old.replace(exp.Neg(this=literal) if value < 0 else literal)

        yield _Change(node, _context(node), put)


def _context(node: exp.Expression) -> exp.Expression:
    """The nearest thing around a literal that says what it is for."""
    shown = node
    while shown.parent is not None and isinstance(
        shown.parent, exp.Literal | exp.Neg | exp.Paren | exp.Cast | exp.Binary | exp.Interval | exp.Func | exp.DateAdd
    ):
        shown = shown.parent
        if len(shown.sql(dialect=DIALECT)) > 25:
            break
    return shown


def _joins(node: exp.Expression) -> Iterator[_Change]:
    if not isinstance(node, exp.Join) or not node.args.get("on"):
        return
    side = node.args.get("side")
    if side == "LEFT":

        def to_inner(old: exp.Expression) -> None:
            old.set("side", None)
            old.set("kind", "INNER")

        yield _Change(node, node, to_inner)
    elif not side:

        def to_left(old: exp.Expression) -> None:
            old.set("side", "LEFT")
            old.set("kind", None)

        yield _Change(node, node, to_left)


def _conditions(node: exp.Expression) -> Iterator[_Change]:
    """Every conjunct of a where, having, filter or join condition can be forgotten."""
    if isinstance(node, exp.Where | exp.Having):

        def drop(old: exp.Expression) -> None:
            old.pop()

        yield _Change(node, node, drop)
    if isinstance(node, exp.And) and node.find_ancestor(exp.Where, exp.Having, exp.Join, exp.If, exp.Case, exp.Select):
        for kept, forgotten in (("this", "expression"), ("expression", "this")):

            def keep(old: exp.Expression, kept: str = kept) -> None:
                old.replace(old.args[kept])

            if node.args.get(forgotten) is not None:
                yield _Change(node, node, keep)


def _branches(node: exp.Expression) -> Iterator[_Change]:
    if not isinstance(node, exp.Case):
        return
    branches = node.args["ifs"]
    for position in range(len(branches) - 1):

        def swap_next(old: exp.Expression, position: int = position) -> None:
            first, second = old.args["ifs"][position], old.args["ifs"][position + 1]
            one, other = first.args["true"].copy(), second.args["true"].copy()
            first.set("true", other)
            second.set("true", one)

        yield _Change(node, node, swap_next)
    if node.args.get("default") is not None:

        def swap_default(old: exp.Expression) -> None:
            last = old.args["ifs"][-1]
            one, other = last.args["true"].copy(), old.args["default"].copy()
            last.set("true", other)
            old.set("default", one)

        yield _Change(node, node, swap_default)


def _defaults(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.Coalesce):

        def without_default(old: exp.Expression) -> None:
            old.replace(old.this)

        yield _Change(node, node, without_default)


def _orders(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.Ordered):

        def turn(old: exp.Expression) -> None:
            old.set("desc", not old.args.get("desc"))

        yield _Change(node, node, turn)


def _negations(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.Not):

        def drop_not(old: exp.Expression) -> None:
            old.replace(old.this)

        yield _Change(node, node, drop_not)
    if isinstance(node, exp.Is) and not isinstance(node.parent, exp.Not):

        def put_not(old: exp.Expression) -> None:
            old.replace(exp.Not(this=old.copy()))

        yield _Change(node, node, put_not)
