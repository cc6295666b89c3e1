"""A unit test is about one thing, whatever vars the build that runs it was given."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def pins(project):
    spec = importlib.util.spec_from_file_location("pin_unit_test_vars", project / "scripts" / "pin_unit_test_vars.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_unit_test_pins_the_vars_that_its_model_reads(pins, project):
    read = pins.vars_of_models()
    unpinned = []
    for path in sorted((project / "models").rglob("_unit_tests__*.yml")):
        for part in pins.TEST.split(path.read_text(encoding="utf-8")):
            if pins.pinned(part, read) != part:
                unpinned.append(part.splitlines()[0].strip())
    assert unpinned == [], "run scripts/pin_unit_test_vars.py"
