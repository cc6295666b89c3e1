"""Processes that run beside a test, and are killed: by a signal 9 to themselves where they are told to, or by the test.

They are forked from a clean server of `multiprocessing` (the fixture `forks`), so that each costs a fork and no start
of Python. The hooks are put around functions of the package from outside; the package knows nothing of them.
"""

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from regulars.publish import apply, erasure, ledger, run
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.destinations.google import GoogleDestination
from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.destinations.postgres import PostgresDestination
from regulars.publish.destinations.webhook import WebhookDestination
from regulars.publish.settings import load_settings

from .world import Clock, small_batches

CLASSES: dict[str, Any] = {
    "files": FilesDestination, "webhook": WebhookDestination, "postgres": PostgresDestination,
    "klaviyo": KlaviyoDestination, "meta": MetaDestination, "google": GoogleDestination,
}  # fmt: skip


class Reaper:
    """Counts how often something was reached, and ends the process the n-th time."""

    def __init__(self, transition: str, nth: int) -> None:
        self.transition, self.left = transition, nth

    def reached(self, transition: str) -> None:
        if transition == self.transition:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, before: str = "", after: str = "") -> None:
        """The transition is reached each time that a function is called, or has returned."""
        real: Callable[..., Any] = getattr(owner, name)

        def watched(*words: Any, **more: Any) -> Any:
            self.reached(before)
            said = real(*words, **more)
            self.reached(after)
            return said

        setattr(owner, name, watched)


TRANSITIONS: tuple[str, ...] = (
    "before the spool is written",
    "after the spool, before the ledger",
    "in the transaction that says sent",
    "after sent, before the request",
    "after the request, before the answer is noted",
    "before accepted is noted",
    "after accepted is noted",
    "before a poll",
    "after a poll, before its answer is noted",
    "in the acknowledging transaction",
    "at the end of the acknowledging transaction",
    "after acknowledgement, before the spool is removed",
    "after the spool is removed",
    "in the erasure, before the tombstones",
    "in the erasure, after the tombstones",
    "in the erasure, before the request",
    "in the erasure, after the request",
    "in the erasure, before it is noted",
    "in the erasure, before it is done",
    "before the file is renamed",
    "after the file is renamed",
    "after the file, before the ledger",
    "in the transaction of the file",
    "after the ledger, before the manifest",
    "after the manifest",
    "before the run is ended",
)


def dying(transition: str, nth: int) -> None:
    """Put the hooks in place."""
    reaper = Reaper(transition, nth)
    reaper.around(apply, "write_private", "before the spool is written", "after the spool, before the ledger")
    reaper.around(
        apply.Run, "_forget", "after acknowledgement, before the spool is removed", "after the spool is removed"
    )
    reaper.around(apply.Run, "_acknowledge", after="acknowledged")
    reaper.around(run, "bury_all", "in the erasure, before the tombstones", "in the erasure, after the tombstones")
    reaper.around(erasure, "_forget", "in the erasure, before it is noted")
    reaper.around(run, "_end", "before the run is ended")
    for kind in CLASSES.values():
        reaper.around(kind, "erase", "in the erasure, before the request", "in the erasure, after the request")
        if kind is not FilesDestination:
            reaper.around(
                kind, "send", "after sent, before the request", "after the request, before the answer is noted"
            )
            reaper.around(kind, "poll", "before a poll", "after a poll, before its answer is noted")
    reaper.around(FilesDestination, "write", after="after the file, before the ledger")
    reaper.around(FilesDestination, "finish", "after the ledger, before the manifest", "after the manifest")
    replaces = Path.replace

    def replacing(path: Path, target: Path) -> Path:
        is_file = path.name.endswith(".csv.unfinished")
        if is_file:
            reaper.reached("before the file is renamed")
        said = replaces(path, target)
        if is_file:
            reaper.reached("after the file is renamed")
        return said

    Path.replace = replacing  # type: ignore[method-assign,assignment]
    executes = ledger.DuckDBLedger.execute

    def executing(self: Any, statement: str, **values: Any) -> None:
        is_accepted = statement.startswith("update sync_batch ") and values.get("status") == "accepted"
        if is_accepted:
            reaper.reached("before accepted is noted")
        if statement.startswith("update erasure_request set status = 'done'"):
            reaper.reached("in the erasure, before it is done")
        executes(self, statement, **values)
        if is_accepted:
            reaper.reached("after accepted is noted")
        if statement.startswith("insert into sync_batch "):
            reaper.reached("in the transaction that says sent")
        if statement.startswith(("insert into sync_state ", "update sync_state set removed_at")):
            reaper.reached("in the acknowledging transaction")
        if statement.startswith(
            "delete from sync_state where sync_id = $sync and customer_id in (select customer_id from wanted"
        ):
            reaper.reached("in the transaction of the file")
        if statement.startswith("delete from sync_batch_row"):
            reaper.reached("at the end of the acknowledging transaction")

    ledger.DuckDBLedger.execute = executing  # type: ignore[method-assign]


def runs(folder: str, environment: dict[str, str], transition: str, nth: int) -> None:
    """One run, in a process of its own; it leaves 0 if it lived."""
    os.environ.update(environment)
    run.destination_of = small_batches  # type: ignore[assignment]
    dying(transition, nth)
    settings = load_settings(Path(folder) / "publish.yml")
    run.run_syncs(settings, Path(folder) / "shop.duckdb", list(settings.syncs), force=True, client=Clock().client())
    os._exit(0)


def runs_until_statement(folder: str, environment: dict[str, str], last: int, sync: int) -> None:
    """One run of one sync, that ends before the `last` statement to its ledger; it leaves 0 if it lived."""
    os.environ.update(environment)
    settings = load_settings(Path(folder) / "publish.yml")
    if isinstance(settings.ledger, str):
        connect = duckdb.connect

        class Dying:
            def __init__(self, *words: Any, **more: Any) -> None:
                self.real = connect(*words, **more)
                self.reaper = Reaper("a statement", last)

            def execute(self, *words: Any) -> Any:
                self.reaper.reached("a statement")
                return self.real.execute(*words)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

        ledger.duckdb.connect = Dying  # type: ignore[assignment]
    else:
        reaper = Reaper("a statement", last)
        for name in ("execute", "copy"):
            reaper.around(psycopg.Cursor, name, before="a statement")
    run.run_syncs(settings, Path(folder) / "shop.duckdb", list(settings.syncs[sync:][:1]), force=True)
    os._exit(0)


def runs_until_told(folder: str, environment: dict[str, str], sync: int, line: Connection) -> None:
    """One run of one sync: says after each batch that it is under way and waits for a word; in the end, how it went."""
    os.environ.update(environment)
    settings = load_settings(Path(folder) / "publish.yml")

    def pause(_: str, rows: int, __: int) -> None:
        if rows:
            line.send("under way")
            line.recv()

    [result] = run.run_syncs(settings, Path(folder) / "shop.duckdb", [settings.syncs[sync]], progress=pause)
    line.send("done" if result.is_done else result.message)
    os._exit(0)
