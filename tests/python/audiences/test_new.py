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

from regulars.audiences.blocks import BLOCKS, Bracketed, Rule, blocks_of, example_of, parse_rule, rule_sql
from regulars.audiences.examples import CONSENTS, Examples, NotSimpleError
from regulars.audiences.refusals import columns_of_segments
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
    "likely": "likely_to_buy(days=90, top_share=0.3) intersect (lifecycle('active') union importance('vip'))",
    "example": None,
}
OF_COLUMNS = (
    "attribute('country', in=['DK', \"o'x\"]) intersect attribute('order_count', in=[2, 3]) except"
    " attribute('is_subscribed', in=[true]) union attribute('previous_rfm_tier', in=['champions']) intersect"
    " attribute('first_ordered_on', in=['2026-01-05']) except attribute('average_order_amount', in=[9.5])"
)
OPERATIONS = ("union", "intersect", "except")


def files_of(project: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_what_is_written_builds_and_passes_its_unit_test(shop, tmp_path):
    project = copy_project(tmp_path / "project")
    for name, rule in RULES.items():
        write_audience(project, name, rule, Words(label=f"Label: of {name}", owner="crm"))
    write_audience(project, "guess", "likely_to_buy(days=30) except attribute('shoe_size', in=[42])", Words())
    write_audience(project, "occasion", "orders(in_occasion='mothers_day')", Words())
    names = [f"aud_{name}" for name in (*RULES, "guess", "occasion")]
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


def test_nothing_is_made_up_for_words_that_are_missing(skeleton, say):
    text = say(
        "audience", "new", "mine", "--from", "lifecycle('lost') except persona('too_new')", "--project-dir", skeleton
    )
    written = (skeleton / "models/audiences/aud_mine.yml").read_text()
    said = yaml.safe_load(written)["models"][0]["config"]["meta"]["audience"]
    assert said == {"label": "Mine", "purpose": "By rule: lifecycle('lost') except persona('too_new')"}
    assert "# advice: what to do with them" in written
    assert "written: " in text
    assert any("--purpose" in note for note in write_audience(skeleton, "other", None, Words()).notes)
    assert not any("--purpose" in note for note in write_audience(skeleton, "third", None, Words(purpose="A.")).notes)


def changed_rules(rule: str) -> dict[str, str]:
    """The rule without each of its blocks, and with another operation in the place of each, by what was changed."""
    words = re.split(r" (union|intersect|except) ", rule)
    found = {}
    for place, word in enumerate(words):
        if place % 2:
            for other in set(OPERATIONS) - {word}:
                found[f"{place}: {word} is {other}"] = [*words[:place], other, *words[place + 1 :]]
            continue
        block = (
            word.strip("()") + ")" if word.startswith("(") else word[: word.index("))") + 1] if "))" in word else word
        )
        bracket = "(" if word.startswith("(") else ")" if "))" in word else ""
        if bracket == "(":
            found[f"without {block}"] = [*words[:place], "(" + words[place + 2], *words[place + 3 :]]
        elif bracket == ")":
            found[f"without {block}"] = [*words[: place - 2], words[place - 2] + ")", *words[place + 1 :]]
        elif len(words) > 1:
            found[f"without {block}"] = words[2:] if place == 0 else [*words[: place - 1], *words[place + 1 :]]
    return {change: " ".join(made) for change, made in found.items()}


def members_by_hand(rule: Rule, inputs: dict, examples: Examples) -> set[str]:
    """Who is in it, by the rows of each customer and sets of customers."""
    people = {row["customer_id"] for rows in inputs.values() for row in rows if "customer_id" in row}
    people = {person for person in people if not person.startswith("less_likely")}

    def returned(part: Rule) -> set[str]:
        if isinstance(part, Bracketed):
            return returned(part.inner)
        if hasattr(part, "operation"):
            left, right = returned(part.left), returned(part.right)
            return {"union": left | right, "intersect": left & right, "except": left - right}[part.operation]
        of_each = {
            person: {model: [row for row in rows if row.get("customer_id") == person] for model, rows in inputs.items()}
            for person in people
        }
        return {person for person, rows in of_each.items() if examples.holds(part, rows)}

    return returned(rule)


@pytest.mark.parametrize(
    "text",
    [
        *filter(None, RULES.values()),
        OF_COLUMNS,
        "attribute('country', in=['DK', 'SE']) except attribute('country', in=['DK']) union likely_to_buy()",
        "attribute('is_subscribed', in=[true, false]) except attribute('is_subscribed', in=[true])",
        "lifecycle('lost') union lifecycle('new') union persona('hero')",
        "importance('vip') except lifecycle('new') except consented('sms')",
        "lifecycle('lost') union importance('vip') intersect persona('hero')",
        "interested_in(keyword='mug', capture=0.5) except interested_in(keyword='mug', capture=0.9) union bought()",
        "likely_to_buy(days=30) except likely_to_buy(days=90, top_share=1) union interested_in(product=7, capture=0.9)",
    ],
)
def test_the_unit_test_is_red_for_every_block_left_out_and_every_other_operation(text):
    rule = parse_rule(text)
    columns = columns_of_segments(ROOT)
    example = example_of(rule, columns)
    examples = Examples(columns)
    examples.customer([(block, True) for block in blocks_of(rule)])
    assert members_by_hand(rule, example.inputs, examples) == set(example.members)
    assert example.members
    changes = changed_rules(text)
    blocks = len(blocks_of(rule))
    assert len(changes) == (blocks if blocks > 1 else 0) + 2 * (blocks - 1)
    unseen = [
        change
        for change, changed in changes.items()
        if members_by_hand(parse_rule(changed), example.inputs, examples) == set(example.members)
    ]
    # What can make no difference is said, and nothing else is unseen.
    assert len(unseen) == len(example.unseen)


def test_each_block_has_a_customer_who_fails_it_alone():
    found = example_of(parse_rule("importance('vip') intersect lifecycle('lost') except consented('sms')"))
    assert found.members == ["member"]
    everybody = {row["customer_id"] for row in found.inputs["customer_importance"]}
    assert everybody == {"member", "no_importance", "no_lifecycle", "has_consented"}
    sides = example_of(parse_rule("importance('vip') union lifecycle('lost')"))
    assert sides.members == ["member", "member_no_importance_has_lifecycle"]
    assert example_of(parse_rule("bought() intersect bought(keyword='x')")).unseen == ["without bought()"]


IN_DBT = (
    "importance('vip') intersect lifecycle('lost') except in_audience('lost_buyers')",
    "likely_to_buy(days=90, top_share=0.4) except interested_in(brand='A', capture=0.5) union not_bought(keyword='x')",
    OF_COLUMNS,
    "attribute('country', in=['DK']) except persona('too_new')",
)


def test_dbt_sees_every_block_left_out_and_every_other_operation(shop, tmp_path):
    project = copy_project(tmp_path / "project")
    wanted = {}
    for number, rule in enumerate(IN_DBT):
        sound = write_audience(project, f"sound_{number}", rule, Words())
        test = sound.files[1].read_text().partition("unit_tests:")[2]
        wanted[sound.model] = "pass"
        for change, changed in enumerate(changed_rules(rule).values()):
            name = f"broken_{number}_{change}"
            sql, yml, _ = write_audience(project, name, changed, Words()).files
            # All inputs of the sound rule are given.
            references = "".join(f"-- depends_on: {{{{ {each} }}}}\n" for each in re.findall(r"input: (.*)", test))
            sql.write_text(sql.read_text() + references)
            broken_test = test.replace(f"sound_{number}", name)
            yml.write_text(yml.read_text().partition("unit_tests:")[0] + "unit_tests:" + broken_test)
            wanted[f"aud_{name}"] = "fail"
    others = {name: value for name, value in environ.items() if not name.startswith("DBT_")}
    done = subprocess.run(
        [str(BIN / "dbt"), "--quiet", "test", "--select", *(f"{model},test_type:unit" for model in wanted)],
        cwd=project, env=others | {"REGULARS_DATABASE": str(shop)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    of_tests = [result for result in results if result["unique_id"].startswith("unit_test.")]
    assert {result["unique_id"].split(".")[2]: result["status"] for result in of_tests} == wanted, done.stdout
    assert len(wanted) == 16 + 17 + 5


def test_a_rule_without_an_example_says_what_to_fill_in(skeleton):
    written = write_audience(skeleton, "guess", "attribute('x', in=[1]) intersect interested_in(brand='A')", Words())
    text = written.files[1].read_text()
    assert "unit_tests" not in yaml.safe_load(text)
    for model in ("customer_segments", "int_customer_profiles", "int_interests", "pred_interested_in"):
        assert f"#       - {{input: ref('{model}'), rows: []}}" in text
    assert any("no unit test" in note for note in written.notes)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            "attribute('shoe_size', in=[42])",
            "shoe_size is no column of customer_segments but an attribute that the shop",
        ),
        ("attribute('open_cart_at', in=['2026-01-05'])", "open_cart_at is a timestamp, and customers are made up for"),
        ("attribute('customer_id', in=['x'])", "asks for customers by name"),
        ("attribute('order_count', in=[2.5])", r"order_count is of type bigint and can be none of \[2.5\]"),
        ("attribute('average_order_amount', in=[0.00001])", "is of type numeric"),
    ],
)
def test_an_attribute_without_an_example_says_why(rule, why):
    with pytest.raises(NotSimpleError, match=why):
        example_of(parse_rule(rule), columns_of_segments(ROOT))
    with pytest.raises(NotSimpleError, match="no YAML was found"):
        example_of(parse_rule(rule))


