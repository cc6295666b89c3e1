"""dbt inside this process: about three seconds a run instead of six, and no shell between the test and its failure."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

PROJECT = Path(__file__).resolve().parents[3]


class DbtFailedError(AssertionError):
    """A dbt command did not succeed."""


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def run_dbt(
    command: str,
    *arguments: str,
    database: Path,
    scratch: Path,
    variables: dict[str, Any] | None = None,
    project: Path = PROJECT,
) -> Any:
    """Run one dbt command on a database file and let go of the file afterwards.

    Raises
    ------
    DbtFailedError: with the messages of the nodes that failed.
    """
    given = ["--vars", json.dumps(variables)] if variables else []
    with environment(REGULARS_DATABASE=str(database), DBT_SEND_ANONYMOUS_USAGE_STATS="false"):
        outcome = dbtRunner().invoke(
            [
                "--quiet",
                command,
                *arguments,
                *given,
                *("--project-dir", str(project)),
                *("--profiles-dir", str(PROJECT / "profiles")),
                *("--target-path", str(scratch / "target")),
                *("--log-path", str(scratch / "logs")),
            ]
        )
    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
    DuckDBConnectionManager.close_all_connections()
    if not outcome.success:
        failed = [
            f"{result.node.name}: {result.message}"
            for result in getattr(outcome.result, "results", [])
            if result.status in ("error", "fail", "runtime error")
        ]
        raise DbtFailedError(f"dbt {command} failed: {outcome.exception or ''}\n" + "\n".join(failed))
    return outcome.result
