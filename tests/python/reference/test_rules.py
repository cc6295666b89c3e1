"""The thresholds of the specification, as the reference holds them, are the defaults that the project declares."""

import yaml

from .rules import Rules
from .seeds import PROJECT


def test_project_defaults_are_the_specification_s():
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    known = {name: value for name, value in declared.items() if name in Rules.__dataclass_fields__}
    known.pop("as_of_date", None)
    assert Rules.from_vars(known) == Rules()
    assert set(Rules.__dataclass_fields__) <= set(declared)
