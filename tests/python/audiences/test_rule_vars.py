"""The hash of an audience's rule: every var that a model above reads is in it, or left out for a reason."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest
import yaml
from conftest import ROOT
from project.dbt_runs import run_dbt

LEFT_OUT = {
    "as_of_date": "another day is no other rule",
    "landing_lookback_hours": "how late rows may come is no rule",
    "affinity_buckets": "in how many parts scores are computed changes none of them",
    "retrain_after_days": "how old what was learnt may be, like the data it was learnt from",
}
# What a build says about itself is in no rule: the states of stored tables, and when to learn again.
NOT_ASKED = ("settings_text", "prediction_settings_text")
WORDS = """{%- set found = {} -%}
{%- for node in graph.nodes.values() if node.name in audience_models() -%}
    {%- set words, known = [], {} -%}
    {%- for parent in node.depends_on.nodes -%}{%- do words.extend(settings_above(parent, known)) -%}{%- endfor -%}
    {%- do found.update({node.unique_id: words}) -%}
{%- endfor -%}
select '{{ tojson(found) | replace("'", "") }}' as words"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The project's manifest, and what goes into the hash of each audience."""
    folder = tmp_path_factory.mktemp("rule-vars")
    outcome = run_dbt("compile", "--inline", WORDS, database=folder / "empty.duckdb", scratch=folder)
    [result] = outcome.results
    words = json.loads(re.fullmatch(r"select '(.*)' as words", result.node.compiled_code, re.DOTALL)[1])
    return json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8")), words


def vars_above(manifest: dict[str, Any], audience: str) -> dict[str, set[str]]:
    """Each var that a model above the audience reads, itself, by its YAML or through macros; and by what."""
    names = set(yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"])
    found = defaultdict(set)

    def look(reader: str, text: str, macros: list[str], seen: set[str]) -> None:
        # A name in quotation marks is read in a loop, or by the macro it is given to.
        words = re.findall(r"['\"](\w+)['\"]", text)
        words += [f"has_{table}" for table in re.findall(r"landing_rows\('\w+', '(\w+)'\)", text)]
        for word in names.intersection(words):
            found[word].add(reader)
        for name in set(macros) - seen:
            macro = manifest["macros"][name]
            if macro["package_name"] == "regulars" and macro["name"] not in NOT_ASKED:
                seen.add(name)
                look(f"{reader} by {macro['name']}", macro["macro_sql"], macro["depends_on"]["macros"], seen)

    open_nodes, done = [audience], set()
    while open_nodes:
        node = manifest["nodes"].get(open_nodes.pop(), {})
        if node.get("resource_type") == "model" and node["unique_id"] not in done:
            done.add(node["unique_id"])
            open_nodes += node["depends_on"]["nodes"]
            text = node["raw_code"] + json.dumps(node["unrendered_config"])
            look(node["name"], text, node["depends_on"]["macros"], set())
    return found


def test_every_var_above_an_audience_is_in_its_hash_or_left_out_for_a_reason(compiled) -> None:
    manifest, words = compiled
    assert len(words) == 22
    missing, all_read = defaultdict(set), set()
    for audience, of_audience in words.items():
        in_hash = {word.partition("=")[0] for word in of_audience}
        read = vars_above(manifest, audience)
        all_read |= set(read)
        for name in set(read) - in_hash - set(LEFT_OUT):
            missing[name] |= read[name]
    assert missing == {}, "add them to macros/audiences/rule_vars.sql, or here with a reason"
    assert set(LEFT_OUT) <= all_read


def test_a_prediction_s_var_is_in_the_hash_of_who_is_predicted(compiled) -> None:
    words = compiled[1]["model.regulars.aud_interested_in_brands"]
    assert {"affinity_training_rows=600000", "affinity_half_life_days=120", "prediction_min_buyers=500"} <= set(words)
    assert not any(word.startswith("affinity_buckets=") for word in words)
