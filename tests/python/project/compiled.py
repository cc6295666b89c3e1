"""The compiled project, made once a session for each set of vars."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

from .harness import Project, compile_project


@functools.cache
def _compiled(variables: str) -> Project:
    with tempfile.TemporaryDirectory() as folder:
        return compile_project(Path(folder), json.loads(variables))


def compiled_project(**variables: Any) -> Project:
    """The project compiled with these vars on top of the defaults."""
    return _compiled(json.dumps(variables, sort_keys=True))
