"""Runs of syncs from their sources to their destinations: what was left behind, erasures, plan, guards, what is new."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import duckdb

from regulars.publish.apply import IS_GIVEN_UP, Clock, Result, Run, Stopped
from regulars.publish.destinations import Capabilities, Destination
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.destinations.google import GoogleDestination, refresh_after
from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.destinations.meta import MetaDestination
from regulars.publish.destinations.postgres import PostgresDestination
from regulars.publish.destinations.webhook import WebhookDestination
from regulars.publish.erasure import (
    Erased,
    asked_for,
    bury,
    check_warehouse,
    erase_everywhere,
    keep_request,
    open_requests,
    read_erasures,
    why_taken,
)
from regulars.publish.errors import (
    DestinationError,
    LedgerError,
    NoAudiencesError,
    PublishRefusedError,
    ReconcileError,
    WrongLedgerError,
)
from regulars.publish.http import Client
from regulars.publish.keys import read_key
from regulars.publish.ledger import OPEN, Ledger, is_begun, locked, opened
from regulars.publish.plan import (
    Plan,
    check_source,
    check_unmoved,
    compare,
    guard_of,
    mapping_of,
    sync_name,
)
from regulars.publish.settings import Files, Google, Meta, Postgres, Secret, Settings, Sync, Webhook
from regulars.publish.source import column_types, replace_changed_identifiers
from regulars.publish.tables import count_runs, read_tables, write_tables
from regulars.publish.whole_files import write_file

WHOLE_FILES = Capabilities(rows_per_batch=0, bytes_per_batch=0)


def utc_now() -> datetime:
    """Now, as the ledger writes it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def ledger_path(settings: Settings) -> Path:
    """Where the ledger is, or would be; a relative path counts from the folder of `publish.yml`."""
    return settings.folder / ("publish_ledger" if isinstance(settings.ledger, Secret) else settings.ledger)


@contextmanager
def open_ledger(
    settings: Settings, warehouse: Path | None, now: datetime, syncs: Sequence[Sync] = ()
) -> Iterator[Ledger]:
    """The ledger of the settings, with the warehouse to read; nobody else writes to what it says of `syncs`.

    A DuckDB file is locked as a whole. In PostgreSQL only these syncs are, all of them or none.

    Raises
    ------
    LockedError: another run has it, or one of these syncs.
    WrongLedgerError: it is the warehouse, or knows of nothing where the warehouse knows of runs.
    PublishRefusedError: the ledger or the warehouse cannot be opened, or the workers' common key is not said.
    """
    path = ledger_path(settings)
    if isinstance(settings.ledger, Secret):
        if settings.key_secret is None:
            raise PublishRefusedError(
                "workers that share a ledger in PostgreSQL must name people by the same key; add key_secret: {env:"
                " NAME_OF_A_VARIABLE} to publish.yml, a secret such as `openssl rand -hex 32` makes"
            )
        try:
            from regulars.publish.postgres_ledger import opened_postgres
        except ImportError:
            raise PublishRefusedError(
                "for a ledger in PostgreSQL: pip install 'psycopg[binary]' adbc-driver-postgresql"
            ) from None
        with opened_postgres(settings.ledger.read(), path, warehouse=warehouse) as shared:
            if warehouse is not None:
                _check_not_another(settings, shared, "in the PostgreSQL database that `ledger:` names")
            read_key(settings, shared)
            if syncs:
                shared.hold([settings.sync_id(sync) for sync in syncs], now)
            yield shared
        return
    if warehouse is not None and path.resolve() == warehouse.resolve():
        raise WrongLedgerError(
            f"`ledger:` names the warehouse, {warehouse}; give the ledger a file of its own, such as"
            " publish_ledger.duckdb"
        )
    with locked(path, now):
        is_new = not path.exists()
        try:
            with opened(path, warehouse=warehouse) as ledger:
                if warehouse is not None:
                    _check_not_another(settings, ledger, f"at {path}")
                yield ledger
        except WrongLedgerError:
            if is_new:
                path.unlink(missing_ok=True)
            raise


