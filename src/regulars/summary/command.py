"""The verbs `regulars summary` and `regulars explain`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from regulars.errors import UsageError
from regulars.summary.explanation import Explanation, explain_customer
from regulars.summary.report import Partition, Summary, read_summary
from regulars.warehouse import connect, database_path

LANGUAGES = ("en", "da", "sv", "nb", "it", "ru")
BAR_WIDTH = 16

Database = Annotated[
    Path | None, typer.Option(help="The DuckDB file; default: $REGULARS_DATABASE, else regulars.duckdb.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead.")]


def summary(
    database: Database = None,
    language: Annotated[str, typer.Option(help="Language of the labels: en, da, sv, nb, it or ru.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Show what the newest build found: customers, revenue, segment sizes, what to look at next."""
    if language not in LANGUAGES:
        raise UsageError(f'--language "{language}": there are labels in {", ".join(LANGUAGES)}')
    path = database_path(database)
    with connect(path, read_only=True) as connection:
        found = read_summary(connection, language)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), default=str, ensure_ascii=False, indent=2))
        return
    _print_summary(Console(highlight=False, soft_wrap=True), found, path)


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
        return
    _print_explanation(Console(highlight=False, soft_wrap=True), found)


def _print_explanation(console: Console, found: Explanation) -> None:
    console.print(f"Customer {found.customer_id}, as of {found.as_of_date}\n")
    for label in found.labels:
        console.print(f"[bold]{label.kind}[/bold]: {label.code}")
        console.print(f"  {label.reason}")
        if label.changes_on:
            console.print(f"  Changes on {label.changes_on} if nothing else happens.")
    for segment in found.ad_segments:
        console.print(f"[bold]ad segment[/bold]: {segment.code}")
        console.print(f"  {segment.reason}")


def _print_partition(console: Console, partition: Partition, currency: str) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    table.add_column(partition.title, style="bold", min_width=27)
    table.add_column("customers", justify="right")
    table.add_column("", min_width=BAR_WIDTH)
    table.add_column(f"revenue {currency}", justify="right")
    table.add_column("of revenue", justify="right")
    for segment in partition.segments:
        table.add_row(
            segment.label,
            f"{segment.customer_count:,}",
            "▇" * max(1, round(segment.customer_share * BAR_WIDTH)),
            f"{segment.net_revenue_amount:,.0f}",
            f"{segment.revenue_share:.0%}",
        )
    console.print(table)
    console.print()


def _print_summary(console: Console, found: Summary, database: Path) -> None:
    currency = found.currency_code
    console.print()
    console.print(f"[bold]Your shop as of {found.as_of_date}[/bold]")
    console.print(
        f"{found.customer_count:,} customers, {found.buyer_count:,} of them have bought; "
        f"{found.order_count:,} orders, {found.net_revenue_amount:,.0f} {currency} net."
    )
    if found.guest_order_count:
        console.print(
            f"{found.guest_order_count:,} of the orders ({found.guest_revenue_amount:,.0f} {currency}) "
            "came from guests; they count for the shop and for no customer."
        )
    if found.average_order_amount is not None:
        console.print(
            f"An average order is {found.average_order_amount:,.2f} {currency}; "
            f"between two orders a customer usually waits {found.typical_gap_days:g} days."
        )
    console.print()
    if not found.customer_count:
        console.print("There are no customers yet, so there are no segments to show.")
        return
    for partition in found.partitions:
        _print_partition(console, partition, currency)
    if found.ad_segments:
        console.print("[dim]Ad segments (a customer may be in many)[/dim]")
        for segment in found.ad_segments:
            console.print(f"  {segment.label:<27}{segment.customer_count:>9,}")
        console.print()
    if found.suggestions:
        console.print("[bold]What to look at next[/bold]")
        for suggestion in found.suggestions:
            console.print(f"  - {suggestion}")
        console.print()
    notes = [f"{count:,} {code.replace('_', ' ')}" for code, count in found.excluded_orders.items()]
    if notes:
        console.print(f"Orders that are no purchase: {', '.join(notes)} (marts.fct_orders.order_validity).")
    if found.unmatched_return_count:
        console.print(
            f"{found.unmatched_return_count:,} of them are returns without the sale they take back "
            f"({found.unmatched_return_amount:,.0f} {currency}); they are in no customer's revenue."
        )
    if "no_exchange_rate" in found.excluded_orders:
        console.print("Load exchange_rates for the days of orders without one; until then their money counts nowhere.")
    if found.rejected_row_count:
        console.print(f"{found.rejected_row_count:,} rows could not be used (raw.rejected_rows says why).")
    if not found.has_email_source:
        console.print("No e-mail events were loaded: what depends on them is unknown, not zero.")
    console.print(f"Everything is in {database}; the table to query is marts.customer_segments.")
    console.print("Why is a customer where she is? regulars explain CUSTOMER_ID")
