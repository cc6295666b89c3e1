"""`regulars audience new`: the model, the YAML beside it with a first unit test, and the entry in the list."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml

from regulars.audiences.blocks import Rule, blocks_of, example_of, parse_rule, rule_sql, rule_text
from regulars.audiences.examples import NotSimpleError
from regulars.audiences.overview import FOLDER
from regulars.audiences.refusals import check_rule, columns_of_segments
from regulars.errors import UsageError

LIST = Path("macros") / "audiences" / "audience_models.sql"
LISTED = re.compile(r"(return\(\[\n)(?P<names>(?: *'[a-z0-9_]+',?\n)*)( *\]\))")
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# PostgreSQL cuts a name at 63 letters.
LONGEST_NAME = 63 - len("aud_")
EXAMPLE = "lifecycle('slipping_away')"
EXAMPLE_COMMENT = """{#-
    An example; put your own rule here. Blocks such as bought(keyword='tent'), importance('vip') and lifecycle('lost')
    are joined by union, intersect and except, with parentheses where needed.
-#}
"""


@dataclass(frozen=True)
class Words:
    """What people read about an audience; nothing is made up for what is not given."""

    label: str | None = None
    purpose: str | None = None
    advice: str | None = None
    owner: str | None = None
    channel: str | None = None


@dataclass
class Written:
    """What `new` wrote, and what it wants to say about it."""

    model: str
    files: list[Path]
    notes: list[str] = field(default_factory=list)


def write_audience(project: Path, name: str, rule_given: str | None, words: Words) -> Written:
    """Check everything, then write the three files; either all of them are there afterwards or none is changed.

    Raises
    ------
    UsageError: a bad or used name, a rule that cannot be read or that dbt would refuse, a folder without a project or
        without the list of audiences, or a folder that cannot be written.
    """
    notes: list[str] = []
    if name.startswith("aud_"):
        name = name.removeprefix("aud_")
        notes.append(f"the model is called aud_{name}; the audience {name}, without aud_")
    _check_name(name)
    for word, text in vars(words).items():
        if text is not None and (not text.strip() or not text.isprintable() or re.search(r"\{[{%#]", text)):
            raise UsageError(f"--{word} {text!r}: expected a line of text, without Jinja")
    model = f"aud_{name}"
    if not (project / "dbt_project.yml").is_file():
        raise UsageError(f"{project.resolve()} holds no dbt_project.yml; name the project's folder: --project-dir")
    if rule_given is not None and not rule_given.strip():
        raise UsageError(
            "--from is empty; write a rule such as \"bought(keyword='tent')\", or leave --from out for an example"
        )
    rule = parse_rule(rule_given or EXAMPLE)
    for block in blocks_of(rule):
        if block.name == "in_audience" and block.values["name"].partition(":")[0] == name:
            raise UsageError(f"--from: {block}: the audience would be built from itself")
    sql, yml, the_list = project / FOLDER / f"{model}.sql", project / FOLDER / f"{model}.yml", project / LIST
    for path in (sql, yml, *sorted((project / "models").rglob(f"{model}.*"))):
        if path.exists():
            raise UsageError(f"there is an audience {name} already: {path}; choose another name, or change that file")
    new_list = _with_model(the_list, model)
    check_rule(project, rule, [each.removeprefix("aud_") for each in _listed(new_list) if each != model])
    test, more_notes = _unit_test(model, name, rule, columns_of_segments(project), is_given=rule_given is not None)
    notes += more_notes
    if not words.purpose:
        notes.append("without --purpose the YAML says the rule; write there in a sentence who is in it")
    _write_all(
        {
            sql: _sql(name, rule, is_given=rule_given is not None),
            yml: _yaml(model, name, rule, words) + test,
            the_list: new_list,
        }
    )
    return Written(model, [sql, yml, the_list], notes)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        suggestion = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        meant = f", as in {suggestion}" if NAME.fullmatch(suggestion) else ""
        raise UsageError(
            f'"{name}" is no name of an audience; expected small letters, digits and single underscores, '
            f"a letter first{meant}"
        )
    if len(name) > LONGEST_NAME:
        raise UsageError(f'"{name}" has {len(name)} letters; expected at most {LONGEST_NAME}')


def _with_model(path: Path, model: str) -> str:
    """The list of audiences with one more, in the order of the alphabet."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: the list of audiences cannot be read: {error.strerror or error}") from error
    found = LISTED.search(text)
    if not found:
        raise UsageError(
            f"{path} is not the list that `regulars audience new` knows: one quoted name a line in return([…])"
        )
    names = _listed(found[0])
    if model in names:
        raise UsageError(
            f"{path} names {model} already, and there is no such model; remove the line or choose another name"
        )
    lines = "".join(f"        '{each}',\n" for each in sorted([*names, model]))
    return f"{text[: found.start('names')]}{lines}{text[found.end('names') :]}"


def _listed(text: str) -> list[str]:
    found = LISTED.search(text)
    return re.findall(r"'([a-z0-9_]+)'", found["names"]) if found else []


def _sql(name: str, rule: Rule, *, is_given: bool) -> str:
    return f"""{{# Grain: one row per customer of the audience {name}. #}}
{"" if is_given else EXAMPLE_COMMENT}
with

members as (

{rule_sql(rule)}

)

select
    '{name}' as audience,
    customer_id

from members
"""