def _check_not_another(settings: Settings, ledger: Ledger, where: str) -> None:
    """Refuse a ledger that knows of nothing where the warehouse knows of runs to the same places: it may be misspelt.

    Raises
    ------
    WrongLedgerError: so it is.
    """
    if is_begun(ledger):
        return
    runs = count_runs(ledger.planning, [settings.sync_id(sync) for sync in settings.syncs])
    if runs:
        raise WrongLedgerError(
            f"there is no ledger yet {where}, but the warehouse knows of {runs:,} run{'' if runs == 1 else 's'} to the"
            " same places (publish.publish_runs). A new ledger does not know who was sent, nor who was erased, and"
            " would send them again: put the old one back, or correct `ledger:` in publish.yml. To begin anew on"
            " purpose, drop the table publish.publish_runs in the warehouse"
        )


def destination_of(
    settings: Settings, sync: Sync, ledger: Ledger, client: Client | None = None
) -> Destination | FilesDestination:
    """The destination of a sync, with its secret read; nothing is opened yet.

    Raises
    ------
    PublishRefusedError: its secret is not where the settings say, or it cannot be made of what they say.
    """
    said = settings.destinations[sync.destination]
    if isinstance(said, Files):
        return FilesDestination(said, settings.folder)
    sends = frozenset[str](sync.identifiers)
    if isinstance(said, Postgres):
        types = column_types(ledger)
        # A column that is not there stops a run before this; to erase and to retire, none is needed.
        properties = {name: types[name] for name in sync.properties if name in types}
        try:
            return PostgresDestination(said, said.url.read(), sync.identifiers, properties)
        except DestinationError as error:
            # Nothing was opened, so it is for this sync alone to be refused.
            raise PublishRefusedError(f"{sync_name(sync)}: {error}") from None
    client = client or Client(said.timeout_seconds, said.deadline_seconds)
    if isinstance(said, Webhook):
        return WebhookDestination(said, said.signing_secret.read(), client, sends)
    if isinstance(said, Meta):
        app_secret = said.app_secret.read() if said.app_secret else ""
        return MetaDestination(said, said.access_token.read(), client, app_secret, sends, sync.value is not None)
    if isinstance(said, Google):
        return GoogleDestination(said, said.credentials.read(), client, sends)
    return KlaviyoDestination(said, said.api_key.read(), client, sends)


def capabilities_of(destination: Destination | FilesDestination) -> Capabilities:
    """What a destination can do, also one that writes whole files."""
    return WHOLE_FILES if isinstance(destination, FilesDestination) else destination.capabilities


def refresh_after_of(settings: Settings, sync: Sync) -> timedelta | None:
    """After how long a destination forgets people, who are therefore sent again; None if it never does."""
    said = settings.destinations[sync.destination]
    return refresh_after(said) if isinstance(said, Google) else None


def make_plans(settings: Settings, warehouse: Path, wanted: list[Sync], now: Clock = utc_now) -> list[Plan]:
    """What must change, of every sync, without a secret; nothing is written but an empty ledger and its key."""
    with open_ledger(settings, warehouse, now()) as ledger:
        runner = Runner(settings, ledger, read_key(settings, ledger), now, False, lambda *_: None)
        plans = []
        for sync in wanted:
            try:
                runner.check(sync)
                plans.append(runner.compare(sync))
            except PublishRefusedError as error:
                if len(wanted) == 1:
                    raise
                plans.append(Plan(settings.sync_id(sync), sync_name(sync), sync.audience, stopped=str(error)))
        return plans


@dataclass
class Runner:
    """What all syncs of one call have in common."""

    settings: Settings
    ledger: Ledger
    key: bytes
    now: Clock
    force: bool
    progress: Callable[[str, int, int], None]
    is_retiring: bool = False
    """Everybody whom a sync added is removed, whatever the warehouse says."""
    is_resending: bool = False
    """Everybody is sent again, whom the ledger takes to be there with who knows what."""

    def check(self, sync: Sync) -> None:
        """Refuse a sync whose source is not what it must be."""
        there = self.ledger.fetch(
            "select 1 from sync_state where sync_id = $sync and removed_at is null limit 1",
            sync=self.settings.sync_id(sync),
        )
        check_source(self.ledger.planning, sync, is_there=bool(there))

    def compare(self, sync: Sync) -> Plan:
        """The plan of a sync as of now."""
        return compare(
            self.ledger, self.settings, sync, mapping_of(self.settings, sync), self.key,
            refresh_after_of(self.settings, sync), self.now(), is_forced=self.force, is_retired=self.is_retiring,
        )  # fmt: skip


