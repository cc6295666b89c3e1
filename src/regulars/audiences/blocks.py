"""The building blocks of audiences as `regulars audience new --from` takes them: blocks joined by set operations.

The rule stays SQL and Jinja; what is read here is only as much as a refusal and a first unit test need. `intersect`
binds tighter than `union` and `except`, as in SQL.
"""

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from regulars.audiences.examples import Examples, NotSimpleError
from regulars.errors import UsageError

OF_PRODUCTS = ("product", "category", "brand", "keyword", "since", "until", "at_least")

BLOCKS: dict[str, tuple[str, ...]] = {
    "bought": OF_PRODUCTS,
    "not_bought": OF_PRODUCTS,
    "interested_in": ("product", "category", "brand", "keyword", "capture"),
    "importance": (),
    "lifecycle": (),
    "persona": (),
    "rfm_tier": (),
    "customer_type": (),
    "ad_segment": (),
    "attribute": ("name", "in"),
    "orders": ("count", "average", "first", "last", "in_period", "in_occasion"),
    "likely_to_buy": ("days", "top_share"),
    "in_audience": ("name",),
    "consented": ("purpose",),
}
"""Each block with the names of its arguments; one without takes any number of labels."""

OPERATIONS = ("union", "intersect", "except")
MOST_BLOCKS = 6
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OPENING = {"(": ")", "[": "]", "{": "}"}
LITERALS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Block:
    """One building block as it was written, and what its arguments say."""

    name: str
    arguments: str
    values: dict[str, Any]
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True)
class Joined:
    """Two rules, joined by a set operation."""

    operation: str
    left: "Rule"
    right: "Rule"


@dataclass(frozen=True)
class Bracketed:
    """A rule in parentheses."""

    inner: "Rule"


Rule = Block | Joined | Bracketed


def parse_rule(text: str) -> Rule:
    """Read what `--from` says.

    Raises
    ------
    UsageError: an unknown block or argument, a missing parenthesis, or words where a block or an operation should be.
    """
    for forbidden in ("{{", "}}", "{%", "%}", "{#", "#}"):
        if forbidden in text:
            raise UsageError(f"--from: {forbidden} is Jinja; write the blocks without it, as in lifecycle('lost')")
    if any(ord(letter) < 32 for letter in text):
        raise UsageError("--from: a line break or another control character; write the rule in one line")
    reader = _Reader(text)
    rule = reader.rule()
    if reader.rest():
        raise reader.fault("expected union, intersect or except")
    return rule


def blocks_of(rule: Rule) -> list[Block]:
    """The blocks of a rule, in the order in which they are written."""
    if isinstance(rule, Block):
        return [rule]
    if isinstance(rule, Bracketed):
        return blocks_of(rule.inner)
    return [*blocks_of(rule.left), *blocks_of(rule.right)]


def rule_sql(rule: Rule, indent: str = "    ") -> str:
    """The rule as it stands in the model."""
    if isinstance(rule, Block):
        return f"{indent}{{{{ {rule} }}}}"
    if isinstance(rule, Bracketed):
        return f"{indent}(\n{rule_sql(rule.inner, indent + '    ')}\n{indent})"
    return f"{rule_sql(rule.left, indent)}\n\n{indent}{rule.operation}\n\n{rule_sql(rule.right, indent)}"


def rule_text(rule: Rule) -> str:
    """The rule in one line, as `--from` takes it."""
    if isinstance(rule, Block):
        return str(rule)
    if isinstance(rule, Bracketed):
        return f"({rule_text(rule.inner)})"
    return f"{rule_text(rule.left)} {rule.operation} {rule_text(rule.right)}"


@dataclass(frozen=True)
class Example:
    """A unit test of a rule: rows by model, who is in it, and which changes of the rule it cannot tell."""

    inputs: dict[str, list[dict[str, object]]]
    members: list[str]
    unseen: list[str]


