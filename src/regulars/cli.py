"""The command `regulars`: one verb a module, errors as sentences, exit codes that mean something."""

import sys

import typer
from rich.console import Console

from regulars.docs.command import docs
from regulars.errors import RegularsError
from regulars.load.command import load
from regulars.sample.command import sample
from regulars.summary.command import explain, summary

app = typer.Typer(
    help="Customer segments from a shop's raw orders, inside the shop's own warehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(load)
app.command()(sample)
app.command()(summary)
app.command()(explain)
app.add_typer(docs, name="docs")


def main() -> None:
    """Run the command line; a `RegularsError` becomes one sentence on standard error and its exit code."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except RegularsError as error:
        console.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB turns an interrupt in the middle of a query into a RuntimeError of its own.
        if isinstance(error, RuntimeError) and "interrupted" not in str(error).lower():
            raise
        console.print("stopped; whatever was not finished is not in the warehouse", markup=False)
        sys.exit(130)