def _yaml(model: str, name: str, rule: Rule, words: Words) -> str:
    lines = [
        "models:",
        f"  - name: {model}",
        f"    description: {_scalar(f'One row per customer of the audience {name}.')}",
        "    config:",
        "      meta:",
        "        audience:",
        f"          label: {_scalar(words.label or name.replace('_', ' ').capitalize())}",
        f"          purpose: {_scalar(words.purpose or f'By rule: {rule_text(rule)}')}",
        f"          advice: {_scalar(words.advice)}" if words.advice else "          # advice: what to do with them",
        f"          owner: {_scalar(words.owner)}" if words.owner else "          # owner: who answers for it",
    ]
    if words.channel:
        lines.append(f"          channel: {_scalar(words.channel)}")
    lines += ["    columns:"]
    for column in ("audience", "customer_id"):
        lines += [
            f"      - name: {column}",
            "        data_type: varchar",
            f"        description: \"{{{{ doc('{column}') }}}}\"",
        ]
    return "\n".join(lines) + "\n"


def _unit_test(model: str, name: str, rule: Rule, columns: dict[str, str], *, is_given: bool) -> tuple[str, list[str]]:
    """The first unit test as YAML; or what is to be filled in, as a comment; and notes."""
    try:
        example = example_of(rule, columns)
    except NotSimpleError as reason:
        comment = [
            "",
            f"# A unit test is missing: {reason}.",
            "# Give each input a customer who is in it, and for each block one who is not, for that block alone:",
            "# unit_tests:",
            f"#   - name: {model}__keeps_only_its_members",
            f"#     model: {model}",
            "#     given:",
            *(f"#       - {{input: ref('{each}'), rows: []}}" for each in _inputs(rule)),
            "#     expect:",
            "#       rows:",
            f"#         - {{audience: {name}, customer_id: member}}",
        ]
        return "\n".join(comment) + "\n", [f"no unit test was written: {reason}; the YAML says what to fill in"]
    lines = [
        "",
        "unit_tests:",
        f"  - name: {model}__keeps_only_its_members",
        f"    model: {model}",
        "    given:",
        *_given(example.inputs),
        "    expect:",
        "      rows:",
        *(f"        - {{audience: {name}, customer_id: {member}}}" for member in example.members),
    ]
    notes = [
        f"the unit test stays green {each}: no customer made up here shows the difference" for each in example.unseen
    ]
    if not is_given:
        notes.append("its rule is an example; write your own before you use it")
    return "\n".join(lines) + "\n", notes


INPUTS = {
    "attribute": ("customer_segments", "int_customer_profiles"),
    "interested_in": ("dim_products", "int_interests", "pred_interested_in"),
    "likely_to_buy": ("pred_purchase_intent",),
    "bought": ("dim_products", "fct_order_lines"),
    "not_bought": ("customer_facts", "dim_products", "fct_order_lines"),
    "orders": ("fct_orders", "int_as_of"),
    "importance": ("customer_importance",),
    "lifecycle": ("customer_lifecycle",),
    "persona": ("customer_personas",),
    "customer_type": ("customer_types",),
    "rfm_tier": ("customer_rfm", "rfm_tiers"),
    "ad_segment": ("customer_ad_segments",),
    "consented": ("customer_facts",),
}


def _inputs(rule: Rule) -> list[str]:
    found: set[str] = set()
    for block in blocks_of(rule):
        if block.name == "in_audience":
            found.add(f"aud_{block.values['name'].partition(':')[0]}")
        found.update(INPUTS.get(block.name, ()))
        if "in_occasion" in block.values:
            found.update(("gift_occasions", "stg_shop__customers", "stg_shop__orders"))
        if block.values.get("name") in ("rfm_tier", "previous_rfm_tier"):
            found.add("rfm_tiers")
    return sorted(found)


def _given(inputs: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    for model, rows in inputs.items():
        yield f"      - input: ref('{model}')"
        if not rows:
            yield "        rows: []"
            continue
        yield "        rows:"
        for row in rows:
            yield f"          - {{{', '.join(f'{column}: {_value(value)}' for column, value in row.items())}}}"


def _value(value: object) -> str:
    """A value within `{…}`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | date):
        return str(value)
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z_]\w*", text) and yaml.safe_load(text) == text else _quoted(text)


def _scalar(text: str) -> str:
    """A text as a value of its own; plain where YAML reads it back as it is."""
    is_plain = re.fullmatch(r"[A-Za-z][^:#{}\[\]\\\"]*", text) and text == text.strip()
    return text if is_plain and yaml.safe_load(text) == text else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_all(texts: dict[Path, str]) -> None:
    """Write beside the targets under other names, then rename; the list last: it never names what is not there."""
    partial = {path: path.with_name(f".{path.name}.partial") for path in texts}
    placed: list[Path] = []
    *new_files, the_list = texts
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial[path].write_text(text, encoding="utf-8")
        for path in new_files:
            partial[path].replace(path)
            placed.append(path)
        partial[the_list].replace(the_list)
        placed.clear()
    except OSError as error:
        raise UsageError(f"{error.filename or the_list} cannot be written: {error.strerror or error}") from error
    finally:
        for path in (*placed, *partial.values()):
            with suppress(OSError):
                path.unlink()
