"""`regulars audience new`: what it writes builds and passes its own unit test; what it refuses leaves no trace."""

import json
import re
import shutil
import subprocess
from os import environ
from pathlib import Path

import pytest
import yaml
from conftest import BIN, ROOT

from regulars.audiences.blocks import BLOCKS, blocks_of, example_rows, parse_rule, rule_sql
from regulars.audiences.examples import NotSimpleError
from regulars.audiences.scaffold import INPUTS, LIST, Words, write_audience
from regulars.errors import UsageError

from .conftest import copy_project

RULES = {
    "keen_campers": "bought(keyword='tent') except bought(keyword='mosquito repellent')",
    "many_at_once": "(importance('vip', 'frequent') union ad_segment('sale_shoppers')) intersect consented('email')"
    " intersect not_bought(category='tents', since=365)",
    "recent": "orders(count='>= 2', last='< 30') intersect lifecycle('active', 'new') except persona('too_new')",
    "champions": "rfm_tier('champions') intersect customer_type('loyal') except in_audience('lost_vips')",
    "spenders": "orders(average='> 80', first='>= 100') except orders(in_period=['2025-01-01', '2026-01-01'])"
    " union in_audience('interested_in_brands:Fjordlys')",
    "of_tents": "bought(until='2026-01-01') intersect ad_segment('category_buyers:tents') except consented('sms')",
    "example": None,
}


