"""What the dbt project says about its tables, as dbt itself reads it.

dbt takes two seconds to import, so it is imported where it runs and not for `regulars --help`.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regulars.errors import UsageError

LANDING = "landing"
MARTS = "marts"
SEEDS = "seeds"
PREDICTIONS = "predictions"
GRAIN = "One row"


@dataclass(frozen=True)
class Column:
    """A column as the YAML describes it; the texts are empty where it does not."""

    name: str
    data_type: str
    description: str


@dataclass(frozen=True)
class Table:
    """A model, a seed or a landing table."""

    name: str
    part: tuple[str, ...]
    """Its folder under ``models``, or ``landing`` or ``seeds``: ``("marts", "core")``."""
    relation: str
    """Name with schema, as a query spells it."""
    kind: str
    """``table``, ``view``, ``incremental``, ``seed`` or ``source``."""
    description: str
    columns: tuple[Column, ...]
    has_contract: bool
    is_sql: bool = True
    """False for a Python model, of which dbt enforces no contract; the types are those its code declares."""

    @property
    def grain(self) -> str:
        """The clause of the description that says what one row is; empty where none does."""
        clauses = re.split(r"[.:;](?: |$)", self.description)
        return next((clause for clause in clauses if clause.startswith(GRAIN)), "")


def read_tables(project: Path) -> tuple[Table, ...]:
    """Parse the dbt project in this process and return its models, seeds and landing tables, ordered by part and name.

    Raises
    ------
    UsageError: the folder holds no dbt project, or dbt cannot parse it.
    """
    from dbt.contracts.graph.manifest import Manifest

    parsed = run_dbt(project, "parse")
    if not isinstance(parsed, Manifest):
        raise TypeError(f"dbt parse returned {type(parsed).__name__}, not a manifest")
    manifest = parsed.writable_manifest().to_dict()
    own = manifest["metadata"]["project_name"]
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    found = [_table(node) for node in (*nodes, *manifest["sources"].values()) if node["package_name"] == own]
    return tuple(sorted(found, key=lambda table: (table.part, table.name)))


def run_dbt(project: Path, *words: str, database: str | None = None) -> object:
    """Run one dbt command quietly in this process and let go of the warehouse afterwards; return what dbt returns.

    Raises
    ------
    UsageError: the folder holds no dbt project, or the command failed; the message is dbt's own.
    """
    if not (project / "dbt_project.yml").is_file():
        raise UsageError(f"{project.resolve()} holds no dbt_project.yml; name the project's folder: --project-dir")
    from dbt.cli.main import dbtRunner

    profiles = os.environ.get("DBT_PROFILES_DIR") or str(project)
    faults: list[str] = []

    def hear(event: Any) -> None:  # noqa: ANN401  (a message of dbt's, made by protobuf)
        if event.info.level == "error":
            faults.append(event.info.msg)

    # Left to itself, dbt prints each fault with its traceback.
    options = ["--quiet", "--log-level", "none", "--project-dir", str(project), "--profiles-dir", profiles]
    # dbt changes into the project's folder and stays there; the caller's paths are meant from where the caller is.
    with _database(database), chdir(Path.cwd()):
        outcome = dbtRunner(callbacks=[hear]).invoke([*words, *options])
    _close_connections()
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if not outcome.success:
        raise UsageError(f"dbt {words[0]} failed: {outcome.exception or '; '.join(faults)}")
    result: object = outcome.result
    return result


def _close_connections() -> None:
    """dbt-duckdb keeps its connection for the life of the process, and DuckDB admits one writer."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        close_environment: Callable[[], object] = environment.close
        close_environment()
    close_connections: Callable[[], object] = DuckDBConnectionManager.close_all_connections
    close_connections()


@contextmanager
def _database(name: str | None) -> Iterator[None]:
    """The warehouse that the dbt profile opens, for the time of one command; None: the one it opens anyway."""
    variable = "REGULARS_DATABASE"
    before = os.environ.get(variable)
    if name is not None:
        os.environ[variable] = name
    try:
        yield
    finally:
        if before is not None:
            os.environ[variable] = before
        elif name is not None:
            del os.environ[variable]


def _table(node: dict[str, Any]) -> Table:
    config: dict[str, Any] = node["config"]
    types: dict[str, str] = config.get("column_types") or {}
    is_source = node["resource_type"] == "source"
    return Table(
        name=node["name"],
        part=_part(node),
        relation=f"{node['schema']}.{node['identifier'] if is_source else node['alias']}",
        kind="source" if is_source else config["materialized"],
        description=_one_line(node["description"]),
        columns=tuple(
            Column(
                name=column["name"],
                data_type=column.get("data_type") or types.get(column["name"], ""),
                description=_one_line(column["description"]),
            )
            for column in node["columns"].values()
        ),
        has_contract=bool((config.get("contract") or {}).get("enforced")),
        is_sql=node.get("language", "sql") == "sql",
    )


def _part(node: dict[str, Any]) -> tuple[str, ...]:
    if node["resource_type"] == "source":
        return (LANDING, node["source_name"])
    if node["resource_type"] == "seed":
        return (SEEDS,)
    if node.get("language") == "python":
        # They lie beside `models/`, in one folder for all schemas.
        return (node["schema"], PREDICTIONS)
    return tuple(node["fqn"][1:-1])


def _one_line(text: str) -> str:
    return " ".join(text.split())
