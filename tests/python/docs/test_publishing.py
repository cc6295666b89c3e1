"""docs/publishing.md has every key of publish.yml with its default, and every column of what publishing writes."""

import re

import pytest
import yaml

from regulars.publish.plan import CONSENT
from regulars.publish.settings import KINDS, Settings, Sync, load_settings
from regulars.publish.tables import REJECTS, RUNS

CLASSES = {"The file": Settings, "A sync": Sync} | {f"type: {name}": kind for name, kind in KINDS.items()}
TYPES = {"string": "varchar", "timestamp[us]": "timestamp", "int64": "bigint"}


@pytest.fixture(scope="module")
def text(project):
    return (project / "docs" / "publishing.md").read_text(encoding="utf-8")


def rows_after(text, words):
    """The cells of the first table after some words, without its head."""
    table = re.search(r"(?:^\|.*\n)+", text[text.index(words) :], re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def default_of(field):
    """As the table has it: a word if there is none, else the default itself."""
    if field.is_required():
        return "required"
    return "none" if field.default in (None, ()) else field.default


@pytest.mark.parametrize("heading", CLASSES)
def test_every_key_is_there_once_with_its_default(text, heading):
    said = {}
    for key, default, _ in rows_after(text, f"\n### {heading}\n"):
        assert key.strip("`") not in said, "a key stands twice"
        said[key.strip("`")] = yaml.safe_load(default.strip("`")) if default.startswith("`") else default
    meant = {field.alias or name: default_of(field) for name, field in CLASSES[heading].model_fields.items()}
    if heading == "A sync":
        assert meant.pop("object") == "none"
        assert said.pop("object") == "the audience's name, `:` as `__`"
        assert Sync(audience="a:b", destination="c", purpose="email").object_name == "a__b"
    assert said.keys() == meant.keys()
    for key, default in meant.items():
        assert said[key] == (list(default) if isinstance(default, tuple) else default), key


def test_there_are_keys_of_nothing_else(text):
    reference = text[text.index("\n## Every key") :]
    assert re.findall(r"^### (.*)$", reference, re.MULTILINE) == list(CLASSES)


@pytest.mark.parametrize(("table", "columns"), [("publish_runs", RUNS), ("publish_rejects", REJECTS)])
def test_the_columns_of_what_it_writes(text, table, columns):
    rows = rows_after(text, f"\n`publish.{table}`: ")
    assert {name.strip("`"): kind for name, kind, _ in rows} == {
        name: TYPES[str(kind)] for name, kind in columns.items()
    }


def test_the_columns_of_consent(text, project):
    landing = {row[0] for row in rows_after((project / "docs" / "input.md").read_text("utf-8"), "\n### customers\n")}
    found = {purpose: (brought, asked) for purpose, brought, asked in rows_after(text, "| `purpose` | columns")}
    assert {purpose.strip("`") for purpose in found} == CONSENT.keys()
    for purpose, (brought, asked) in found.items():
        assert tuple(re.findall(r"`(\w+)`", asked)) == CONSENT[purpose.strip("`")]
        assert [f"has_{name}" for name in re.findall(r"`(\w+)`", brought)] == re.findall(r"`(\w+)`", asked)
        assert set(re.findall(r"`(\w+)`", brought)) <= landing


def test_the_example_is_taken(project):
    assert len(load_settings(project / "publish.example.yml").syncs) == 2


def test_links_within_the_page_lead_somewhere(text):
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
