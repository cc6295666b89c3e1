"""dbt in a process of its own.

A chain of builds within one process would carry the adapter's connections and whatever a model left in memory from one
to the next; a revision needs its own Python package besides.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from regulars.errors import RegularsError, UsageError

Vars = dict[str, object]

AUDIENCE_TESTS = (
    "path:models/audiences+1,resource_type:test",
    "int_audience_rows+1,resource_type:test",
    "int_audience_memory+1,resource_type:test",
)
"""The tests of what audience models return and of what is remembered of it; those of all other models take minutes.
dbt runs the first two kinds before anything is built on their rows, so that no wrong name enters memory."""
ONLY_SELECTED = ("--indirect-selection", "empty", "--exclude-resource-type", "unit_test")
"""No test but those that are selected."""


class DbtFailedError(RegularsError):
    """dbt ran and failed; the message is its own."""

    exit_code = 1


def check_project(project: Path) -> None:
    """Refuse a folder that holds no dbt project.

    Raises
    ------
    UsageError: there is no dbt_project.yml in it.
    """
    if not (project / "dbt_project.yml").is_file():
        raise UsageError(f"{project.resolve()} holds no dbt_project.yml; name the project's folder: --project-dir")


def parse_vars(text: str | None) -> Vars:
    """What `--vars` says, as dbt takes it.

    Raises
    ------
    UsageError: it is no mapping.
    """
    import yaml

    try:
        found = yaml.safe_load(text or "{}")
    except yaml.YAMLError as error:
        raise UsageError(f"--vars {text!r} is no YAML") from error
    if not isinstance(found, dict):
        raise UsageError(f"--vars {text!r}: expected a mapping, as in '{{shop_country: DK}}'")
    return found


def run_dbt_apart(project: Path, *words: str, variables: Vars, environment: dict[str, str]) -> None:
    """Run one dbt command on the project and wait for it.

    Raises
    ------
    DbtFailedError: it failed.
    """
    profiles = Path(environment.get("DBT_PROFILES_DIR") or os.environ.get("DBT_PROFILES_DIR") or project)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet", "--no-use-colors", *words),
            *("--vars", json.dumps(variables, default=str)),
            *("--project-dir", str(project.resolve()), "--profiles-dir", str(profiles.resolve())),
        ],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DbtFailedError(f"dbt {words[0]} failed:\n{done.stdout.strip()}")
