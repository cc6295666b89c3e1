"""A user's copy of the project: parsed once, and asked by dbt inside this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from conftest import NOTHING_LEARNT, ROOT
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from project.dbt_runs import environment

COPIED = ("dbt_project.yml", "profiles", "macros", "models", "seeds", "python_models", "tests/dbt")
LIST = "macros/audiences/audience_models.sql"
YAML = """
models:
  - name: {name}
    description: Made for a test.
    config: {{meta: {{audience: {said}}}}}
    columns:
      - {{name: audience, data_type: varchar, description: Its name.}}
      - {{name: customer_id, data_type: varchar, description: Who.}}
"""


class AProject:
    """What a new user has: the files, and a warehouse that was built."""

    def __init__(self, folder: Path, warehouse: Path) -> None:
        self.folder = folder / "project"
        self.database = folder / "shop.duckdb"
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / name, self.folder / name)
        shutil.copyfile(warehouse, self.database)
        self.list = (self.folder / LIST).read_text(encoding="utf-8")
        self.warnings: list[str] = []
        self.manifest = self.run("parse")[0].result

    def run(self, *words: str, manifest: Any = None, variables: dict[str, Any] | None = None) -> tuple[Any, str]:
        """What dbt returns, and every error it wrote; its warnings are in `warnings`."""
        errors: list[str] = []
        self.warnings = []

        def heard(event: Any) -> None:
            if event.info.level == "error":
                errors.append(event.info.msg)
            elif event.info.level == "warn":
                self.warnings.append(event.info.msg)

        if manifest:
            manifest.nodes.pop(f"sql_operation.{manifest.metadata.project_name}.inline_query", None)
        with environment(REGULARS_DATABASE=str(self.database), DBT_SEND_ANONYMOUS_USAGE_STATS="false"):
            outcome = dbtRunner(manifest=manifest, callbacks=[heard]).invoke(
                [
                    *("--quiet", *words),
                    *("--vars", json.dumps(NOTHING_LEARNT | (variables or {}))),
                    *("--project-dir", str(self.folder), "--profiles-dir", str(self.folder / "profiles")),
                    *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
                ]
            )
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()
        assert outcome.success == (not errors), errors
        return outcome, "\n".join(errors)

    def refusal(self, call: str) -> str:
        """What dbt says of an audience that is this call of a block."""
        inline = f"select customer_id from {{{{ {call} }}}} as members"
        return self.run("show", "--inline", inline, manifest=self.manifest)[1]

    def members(self, *calls: str, shop: str = "") -> dict[str, list[str]]:
        """Who each call returns in the warehouse, or in a shop made by SQL; nobody twice."""
        inline = "\nunion all\n".join(
            f"select {number} as call, customer_id from {{{{ {call} }}}} as members"
            for number, call in enumerate(calls)
        )
        outcome, said = self.run("compile", "--inline", inline, manifest=self.manifest)
        assert not said
        [result] = outcome.result.results
        with duckdb.connect(":memory:" if shop else self.database, read_only=not shop) as connection:
            connection.execute(shop)
            rows = connection.execute(f"select * from ({result.node.compiled_code}) order by all").fetchall()
        assert len(set(rows)) == len(rows)
        return {call: [row[1] for row in rows if row[0] == number] for number, call in enumerate(calls)}

    def query(self, statement: str) -> list[tuple]:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def audiences(self, audiences: dict[str, str], said: dict[str, str], listed: list[str]) -> Iterator[None]:
        """More audiences, by the SQL and the YAML of each, and the names added to the list."""
        made = []
        for name, sql in audiences.items():
            made.append(self.folder / "models" / "audiences" / f"{name}.sql")
            made[-1].write_text(sql, encoding="utf-8")
        for name, text in said.items():
            made.append(self.folder / "models" / "audiences" / f"{name}.yml")
            made[-1].write_text(YAML.format(name=name, said=text), encoding="utf-8")
        longer = self.list.replace("return([", "return([" + "".join(f"'{name}', " for name in listed))
        (self.folder / LIST).write_text(longer, encoding="utf-8")
        try:
            yield
        finally:
            for path in made:
                path.unlink()
            (self.folder / LIST).write_text(self.list, encoding="utf-8")
