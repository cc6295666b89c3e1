"""The verbs `regulars audience list|show|new|diff` and `regulars backfill`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from regulars.audiences.backfill import backfill_days, check_days, past_days
from regulars.audiences.comparison import compare, markdown_lines, text_lines
from regulars.audiences.dbt import check_project, parse_vars
from regulars.audiences.overview import newest_look, read_audience, read_overview
from regulars.audiences.page import list_lines, show_lines
from regulars.audiences.revisions import compare_revisions, two_revisions
from regulars.audiences.scaffold import Words, write_audience
from regulars.errors import UsageError
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


Vars = Annotated[str | None, typer.Option("--vars", help="Vars of the build, as dbt takes them.")]


@audience.command("list")
def list_audiences(database: Database = None, as_json: AsJson = False) -> None:
    """Show every audience: how many customers, what they brought and what they are expected to bring."""
    path = database_path(database)
    with connect(path, read_only=True) as connection:
        rows = read_overview(connection)
        newest = newest_look(connection)
    if as_json:
        _print_json(rows)
    else:
        typer.echo("\n".join(list_lines(rows, path, newest)))


@audience.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the audience; of a family with its item: brands:Taiga.")],
    members: Annotated[int, typer.Option(min=0, help="So many example customers, with the reason each is in it.")] = 3,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show one audience: its words, figures, neighbours and experiment, who came and went, some of its customers."""
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


@audience.command()
def diff(
    builds: Annotated[
        list[str] | None,
        typer.Argument(help="Two DuckDB files, the old and the new; with --revisions, the new revision."),
    ] = None,
    revisions: Annotated[
        str | None,
        typer.Option(help="Compare two git revisions, BASE..HEAD or BASE HEAD, each built on a copy of the warehouse."),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if anything differs.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")] = False,
    variables: Vars = None,
    project: ProjectDir = Path(),
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show who comes into each audience and who leaves it between two builds, or two git revisions."""
    files = builds or []
    if as_json and as_markdown:
        raise UsageError("--json and --markdown: choose one")
    if revisions is not None:
        old, new = two_revisions(project, [revisions, *files])
        found = compare_revisions(project, database_path(database), old, new, parse_vars(variables), _say_aside)
    elif len(files) == 2:
        found = compare(Path(files[0]), Path(files[1]))
    else:
        raise UsageError("name two builds, regulars audience diff OLD.duckdb NEW.duckdb, or --revisions BASE..HEAD")
    if as_json:
        _print_json(found.as_dict())
    else:
        typer.echo("\n".join(markdown_lines(found) if as_markdown else text_lines(found)))
    if exit_code and found.differs:
        raise typer.Exit(1)


def backfill(
    first: Annotated[str, typer.Option("--from", help="First day: 2025-01 (its first day) or 2025-01-31.")],
    last: Annotated[str, typer.Option("--to", help="Last day, included: 2025-12 or 2025-12-31.")],
    every: Annotated[str, typer.Option(help="Step: month, week or day.")] = "month",
    yes: Annotated[bool, typer.Option("--yes", help="Also build more than 400 days.")] = False,
    variables: Vars = None,
    project: ProjectDir = Path(),
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Tell who was in each audience on past days, by today's rules: one build a day, then today's again."""
    check_project(project)
    path, given = database_path(database), parse_vars(variables)
    days = past_days(first, last, every)
    check_days(path, days, is_many_meant=yes)
    found = backfill_days(project, path, days, given, _say_aside if as_json else typer.echo)
    if as_json:
        _print_json([vars(day) for day in found])
    else:
        typer.echo(f"{len(found)} {'day' if len(found) == 1 else 'days'} in history; see marts.audience_history")


def _say_aside(line: str) -> None:
    typer.echo(line, err=True)


def _print_json(found: object) -> None:
    typer.echo(json.dumps(found, default=str, ensure_ascii=False, indent=2))