def example_of(rule: Rule, columns: Mapping[str, str] | None = None) -> Example:
    """For each block two customers whom it alone tells apart, one who is in it and one who is not.

    Whatever block is left out, or operation put in another's place, somebody is in it or out of it no more; where the
    pairs do not show that, a customer is added who does.

    Parameters
    ----------
    rule: what `--from` says.
    columns: the columns of customer_segments with their types, for `attribute`.

    Raises
    ------
    NotSimpleError: a block's inputs are more than a few columns, or nobody is in it, or nobody is not.
    """
    leaves = blocks_of(rule)
    if len(leaves) > MOST_BLOCKS:
        raise NotSimpleError(f"the rule has more than {MOST_BLOCKS} blocks")
    examples = Examples(columns)
    customers: dict[Holds, Any] = {}
    for wish in product((True, False), repeat=len(leaves)):
        customer = examples.customer(list(zip(leaves, wish, strict=True)))
        if customer is not None:
            holds = tuple((str(leaf), examples.holds(leaf, customer)) for leaf in leaves)
            customers.setdefault(holds, customer)
    is_in = {holds: _is_in(rule, dict(holds)) for holds in customers}
    for wanted, problem in ((True, "is in it"), (False, "is left out")):
        if wanted not in is_in.values():
            raise NotSimpleError(f"no customer {problem}")
    chosen: list[Holds] = []
    for number in range(len(leaves)):
        pairs = [(one, _turned(one, number)) for one in customers if is_in[one]]
        pairs = [(one, other) for one, other in pairs if not is_in.get(other, True)]
        pairs.sort(key=lambda pair: sum(each not in chosen for each in pair))
        chosen += [each for each in (pairs[0] if pairs else ()) if each not in chosen]
    member = next(holds for holds in [*chosen, *customers] if is_in[holds])
    nearest = sorted(customers, key=lambda holds: sum(one != other for one, other in zip(holds, member, strict=True)))
    chosen, unseen = chosen or [member], []
    for change, changed in _changes(rule):
        telling = [holds for holds in nearest if _is_in(changed, dict(holds)) != is_in[holds]]
        if not telling:
            unseen.append(change)
        elif not set(telling) & set(chosen):
            chosen.append(telling[0])
    if all(is_in[holds] for holds in chosen):
        chosen.append(next(holds for holds in nearest if not is_in[holds]))
    named: dict[str, Holds] = {}
    for holds in chosen:
        name = _name(leaves, holds, member, is_in=is_in[holds])
        named[f"{name}_{len(named)}" if name in named else name] = holds
    inputs = examples.inputs(leaves, {name: customers[holds] for name, holds in named.items()})
    return Example(inputs, [name for name, holds in named.items() if is_in[holds]], unseen)


Holds = tuple[tuple[str, bool], ...]
"""Each block of the rule, and whether it returns the customer."""


def _turned(holds: Holds, number: int) -> Holds:
    block, has = holds[number]
    return *holds[:number], (block, not has), *holds[number + 1 :]


def _name(leaves: list[Block], holds: Holds, member: Holds, *, is_in: bool) -> str:
    """What a customer has or lacks beside the first member."""
    differences = [
        ("has_" if has else "no_") + leaf.name
        for leaf, (_, has), (_, member_has) in zip(leaves, holds, member, strict=True)
        if has != member_has
    ]
    return "_".join((["member"] if is_in else []) + differences)


def _changes(rule: Rule) -> list[tuple[str, Rule]]:
    """The rule without each of its blocks, and with another operation in the place of each."""
    blocks = len(blocks_of(rule))
    found: list[tuple[str, Rule]] = []
    for number, block in enumerate(blocks_of(rule)):
        rest = _without(rule, number)
        if rest:
            found.append((f"without {block}", rest))
    for number in range(blocks - 1):
        for operation in OPERATIONS:
            # Read anew: what binds tighter is another thing then.
            changed = parse_rule(rule_text(_with_operation(rule, number, operation)))
            if changed != rule:
                found.append((f"with {operation} before {blocks_of(rule)[number + 1]}", changed))
    return found


def _without(rule: Rule, number: int) -> Rule | None:
    """The rule without the block of this number; None if it is the only one."""
    if isinstance(rule, Block):
        return None if number == 0 else rule
    if isinstance(rule, Bracketed):
        inner = _without(rule.inner, number)
        return Bracketed(inner) if inner else None
    count = len(blocks_of(rule.left))
    left = _without(rule.left, number) if number < count else rule.left
    right = _without(rule.right, number - count) if number >= count else rule.right
    return Joined(rule.operation, left, right) if left and right else left or right


def _with_operation(rule: Rule, number: int, operation: str) -> Rule:
    """The rule with this operation in the place of the one after the block of this number."""
    if isinstance(rule, Block):
        return rule
    if isinstance(rule, Bracketed):
        return Bracketed(_with_operation(rule.inner, number, operation))
    count = len(blocks_of(rule.left))
    if number == count - 1:
        return Joined(operation, rule.left, rule.right)
    if number < count:
        return Joined(rule.operation, _with_operation(rule.left, number, operation), rule.right)
    return Joined(rule.operation, rule.left, _with_operation(rule.right, number - count, operation))


def _is_in(rule: Rule, holds: dict[str, bool]) -> bool:
    if isinstance(rule, Block):
        return holds[str(rule)]
    if isinstance(rule, Bracketed):
        return _is_in(rule.inner, holds)
    left, right = _is_in(rule.left, holds), _is_in(rule.right, holds)
    return {"union": left or right, "intersect": left and right, "except": left and not right}[rule.operation]


