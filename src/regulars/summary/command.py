"""The verbs `regulars summary` and `regulars explain`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from regulars.errors import UsageError
from regulars.summary.explanation import Explanation, explain_customer
from regulars.summary.page import print_summary
from regulars.summary.report import read_summary
from regulars.warehouse import connect, database_path

LANGUAGES = ("en", "da", "sv", "nb", "it", "ru")

Database = Annotated[
    Path | None, typer.Option(help="The DuckDB file; default: $REGULARS_DATABASE, else regulars.duckdb.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead.")]


def summary(
    database: Database = None,
    language: Annotated[
        str,
        typer.Option(help="Language of the segments' names: en, da, sv, nb, it or ru. All other words are English."),
    ] = "en",
    as_json: AsJson = False,
) -> None:
    """Show what the newest build found: customers, revenue, segment sizes, what to look at next."""
    if language not in LANGUAGES:
        raise UsageError(f'--language "{language}": the segments have names in {", ".join(LANGUAGES)}')
    path = database_path(database)
    with connect(path, read_only=True) as connection:
        found = read_summary(connection, language)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), default=str, ensure_ascii=False, indent=2))
    else:
        print_summary(found, path)


def explain(
    customer_id: Annotated[str, typer.Argument(help="The customer's id, as in customer_segments.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Say why a customer carries each of her labels, and when time alone will change them."""
    with connect(database_path(database), read_only=True) as connection:
        found = explain_customer(connection, customer_id)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), default=str, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_lines(found)))


def _lines(found: Explanation) -> Iterator[str]:
    yield f"Customer {found.customer_id}, as of {found.as_of_date}"
    yield ""
    for label in (*found.labels, *found.ad_segments):
        yield f"{typer.style(label.kind, bold=True)}: {label.code}"
        yield f"  {label.reason}"
        if label.changes_on:
            yield f"  Changes on {label.changes_on} if nothing else happens."
    yield f"{typer.style('consents', bold=True)} (what is not recorded counts as refused):"
    yield from (f"  {consent.use}: {consent.answer}" for consent in found.consents)