@pytest.mark.parametrize(
    "rule",
    ["lifecycle('lost') except lifecycle('lost')", "consented('fax')", "bought(since='soon')", "orders(count='many')"],
)
def test_a_rule_that_nobody_can_show_by_example_is_not_simple(rule):
    with pytest.raises(NotSimpleError):
        example_of(parse_rule(rule))


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
        ("lifecycle('gone')", "there is no label 'gone'; there are: prospect, new"),
        ("consented('fax')", "there is no purpose 'fax'; there are: email, sms"),
        ("in_audience('lost_vip')", "there is no audience 'lost_vip'; there are: abandoned_carts"),
        ("likely_to_buy(days=60)", "days is 60; it must be 30 or 90"),
        ("lifecycle('lost') except orders(last='> 3 or true')", "last is '> 3 or true'; it must be a number"),
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
    consented = (ROOT / "macros/audiences/consented.sql").read_text()
    columns = {purpose: " and ".join(names) for purpose, names in CONSENTS.items()}
    assert dict(re.findall(r"'(\w+)': '([\w ]+)'", consented)) == columns


def test_the_verb_says_what_it_wrote_and_what_is_next(skeleton, say):
    text = say("audience", "new", "mine", "--from", "lifecycle('lost')", "--project-dir", skeleton)
    assert text.count("written: ") == 3
    assert text.endswith("Next: dbt build --select aud_mine+\n")
