"""Write into every unit test the vars that its model reads, with their defaults, where the test sets no other value.

A unit test inherits the vars of the build it runs in: without the pins, `dbt build --vars '{as_of_date: 2011-06-01}'`
would fail tests that are about something else. `tests/python/docs/test_unit_tests_pin_vars.py` says when to run this.
"""

import re
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
TEST = re.compile(r"(?m)^(?=  - name: )")
# read by a name put together at run time
DYNAMIC = {"landing_rows": re.compile(r"landing_rows\('\w+', '(\w+)'\)")}
# elsewhere than in `var(…)` a quoted name of these is a column
ALSO_A_COLUMN = {"as_of_date"}
# where the landing tables are makes no difference to a test, whose rows come from the test itself
UNPINNED = {"landing_database", "landing_schema", "landing_tables"}


def defaults() -> dict[str, Any]:
    """The vars of the project, in its order."""
    found: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    return {name: value for name, value in found.items() if name not in UNPINNED}


def vars_of_models() -> dict[str, set[str]]:
    """The vars that each model reads, itself or through macros."""
    names = set(defaults())
    macros = {path.stem: path.read_text(encoding="utf-8") for path in (PROJECT / "macros").rglob("*.sql")}

    def read_by(sql: str, seen: frozenset[str]) -> set[str]:
        found = {name for name in re.findall(r"""['"](\w+)['"]""", sql) if name in names - ALSO_A_COLUMN}
        found |= {name for name in re.findall(r"""var\(['"](\w+)['"]""", sql) if name in names}
        for pattern in DYNAMIC.values():
            found |= {f"has_{table}" for table in pattern.findall(sql) if f"has_{table}" in names}
        for macro in set(re.findall(r"\b(\w+)\(", sql)) & set(macros) - seen:
            found |= read_by(macros[macro], seen | {macro})
        return found

    models = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
    return {name: read_by(path.read_text(encoding="utf-8"), frozenset({name})) for name, path in models.items()}


def flow(values: dict[str, Any]) -> str:
    """The values on one line of YAML."""
    return yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=10_000).strip()


def pinned(test: str, read: dict[str, set[str]]) -> str:
    """The text of one unit test with its pins."""
    model = re.search(r"(?m)^    model: (\w+)$", test)
    if model is None:
        return test
    [given] = yaml.safe_load(re.sub(r"[*&](\w+)", r"'\1'", test.split("    given:")[0]))
    stated = (given.get("overrides") or {}).get("vars") or {}
    wanted = {
        name: stated.get(name, value) for name, value in defaults().items() if name in read[model[1]] | set(stated)
    }
    if not wanted:
        return test
    line = f"      vars: {flow(wanted)}\n"
    if "\n    overrides:\n" not in test:
        return test.replace(model[0] + "\n", f"{model[0]}\n    overrides:\n{line}", 1)
    head, _, rest = test.partition("    overrides:\n")
    rest = re.sub(r"(?m)^      vars:( \{.*\}\n|\n(        .*\n)+)", "", rest)
    return f"{head}    overrides:\n{line}{rest}"


def main() -> None:
    """Pin all tests."""
    read = vars_of_models()
    for path in sorted((PROJECT / "models").rglob("_unit_tests__*.yml")):
        text = path.read_text(encoding="utf-8")
        path.write_text("".join(pinned(part, read) for part in TEST.split(text)), encoding="utf-8")


if __name__ == "__main__":
    main()