def files_of(project: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_what_is_written_builds_and_passes_its_unit_test(shop, tmp_path):
    project = copy_project(tmp_path / "project")
    for name, rule in RULES.items():
        write_audience(project, name, rule, Words(label=f"Label: of {name}", owner="crm"))
    write_audience(project, "guess", "likely_to_buy(days=30) except attribute('country', in=['DK'])", Words())
    names = [f"aud_{name}" for name in (*RULES, "guess")]
    others = {name: value for name, value in environ.items() if not name.startswith("DBT_")}
    done = subprocess.run(
        [str(BIN / "dbt"), "--quiet", "build", "--select", *names, "int_audience_definitions"],
        cwd=project, env=others | {"REGULARS_DATABASE": str(shop)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    passed = {result["unique_id"].split(".")[2] for result in results if result["status"] == "pass"}
    assert {f"aud_{name}" for name in RULES} <= passed


def test_the_three_files_have_the_house_form(skeleton):
    words = Words(label="Tent, no repellent", purpose="Bought: a tent.", advice="Say it: now", owner="crm")
    write_audience(skeleton, "campers", RULES["keen_campers"], words)
    sql = (skeleton / "models/audiences/aud_campers.sql").read_text()
    house = (ROOT / "models/audiences/aud_tent_without_repellent.sql").read_text()
    body = sql.split("\n", 1)[1].replace("campers", "tent_without_repellent")
    assert body == house.split("\n", 1)[1]
    found = yaml.safe_load((skeleton / "models/audiences/aud_campers.yml").read_text())
    (model,), (test,) = found["models"], found["unit_tests"]
    assert model["config"]["meta"]["audience"] == {key: value for key, value in vars(words).items() if value}
    assert [column["name"] for column in model["columns"]] == ["audience", "customer_id"]
    assert test["expect"]["rows"] == [{"audience": "campers", "customer_id": "member"}]
    listed = re.findall(r"'(aud_\w+)'", (skeleton / LIST).read_text())
    assert listed == sorted(listed)
    assert set(listed) - set(re.findall(r"'(aud_\w+)'", (ROOT / LIST).read_text())) == {"aud_campers"}


def test_the_unit_test_tells_who_is_nearly_in_it():
    rows = example_rows(parse_rule("importance('vip') intersect lifecycle('lost')"))
    member, other = (
        {row["customer_id"]: tuple(row.values())[1:] for row in rows[model]}
        for model in ("customer_importance", "customer_lifecycle")
    )
    # One label of two is another: whoever forgets a half of the rule sees it red.
    assert (member["member"] != member["somebody_else"]) + (other["member"] != other["somebody_else"]) == 1


def test_a_rule_without_an_example_says_what_to_fill_in(skeleton):
    written = write_audience(skeleton, "guess", "likely_to_buy() intersect interested_in(brand='A')", Words())
    text = written.files[1].read_text()
    assert "unit_tests" not in yaml.safe_load(text)
    for model in ("int_interests", "pred_interested_in", "pred_purchase_intent"):
        assert f"#       - {{input: ref('{model}'), rows: []}}" in text
    assert any("no unit test" in note for note in written.notes)


@pytest.mark.parametrize(
    "rule",
    ["lifecycle('lost') except lifecycle('lost')", "consented('fax')", "bought(since='soon')", "orders(count='many')"],
)
def test_a_rule_that_nobody_can_show_by_example_is_not_simple(rule):
    with pytest.raises(NotSimpleError):
        example_rows(parse_rule(rule))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("lifecylce('lost')", r'no block "lifecylce" \(did you mean lifecycle\?\); there are: bought, not_bought'),
        ("lifecycle('lost') importance('vip')", 'expected union, intersect or except at "importance'),
        ("lifecycle('lost') except", "expected a block such as .* at its end"),
        ("except lifecycle('lost')", "expected a block"),
        ("(lifecycle('lost')", r"expected \) at its end"),
        ("lifecycle('lost'))", r'expected union, intersect or except at "\)"'),
        ("lifecycle('lost", "not closed"),
        ("lifecycle", r"expected \( after lifecycle"),
        ("lifecycle()", "name at least one label"),
        ("lifecycle(lost)", "must be texts in quotation marks"),
        ("bought(colour='red')", 'no argument "colour"; there are: product'),
        ("bought('p', product='q')", '"product" is given twice'),
        ("consented('email', 'sms')", "too many arguments; there are: purpose"),
        ("consented()", "purpose is missing"),
        ("in_audience(3)", "name must be a text"),
        ("in_audience('mine')", "built from itself"),
        ("attribute('country')", "in is missing"),
        ("bought(keyword=__import__('os'))", "must be texts"),
        ("bought(keyword='{{ 1 }}')", "without it"),
        ("lifecycle('lost')\n--", "one line"),
        ("lifecycle('a\\\\b')", "a backslash"),
        ("lifecycle('lost'); drop table x", 'at "; drop'),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(skeleton, rule, words):
    before = files_of(skeleton)
    with pytest.raises(UsageError, match=words):
        write_audience(skeleton, "mine", rule, Words())
    assert files_of(skeleton) == before


def test_intersect_binds_tighter_than_the_others():
    rule = parse_rule("lifecycle('a') UNION lifecycle('b') intersect ( lifecycle('c') except lifecycle('(d,)') )")
    assert rule.operation == "union"
    assert rule.right.operation == "intersect"
    assert [block.labels[0] for block in blocks_of(rule)] == ["a", "b", "c", "(d,)"]
    assert parse_rule(re.sub(r"\{\{ | \}\}", "", " ".join(rule_sql(rule).split()))) == rule


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LostVips", "small letters.*as in lost_vips"),
        ("lost-vips", "as in lost_vips"),
        ("2nd", "a letter first"),
        ("a__b", "as in a_b"),
        ("", "is no name"),
        ("../x", "is no name"),
        ("a" * 60, "at most 59"),
        ("lost_vips", "there is an audience lost_vips already"),
        ("aud_lost_vips", "already"),
        ("all_buyers", "names aud_all_buyers already"),
    ],
)
def test_a_bad_or_used_name_is_refused(skeleton, name, words):
    before = files_of(skeleton)
    with pytest.raises(UsageError, match=words):
        write_audience(skeleton, name, None, Words())
    assert files_of(skeleton) == before


def test_the_prefix_is_taken_off_with_a_word(skeleton):
    written = write_audience(skeleton, "aud_mine", "bought()", Words())
    assert written.model == "aud_mine"
    assert "without aud_" in written.notes[0]
    with pytest.raises(UsageError, match="--label"):
        write_audience(skeleton, "other", None, Words(label="{{ var('x') }}"))


def test_a_folder_without_project_or_list_is_refused(tmp_path, skeleton):
    with pytest.raises(UsageError, match="holds no dbt_project"):
        write_audience(tmp_path, "mine", None, Words())
    (skeleton / LIST).write_text("{% macro audience_models() %}{{ return(var('x')) }}{% endmacro %}")
    with pytest.raises(UsageError, match="is not the list"):
        write_audience(skeleton, "mine", None, Words())
    (skeleton / LIST).unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        write_audience(skeleton, "mine", None, Words())


@pytest.mark.parametrize("failing", [".aud_mine.yml.partial", ".audience_models.sql.partial"])
def test_a_disk_that_fails_half_way_leaves_nothing(skeleton, monkeypatch, failing):
    before = files_of(skeleton)
    rename = Path.replace

    def fail(path, target):
        if path.name == failing:
            raise OSError(28, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError, match="cannot be written: No space left"):
        write_audience(skeleton, "mine", None, Words())
    assert files_of(skeleton) == before


def test_a_folder_that_cannot_be_written_is_refused(skeleton):
    shutil.rmtree(skeleton / "models" / "audiences")
    (skeleton / "models" / "audiences").write_text("a file where the folder should be")
    with pytest.raises(UsageError, match="cannot be written"):
        write_audience(skeleton, "mine", None, Words())
    assert "aud_mine" not in (skeleton / LIST).read_text()


def test_the_blocks_are_the_macros():
    """Names and arguments of the blocks as the macros have them."""
    for name, arguments in BLOCKS.items():
        (path,) = (ROOT / "macros").rglob(f"{name}.sql")
        written = re.search(rf"macro {name}\((.*?)\) -%}}", path.read_text())[1]
        macro = [re.split("=", each)[0].strip() for each in written.split(",") if each.strip()]
        # `in` comes as a keyword argument only.
        assert macro == [argument for argument in arguments if argument != "in"]
    assert set(INPUTS) == set(BLOCKS) - {"in_audience"}


def test_the_verb_says_what_it_wrote_and_what_is_next(skeleton, say):
    text = say("audience", "new", "mine", "--from", "lifecycle('lost')", "--project-dir", skeleton)
    assert text.count("written: ") == 3
    assert text.endswith("Next: dbt build --select aud_mine+\n")
