"""The verb `regulars sample`."""

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from regulars.errors import UsageError
from regulars.sample.folder import TRUTH_FOLDER
from regulars.sample.settings import TABLE_NAMES, ShopSettings
from regulars.sample.shop import Summary, write_shop

MAX_THREADS = 64


def sample(
    out: Annotated[Path, typer.Option(help="Folder for the shop; made if it is not there.")],
    customers: Annotated[int, typer.Option(help="Number of customers, buyers or not.")] = 2000,
    seed: Annotated[int, typer.Option(help="Another seed gives another shop; the same seed the same bytes.")] = 7,
    start: Annotated[str, typer.Option(help="First day with orders.")] = "2023-01-01",
    end: Annotated[str, typer.Option(help="Last day with orders.")] = "2025-12-31",
    file_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    dirty: Annotated[
        bool, typer.Option("--dirty/--clean", help="With or without a few rows that a load must refuse.")
    ] = True,
    only: Annotated[
        str | None, typer.Option(help="Tables to write, separated by commas; the others stay away.")
    ] = None,
    lines_per_order: Annotated[float, typer.Option(help="Mean number of lines of an order.")] = 2.4,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the sample shop in the folder.")] = False,
    threads: Annotated[int, typer.Option(help="Chunks made at the same time; the content is the same.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write a made-up shop: orders, customers, events, and the truth about them in a folder beside."""
    settings = ShopSettings(
        customer_count=customers,
        seed=seed,
        start_on=_day("--start", start),
        end_on=_day("--end", end),
        lines_per_order=lines_per_order,
        is_dirty=dirty,
        file_format=file_format.lower(),
        only=_tables(only),
    )
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"--threads {threads}: expected a number from 1 to {MAX_THREADS}")
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    ) as progress:
        task = progress.add_task("customers", total=customers)
        summary = write_shop(
            settings,
            out,
            overwrite=overwrite,
            threads=threads,
            on_progress=lambda count: progress.advance(task, count),
        )
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(summary)}))
    else:
        typer.echo(_words(settings, out, summary))


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise UsageError(f'{option} "{text}" is not a day; expected for example 2023-01-31') from error


def _tables(text: str | None) -> tuple[str, ...]:
    if text is None:
        return TABLE_NAMES
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = tuple(name for name in asked if name not in TABLE_NAMES)
    return unknown or tuple(name for name in TABLE_NAMES if name in asked)


def _words(settings: ShopSettings, out: Path, summary: Summary) -> str:
    width = max(len(name) for name in summary.rows)
    lines = [
        f"A shop with {settings.customer_count:,} customers, {settings.start_on} to {settings.end_on}, is in {out}",
        "",
        *(f"  {name:<{width}}  {count:>13,} rows" for name, count in summary.rows.items()),
        "",
    ]
    to_reject = sum(sum(reasons.values()) for reasons in summary.rejected.values())
    if to_reject:
        lines.append(f"{to_reject:,} of these rows are unusable on purpose; a load puts them aside and says why.")
    lines.append(f"What is true of each customer, and of the shop: {out / TRUTH_FOLDER}")
    lines.append(f"Next: regulars load {out}")
    return "\n".join(lines)
