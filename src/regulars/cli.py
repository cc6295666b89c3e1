"""The command `regulars`: one verb a module, errors as sentences, exit codes that mean something."""

import sys
from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from regulars.errors import RegularsError

INTERRUPTED = 130

VERBS = {
    "load": "regulars.load.command",
    "sample": "regulars.sample.command",
    "summary": "regulars.summary.command",
    "explain": "regulars.summary.command",
    "docs": "regulars.docs.command",
    "audience": "regulars.audiences.command",
    "backfill": "regulars.audiences.command",
    "publish": "regulars.publish.command",
}


class Verbs(UserDict[str, Any]):
    """The verbs by name, each imported when it is wanted: `summary` does not wait for what `load` needs."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (typer keeps the type of a command to itself)
        """The command of a verb."""
        verb = getattr(import_module(super().__getitem__(name)), name)
        if not isinstance(verb, typer.Typer):
            verb_alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            verb_alone.command(name)(verb)
            verb = verb_alone
        return typer.main.get_command(verb)


class Command(TyperGroup):
    """`regulars` itself."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  (typer's own)
        super().__init__(**settings)
        self.commands = Verbs(VERBS)


app = typer.Typer(
    cls=Command,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def regulars() -> None:
    """Customer segments from a shop's raw orders, inside the shop's own warehouse."""


def main() -> None:
    """Run the command line; a `RegularsError` becomes one sentence on standard error and its exit code."""
    try:
        app()
    except RegularsError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:  # What typer makes of Ctrl-C.
            stop()
        raise
    except KeyboardInterrupt:
        stop()
    except RuntimeError as error:
        # DuckDB turns an interrupt in the middle of a query into a RuntimeError of its own.
        if "interrupted" not in str(error).lower():
            raise
        stop()


def stop() -> None:
    """Say that Ctrl-C was heard, and leave."""
    typer.echo("stopped; nothing is half-written, and what was not finished is done by the next run", err=True)
    sys.exit(INTERRUPTED)