class Applied(list[Result]):
    """How each sync went, in the order that was asked for; and what is in the way of people who are to be erased."""

    erasures_left: Sequence[str] = ()
    """Sentences; nobody is named."""
    refusal: PublishRefusedError | None = None
    """Of the first sync, where none could be run."""


def run_syncs(
    settings: Settings,
    warehouse: Path,
    wanted: list[Sync],
    *,
    force: bool = False,
    is_retiring: bool = False,
    is_resending: bool = False,
    plans: list[Plan] | None = None,
    now: Clock = utc_now,
    client: Client | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    ended: Callable[[Result], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Applied:
    """Erase whom somebody asked to erase, then plan and apply each sync in turn; one that fails stops no other.

    Where `is_retiring`, everybody whom the syncs added is removed; where `is_resending`, everybody is sent again.
    `ended` hears of each sync as it is over. Afterwards the warehouse gets `publish.publish_runs` and
    `publish.publish_rejects`; `warn` hears if it does not, and of a ledger that is begun.

    Raises
    ------
    PublishRefusedError: before anything is sent: the ledger or a given plan is not what it must be, or no sync at all
        can be run.
    LedgerError: the disk is full, or the ledger failed otherwise; the next run settles what was under way.
    """
    try:
        with open_ledger(settings, warehouse, now(), wanted) as ledger:
            runner = Runner(
                settings, ledger, read_key(settings, ledger), now, force or is_retiring, progress, is_retiring,
                is_resending,
            )  # fmt: skip
            if not is_begun(ledger):
                where = "in PostgreSQL" if isinstance(settings.ledger, Secret) else f"at {ledger.path}"
                warn(f"began a new ledger {where}")
            results = _run_all(runner, wanted, plans, client, ended)
            tables = read_tables(ledger, runner.key)
    except (duckdb.IOException, duckdb.FatalException, duckdb.OutOfMemoryException) as error:
        raise LedgerError(
            f"the ledger {ledger_path(settings)} cannot go on: {str(error).splitlines()[0][:200]}; when there is room"
            " again, apply again: what was under way is settled first"
        ) from None
    # In a file that is none of ours, nothing is written.
    problem = "" if isinstance(results.refusal, NoAudiencesError) else write_tables(warehouse, tables)
    if problem:
        warn(problem)
    if results.refusal is not None:
        raise results.refusal
    return results


def _run_all(
    runner: Runner,
    wanted: list[Sync],
    plans: list[Plan] | None,
    client: Client | None,
    ended: Callable[[Result], None],
) -> Applied:
    """All syncs of a call: what was left of each, erasures, then what is new."""
    ledger, settings = runner.ledger, runner.settings
    ready: list[tuple[Run, Destination | FilesDestination]] = []
    refused: list[tuple[Run, PublishRefusedError]] = []
    planned = dict(zip(map(sync_name, wanted), plans or [], strict=False))
    for sync in wanted:
        try:
            if not runner.is_retiring:
                runner.check(sync)
            destination = destination_of(settings, sync, ledger, client)
            if plans is not None:
                check_unmoved(planned[sync_name(sync)], runner.compare(sync))
        except PublishRefusedError as error:
            if plans is not None:
                raise
            refused.append((_refused(runner, sync, error), error))
            ended(refused[-1][0].result)
            continue
        ready.append((_begin(runner, sync, destination), destination))
    _, left_over = bury_all(ledger, runner.key, runner.now())
    for run, destination in ready:
        _guarded(run, partial(_settle, run, destination))
    # Who asked meanwhile.
    requests, sentences = bury_all(ledger, runner.key, runner.now())
    left_over += sentences + erase_everywhere(
        ledger, settings, requests, lambda sync: destination_of(settings, sync, ledger, client), runner.now()
    )
    for run, destination in ready:
        if not run.is_stopped:
            _guarded(run, partial(_apply, runner, run, destination, planned.get(sync_name(run.sync))))
        _end(run, runner.now())
        ended(run.result)
    in_order = {run.sync_id: run.result for run, _ in (*ready, *refused)}
    results = Applied(in_order[settings.sync_id(sync)] for sync in wanted)
    results.erasures_left = left_over
    results.refusal = refused[0][1] if refused and not ready else None
    return results


def _begin(runner: Runner, sync: Sync, destination: Destination | FilesDestination | None) -> Run:
    """A run that is noted; one without a destination is refused."""
    sync_id = runner.settings.sync_id(sync)
    is_verified = destination is None or capabilities_of(destination).is_verified
    result = Result(sync_id, sync_name(sync), is_verified=is_verified)
    said = runner.settings.destinations[sync.destination]
    run = Run(
        uuid4().hex, runner.ledger, sync_id, sync, destination, mapping_of(runner.settings, sync), runner.now,  # type: ignore[arg-type]
        result, lambda rows: runner.progress(result.name, rows, result.planned), getattr(said, "poll_seconds", 0.0),
    )  # fmt: skip
    # Of the runs before, those that were killed say so.
    runner.ledger.execute(
        "update sync_run set status = 'killed', ended_at = cast($now as timestamp)"
        " where sync_id = $sync and status = 'running'",
        now=runner.now(), sync=sync_id,
    )  # fmt: skip
    runner.ledger.execute(
        "insert into sync_run (run_id, sync_id, audience, started_at, status)"
        " values ($run, $sync, $audience, cast($now as timestamp), 'running')",
        run=run.run_id, sync=sync_id, audience=sync.audience, now=runner.now(),
    )  # fmt: skip
    return run


def _refused(runner: Runner, sync: Sync, error: PublishRefusedError) -> Run:
    """A run that is over before it began, and noted, so that `status` says why."""
    run = _begin(runner, sync, None)
    run.result.message = str(error)
    run.is_stopped = True
    _end(run, runner.now())
    return run


def _guarded(run: Run, step: Callable[[], None]) -> None:
    """A step of a run; what a person can put right ends this run with a sentence, anything else ends the program."""
    try:
        step()
    except (DestinationError, PublishRefusedError, Stopped) as error:
        run.result.message = str(error)
        run.is_stopped = True
    except Exception:
        run.ledger.execute(
            "update sync_run set status = 'failed', ended_at = cast($now as timestamp) where run_id = $run",
            now=run.now(), run=run.run_id,
        )  # fmt: skip
        raise


def _settle(run: Run, destination: Destination | FilesDestination) -> None:
    if not isinstance(destination, FilesDestination):
        run.settle()


def _apply(runner: Runner, run: Run, destination: Destination | FilesDestination, promised: Plan | None = None) -> None:
    """Plan and send. `promised` is what somebody was shown; what earlier runs left may have changed it meanwhile."""
    if runner.is_resending:
        _forget_what_is_there(run)
    plan, more = _planned(runner, run, destination, promised)
    run.strike_rejects()
    if plan.stopped and not runner.force:
        raise Stopped(plan.stopped)
    if plan.paused:
        run.result.message = f"{plan.paused}; who left is removed, nobody is added; if they should be,"
        run.result.message += f" `regulars publish apply --only {plan.name} --force`"
    if isinstance(destination, FilesDestination):
        write_file(run, destination, plan)
        return
    if plan.writes == 0:
        # What was sent again may be a job by now.
        run.wait_for_jobs()
        return
    is_another = run.open_object()
    _check_alone(runner.settings, run)
    if is_another:
        run.result.planned -= plan.writes
        plan, more = _planned(runner, run, destination)
    run.apply(plan, more)


def _check_alone(settings: Settings, run: Run) -> None:
    """Refuse a list that another sync writes to under another name: what one adds, the other would remove.

    Raises
    ------
    PublishRefusedError: the names of the two.
    """
    place = run.sync_id.removesuffix(run.sync.object_name)
    for other in settings.syncs:
        other_id = settings.sync_id(other)
        if other_id.removesuffix(other.object_name) != place or other_id == run.sync_id:
            continue
        if run.last_object_id(other_id) == run.object_id:
            raise PublishRefusedError(
                f"{run.result.name} and {sync_name(other)} are one and the same ({run.object_id}); what one adds, the"
                " other would remove: take one of them out of publish.yml"
            )


def _forget_what_is_there(run: Run) -> None:
    """Everybody is taken to be there with who knows what, and so is sent again."""
    run.ledger.execute(
        "update sync_state set source_hash = '' where sync_id = $sync and removed_at is null", sync=run.sync_id
    )


def _planned(
    runner: Runner, run: Run, destination: Destination | FilesDestination, promised: Plan | None = None
) -> tuple[Plan, int]:
    """The plan, noted and counted, and how many rows are sent more than it says.

    Who cannot be sent any more as she is now, where people are known by hashes, is removed: a guard has to count her.
    """
    plan = runner.compare(run.sync)
    if promised is not None:
        check_unmoved(promised, plan)
    more = 0
    if plan.writes and not isinstance(destination, FilesDestination):
        more, unsendable = replace_changed_identifiers(runner.ledger, run.sync, destination)
        plan = replace(plan, update=plan.update - unsendable, remove=plan.remove + unsendable)
        plan = replace(plan, stopped=guard_of(plan, run.sync))
    _note_plan(run, plan)
    run.result.planned += plan.writes
    run.result.note_plan(plan)
    return plan, more


def _note_plan(run: Run, plan: Plan) -> None:
    run.ledger.execute("delete from sync_plan where run_id = $run", run=run.run_id)
    run.ledger.execute(
        "insert into sync_plan (run_id, sync_id, as_of_date, definition_hash, mapping_hash, world_hash, add_count,"
        " update_count, remove_count, keep_count, wait_count, no_consent_count, no_identifier_count, erased_count,"
        " held_back_count) values ($run, $sync, $as_of, $definition, $mapping, $world, $add, $update, $remove, $keep,"
        " $wait, $consent, $identifier, $erased, $held)",
        run=run.run_id, sync=run.sync_id, as_of=plan.as_of_date, definition=plan.definition_hash,
        mapping=plan.mapping_hash, world=plan.world_hash, add=plan.add, update=plan.update, remove=plan.remove,
        keep=plan.keep, wait=plan.wait, consent=plan.no_consent, identifier=plan.no_identifier, erased=plan.erased,
        held=plan.held_back,
    )  # fmt: skip


def _end(run: Run, ended: datetime) -> None:
    """Count what is still to be done, and see that nothing went missing.

    Raises
    ------
    ReconcileError: planned is not acknowledged, rejected and pending.
    """
    result = run.result
    ((under_way,),) = run.ledger.fetch(
        f"select cast(coalesce(sum(row_count), 0) as bigint) from sync_batch where sync_id = $sync"
        f" and (status = 'accepted' or status in {OPEN})",
        sync=run.sync_id,
    )
    if run.is_stopped:
        # The rest was never tried; of what earlier runs left, some may not even have been counted.
        never_tried = result.planned - result.acknowledged - result.rejected
        result.pending = max(never_tried, under_way)
        is_whole = never_tried >= 0
        result.planned = result.acknowledged + result.rejected + result.pending if is_whole else result.planned
    else:
        result.pending = under_way + run.left_count
        is_whole = result.planned == result.acknowledged + result.rejected + result.pending
    ((result.waiting, result.given_up),) = run.ledger.fetch(
        f"select count(case when not {IS_GIVEN_UP} then 1 end), count(case when {IS_GIVEN_UP} then 1 end)"
        " from sync_reject where sync_id = $sync",
        sync=run.sync_id,
    )
    status = "failed" if not is_whole else "done" if result.is_done else "partial"
    run.ledger.execute(
        "update sync_run set ended_at = cast($now as timestamp), status = $status, planned_count = $planned,"
        " acknowledged_count = $acknowledged, rejected_count = $rejected, pending_count = $pending,"
        " request_count = $requests, message = $message where run_id = $run",
        now=ended, status=status, planned=result.planned, acknowledged=result.acknowledged, rejected=result.rejected,
        pending=result.pending, requests=result.requests, run=run.run_id,
        message=result.message or "; ".join(result.notes),
    )  # fmt: skip
    if not is_whole:
        raise ReconcileError(
            f"{result.name}: {result.planned} planned, but {result.acknowledged} acknowledged, {result.rejected}"
            f" rejected and {result.pending} pending; this is a defect of Regulars"
        )


def retry_rejected(settings: Settings, wanted: list[Sync], now: Clock = utc_now) -> int:
    """Let every rejected row of some syncs be tried again by the next run, also those given up; how many there are."""
    with open_ledger(settings, None, now(), wanted) as ledger:
        count = 0
        for sync in wanted:
            sync_id = settings.sync_id(sync)
            ((found,),) = ledger.fetch("select count(*) from sync_reject where sync_id = $sync", sync=sync_id)
            count += found
            with ledger.transaction():
                ledger.execute(
                    "update sync_reject set attempt_count = 0, next_attempt_at = cast($now as timestamp)"
                    " where sync_id = $sync",
                    now=now(), sync=sync_id,
                )  # fmt: skip
        return count


def bury_all(ledger: Ledger, key: bytes, now: datetime) -> tuple[list[str], list[str]]:
    """Name the customers of every open request, and bury them; the ids of the requests, and what is to be said of them.

    Raises
    ------
    PublishRefusedError: the warehouse does not say who is who.
    """
    names, problems = [], []
    requests = open_requests(ledger.path)
    if requests:
        check_warehouse(ledger)
    for request in requests:
        buried, sentences = bury(ledger, request, key, now)
        names.append(buried.request_id)
        problems += sentences
    return names, problems


def ask_to_erase(
    settings: Settings,
    warehouse: Path,
    *,
    request_id: str,
    customer_ids: tuple[str, ...],
    email: str = "",
    phone: str = "",
    now: Clock = utc_now,
    client: Client | None = None,
) -> tuple[list[Erased], list[str]]:
    """Keep a request to erase somebody, and carry out all that are open; those, and what is in the way.

    Without a request and a person, nothing is added.

    Raises
    ------
    PublishRefusedError: the request names nobody, or has the id of another. Nothing is kept then.
    """
    path = ledger_path(settings)
    kept = "what was asked for before is kept"
    if request_id or customer_ids or email or phone:
        request = asked_for(request_id, f"{now():%Y-%m-%d %H:%M:%S}", customer_ids, email, phone)
        taken = _why_taken(settings, warehouse, request_id, now)
        if taken:
            raise PublishRefusedError(taken)
        # Before anything else, so that nothing loses it and a run under way heeds it.
        keep_request(path, request)
        kept = f"the request {request_id} is kept"
    try:
        with open_ledger(settings, warehouse, now(), settings.syncs) as ledger:
            key = read_key(settings, ledger)
            _, problems = bury_all(ledger, key, now())
            for sync in settings.syncs:
                try:
                    destination = destination_of(settings, sync, ledger, client)
                except (DestinationError, PublishRefusedError):
                    # If she was ever there, the erasure says so; the others need not wait for a secret.
                    continue
                run = _begin(Runner(settings, ledger, key, now, False, lambda *_: None), sync, destination)
                _guarded(run, partial(_settle, run, destination))
                _end(run, now())
                if not (run.result.planned or run.result.requests or run.result.message):
                    # It was no run of the sync: nothing was compared, and nothing was left to be sent again.
                    ledger.execute("delete from sync_run where run_id = $run", run=run.run_id)
            # Who asked meanwhile.
            names, sentences = bury_all(ledger, key, now())
            problems += sentences + erase_everywhere(
                ledger, settings, names, lambda sync: destination_of(settings, sync, ledger, client), now()
            )
            erasures = [row for row in read_erasures(ledger) if row.request_id in names]
            tables = read_tables(ledger, key)
    except (LedgerError, PublishRefusedError) as error:
        if not open_requests(path):
            raise
        return [], [f"{kept}, and a run of this worker leaves the person out; erase again after this: {error}"]
    problem = write_tables(warehouse, tables) if names else ""
    return erasures, [*problems, *([problem] if problem else [])]


def _why_taken(settings: Settings, warehouse: Path, request_id: str, now: Clock) -> str:
    """Why a new request cannot have this id, as far as the ledger can be asked; or nothing.

    Raises
    ------
    WrongLedgerError: beside a ledger that is none or misspelt, nobody would find the request again.
    """
    try:
        with open_ledger(settings, warehouse, now()) as ledger:
            return why_taken(ledger, request_id)
    except WrongLedgerError:
        raise
    except (LedgerError, PublishRefusedError):
        # It is locked, for example. `bury` gives the request another id if it has to.
        return ""