class _Reader:
    """Reads a rule from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def rest(self) -> str:
        """What was not read yet."""
        self.place += len(self.text[self.place :]) - len(self.text[self.place :].lstrip())
        return self.text[self.place :]

    def fault(self, expected: str) -> UsageError:
        """A refusal that says where."""
        here = f'"{self.rest()[:30]}"' if self.rest() else "its end"
        return UsageError(f"--from: {expected} at {here}")

    def rule(self) -> Rule:
        """Union and except, from left to right."""
        found = self.intersection()
        while operation := self.operation("union", "except"):
            found = Joined(operation, found, self.intersection())
        return found

    def intersection(self) -> Rule:
        found = self.term()
        while operation := self.operation("intersect"):
            found = Joined(operation, found, self.term())
        return found

    def operation(self, *wanted: str) -> str | None:
        word = WORD.match(self.rest())
        if not word or word[0].lower() not in wanted:
            return None
        self.place += len(word[0])
        return word[0].lower()

    def term(self) -> Rule:
        if self.rest().startswith("("):
            self.place += 1
            inner = self.rule()
            if not self.rest().startswith(")"):
                raise self.fault("expected )")
            self.place += 1
            return Bracketed(inner)
        word = WORD.match(self.rest())
        if not word or word[0].lower() in OPERATIONS:
            raise self.fault("expected a block such as lifecycle('lost')")
        name = word[0]
        if name not in BLOCKS:
            near = difflib.get_close_matches(name, BLOCKS, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(f'--from: there is no block "{name}"{meant}; there are: {", ".join(BLOCKS)}')
        self.place += len(name)
        if not self.rest().startswith("("):
            raise self.fault(f"expected ( after {name}")
        return _block(name, self.arguments())

    def arguments(self) -> str:
        """What stands between the block's parentheses, quotes and brackets in it included."""
        start = self.place + 1
        closing: list[str] = []
        quote = ""
        for place in range(self.place, len(self.text)):
            letter = self.text[place]
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "'\"":
                quote = letter
            elif letter in OPENING:
                closing.append(OPENING[letter])
            elif closing and letter == closing[-1]:
                closing.pop()
                if not closing:
                    self.place = place + 1
                    return self.text[start:place].strip()
        raise self.fault("a quotation mark or parenthesis is not closed")


def _block(name: str, arguments: str) -> Block:
    if "\\" in arguments:
        raise UsageError(f"--from: {name}({arguments}): a backslash; write the text without it")
    # `in` is a word of Python's, and an argument of `attribute`.
    readable = re.sub(r"\bin\s*=(?!=)", "in_=", arguments) if name == "attribute" else arguments
    try:
        call = ast.parse(f"{name}({readable})", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        positional = [_literal(value) for value in call.args]
        named = {(each.arg or "").removesuffix("_"): _literal(each.value) for each in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"--from: {name}({arguments}): its arguments must be texts in quotation marks, numbers or lists, "
            "separated by commas"
        ) from error
    known = BLOCKS[name]
    if not known:
        if named or not positional or not all(isinstance(label, str) for label in positional):
            raise UsageError(f"--from: {name}({arguments}): name at least one label, as in {name}('…')")
        return Block(name, arguments, {}, tuple(positional))
    if len(positional) > len(known):
        raise UsageError(f"--from: {name}({arguments}): too many arguments; there are: {', '.join(known)}")
    values = dict(zip(known, positional, strict=False))
    for argument, value in named.items():
        if argument not in known:
            raise UsageError(
                f'--from: {name}({arguments}): there is no argument "{argument}"; there are: {", ".join(known)}'
            )
        if argument in values:
            raise UsageError(f'--from: {name}({arguments}): "{argument}" is given twice')
        values[argument] = value
    needed = {"in_audience": ["name"], "consented": ["purpose"], "attribute": ["name", "in"]}.get(name, [])
    if missing := [argument for argument in needed if argument not in values]:
        raise UsageError(f"--from: {name}({arguments}): {' and '.join(missing)} is missing")
    if texts := [each for each in needed if each != "in" and not isinstance(values[each], str)]:
        raise UsageError(f"--from: {name}({arguments}): {texts[0]} must be a text in quotation marks")
    return Block(name, arguments, {argument: value for argument, value in values.items() if value is not None})


def _literal(node: ast.expr) -> Any:  # noqa: ANN401  (whatever the argument is)
    if isinstance(node, ast.Name) and node.id in LITERALS:
        return LITERALS[node.id]
    if isinstance(node, ast.List):
        return [_literal(each) for each in node.elts]
    return ast.literal_eval(node)
