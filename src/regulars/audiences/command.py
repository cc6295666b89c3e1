"""The verbs `regulars audience list|show|new|diff` and `regulars backfill`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from regulars.audiences.overview import read_audience, read_overview
from regulars.audiences.page import list_lines, show_lines
from regulars.audiences.scaffold import Words, write_audience
from regulars.warehouse import connect, database_path

audience = typer.Typer(
    help="Audiences: list them, look into one, write a new one, see what a change does to them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Database = Annotated[
    Path | None, typer.Option(help="The DuckDB file; default: $REGULARS_DATABASE, else regulars.duckdb.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead.")]
ProjectDir = Annotated[Path, typer.Option("--project-dir", help="Folder of dbt_project.yml.")]


@audience.command("list")
def list_audiences(database: Database = None, as_json: AsJson = False) -> None:
    """Show every audience: how many customers, what they brought and what they are expected to bring."""
    path = database_path(database)
    with connect(path, read_only=True) as connection:
        rows = read_overview(connection)
    if as_json:
        _print_json(rows)
    else:
        typer.echo("\n".join(list_lines(rows, path)))


@audience.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the audience; of a family with its item: brands:Taiga.")],
    members: Annotated[int, typer.Option(min=0, help="So many example customers, with the reason each is in it.")] = 3,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show one audience: its words, its figures, its neighbours, who came and went, and a few of its customers."""
    with connect(database_path(database), read_only=True) as connection:
        found = read_audience(connection, name, members)
    if as_json:
        _print_json(found.as_dict())
    else:
        typer.echo("\n".join(show_lines(found)))


@audience.command()
def new(
    name: Annotated[str, typer.Argument(help="Name in small letters, such as tent_without_repellent.")],
    rule: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Blocks joined by union, intersect, except and parentheses: "
            "\"bought(keyword='tent') except bought(keyword='mosquito repellent')\".",
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="The name people read.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Who is in it, in a sentence.")] = None,
    advice: Annotated[str | None, typer.Option(help="What to do with them.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it.")] = None,
    channel: Annotated[str | None, typer.Option(help="Where it is used, such as email or ads.")] = None,
    project: ProjectDir = Path(),
) -> None:
    """Write a new audience: its model, the YAML beside it with a first unit test, and its entry in the list."""
    written = write_audience(project, name, rule, Words(label, purpose, advice, owner, channel))
    for path in written.files:
        typer.echo(f"written: {path}")
    for note in written.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"Next: dbt build --select {written.model}+")


def _print_json(found: object) -> None:
    typer.echo(json.dumps(found, default=str, ensure_ascii=False, indent=2))
