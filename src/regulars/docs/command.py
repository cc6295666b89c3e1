"""The verbs `regulars docs dictionary` and `regulars docs site`."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from regulars.docs.dictionary import differences, gaps, render
from regulars.docs.project import read_tables, run_dbt
from regulars.errors import RegularsError
from regulars.warehouse import connect, database_path

DICTIONARY = Path("docs") / "data-dictionary.md"
SITE = Path("target") / "regulars-docs.html"

docs = typer.Typer(
    help="Write the data dictionary, or dbt's documentation as one file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ProjectDir = Annotated[Path, typer.Option("--project-dir", help="Folder of dbt_project.yml.")]


class DocsError(RegularsError):
    """The documentation is incomplete or out of date."""

    exit_code = 1


@docs.command()
def dictionary(
    project: ProjectDir = Path(),
    out: Annotated[Path | None, typer.Option(help=f"File to write; default: {DICTIONARY} of the project.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; leave with 1 if words are missing or the file is out of date."),
    ] = False,
) -> None:
    """Write every table and column of marts, seeds and landing tables, with type and meaning, as Markdown."""
    path = out or project / DICTIONARY
    tables = read_tables(project)
    page = render(tables)
    unsaid = gaps(tables)
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
        typer.echo(f"{path}: {page.count('### ')} tables")
        for gap in unsaid:
            typer.echo(f"missing: {gap}", err=True)
        return
    stale = differences(page, path.read_text(encoding="utf-8") if path.is_file() else "")
    problems = [*unsaid, *(f"{name}: differs from the YAML" for name in stale)]
    if problems:
        advice = "Complete the YAML beside the model" if unsaid else "Write it anew: regulars docs dictionary"
        raise DocsError(f"{path} is not what the project says:\n  " + "\n  ".join(problems) + f"\n{advice}")
    typer.echo(f"{path} is complete and up to date")


@docs.command()
def site(
    project: ProjectDir = Path(),
    out: Annotated[Path | None, typer.Option(help=f"File to write; default: {SITE} of the project.")] = None,
) -> None:
    """Write dbt's documentation, lineage included, as one HTML file that needs no server."""
    path = out or project / SITE
    # Without a warehouse the words are all there; opening it would leave an empty file behind.
    database = database_path()
    has_warehouse = database.exists()
    if has_warehouse:
        with connect(database):
            pass  # What keeps it from being opened is one sentence here, and dbt's traceback otherwise.
    words = ["docs", "generate", "--static", *([] if has_warehouse else ["--empty-catalog"])]
    with tempfile.TemporaryDirectory(prefix="regulars-docs-") as folder:
        run_dbt(project, *words, "--target-path", folder, database=None if has_warehouse else ":memory:")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(folder) / "static_index.html", path)
    typer.echo(
        f"{path}: open it in a browser" + ("" if has_warehouse else " (no warehouse yet, so without its catalogue)")
    )
