"""The building blocks of audiences as `regulars audience new --from` takes them: blocks joined by set operations.

The rule stays SQL and Jinja; what is read here is only as much as a refusal and a first unit test need. `intersect`
binds tighter than `union` and `except`, as in SQL.
"""

import ast
import difflib
import re
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


def example_rows(rule: Rule) -> dict[str, list[dict[str, object]]]:
    """Rows for the inputs of a unit test in which one customer is a member and another, as like her as can be, is not.

    Raises
    ------
    NotSimpleError: a block's inputs are more than a few columns, or no such pair was found.
    """
    leaves = blocks_of(rule)
    if len(leaves) > MOST_BLOCKS:
        raise NotSimpleError(f"the rule has more than {MOST_BLOCKS} blocks")
    examples = Examples()
    found: dict[bool, tuple[tuple[bool, ...], Any]] = {}
    wishes = list(product((True, False), repeat=len(leaves)))
    for wanted in (True, False):
        member = found.get(True)
        if member:
            # The near miss: it shows what decides.
            alike = member[0]
            wishes.sort(key=lambda wish: (sum(one != other for one, other in zip(wish, alike, strict=True)), wish))
        for wish in wishes:
            customer = examples.customer(list(zip(leaves, wish, strict=True)))
            if customer is not None and _is_in(rule, customer, examples) is wanted:
                found[wanted] = (wish, customer)
                break
        else:
            raise NotSimpleError("no customer " + ("is in it" if wanted else "is left out"))
    return examples.inputs(leaves, {"member": found[True][1], "somebody_else": found[False][1]})


def _is_in(rule: Rule, customer: Any, examples: Examples) -> bool:  # noqa: ANN401  (rows by input)
    if isinstance(rule, Block):
        return examples.holds(rule, customer)
    if isinstance(rule, Bracketed):
        return _is_in(rule.inner, customer, examples)
    left, right = _is_in(rule.left, customer, examples), _is_in(rule.right, customer, examples)
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
