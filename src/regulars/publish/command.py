"""The verbs `regulars publish plan|apply|status|retry|erase|exposures`."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from regulars.errors import UsageError
from regulars.publish.apply import Result
from regulars.publish.erasure import Erased
from regulars.publish.errors import PublishRefusedError
from regulars.publish.exposures import exposures_yaml
from regulars.publish.plan import Plan, sync_name
from regulars.publish.run import ask_to_erase, make_plans, retry_rejected, run_syncs
from regulars.publish.settings import DEFAULT_FILE, Settings, Sync, load_settings
from regulars.publish.status import Status, read_status
from regulars.warehouse import database_path

publish = typer.Typer(
    help="Bring audiences to where marketing happens: plan what must change, apply it, see how it went.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

SettingsFile = Annotated[Path, typer.Option("--settings", help="The file that says what goes where.")]
Database = Annotated[
    Path | None, typer.Option(help="The DuckDB file; default: $REGULARS_DATABASE, else regulars.duckdb.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="SYNC", help="Only this sync, as destination/object; may be given several times."),
]


@publish.command()
def plan(
    settings: SettingsFile = DEFAULT_FILE,
    database: Database = None,
    only: Only = None,
    out: Annotated[Path | None, typer.Option(help="Keep the plan in a file that apply can be held to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would change at each destination, in counts; nothing is sent.

    Leaves 0: planned, also where apply would stop some of it; 2: refused, or no sync at all could be planned.
    """
    said = load_settings(settings)
    plans = make_plans(said, database_path(database), chosen(said, only))
    rows = json.dumps([each.as_dict() for each in plans], indent=2)
    is_any_made = any(each.is_made for each in plans)
    if out is not None and is_any_made:
        try:
            out.write_text(rows + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(rows if as_json else "\n".join(plan_lines(plans)))
    if not is_any_made:
        raise typer.Exit(2)


@publish.command()
def apply(
    settings: SettingsFile = DEFAULT_FILE,
    database: Database = None,
    only: Only = None,
    plan_file: Annotated[
        Path | None, typer.Option("--plan", help="A plan that `publish plan --out` kept: apply this one or nothing.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also where a guard would stop it.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send everybody again, as after somebody emptied a list by hand.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send what must change, and note what was acknowledged. Leaves 0: done; 1: some is not there yet; 2: refused."""
    if resend and plan_file:
        raise UsageError("--resend sends everybody, whatever a plan says; leave out --resend or --plan")
    said = load_settings(settings)
    wanted = chosen(said, only)
    plans = read_plans(plan_file, wanted) if plan_file else None
    run(said, database, wanted, as_json, force=force, is_resending=resend, plans=plans)


@publish.command()
def retire(
    only: Annotated[list[str], typer.Option("--only", metavar="SYNC", help="The sync, as destination/object.")],
    settings: SettingsFile = DEFAULT_FILE,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Remove everybody whom a sync added; then it can go from publish.yml. Leaves 0, 1 or 2 as apply does."""
    said = load_settings(settings)
    run(said, database, chosen(said, only), as_json, is_retiring=True)


def run(
    said: Settings, database: Path | None, wanted: list[Sync], as_json: bool, **how: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """Run syncs and tell how it went, of each as it is over; a single one that is refused is told as an error only."""
    told: list[Result] = []

    def tell(result: Result) -> None:
        told.append(result)
        if not as_json and len(wanted) > 1:
            typer.echo("\n".join(result_lines(result)))

    with shown_progress() as progress:
        try:
            results = run_syncs(
                said,
                database_path(database),
                wanted,
                progress=progress,
                ended=tell,
                warn=lambda sentence: typer.echo(sentence, err=True),
                **how,
            )
        except PublishRefusedError:
            if as_json and told:
                typer.echo(json.dumps({"syncs": [each.as_dict() for each in told], "erasures": []}, indent=2))
            raise
    if as_json:
        syncs = [each.as_dict() for each in results]
        typer.echo(json.dumps({"syncs": syncs, "erasures": list(results.erasures_left)}, indent=2))
    else:
        lines = result_lines(results[0]) if len(wanted) == 1 else []
        for line in (*lines, *results.erasures_left):
            typer.echo(line)
    if results.erasures_left or not all(each.is_done for each in results):
        raise typer.Exit(1)


@publish.command()
def status(settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Say how many people each destination acknowledged, what was rejected and why, and how the last run went.

    Leaves 0: all is there; 1: some is not, as apply said.
    """
    syncs, erasures = read_status(load_settings(settings))
    if as_json:
        typer.echo(
            json.dumps(
                {"syncs": [row.as_dict() for row in syncs], "erasures": [row.as_dict() for row in erasures]}, indent=2
            )
        )
    else:
        for row in syncs:
            typer.echo("\n".join(status_lines(row)))
        for erasure in erasures:
            typer.echo(erasure_line(erasure))
    if not all(row.is_done for row in syncs) or any(erasure.status != "done" for erasure in erasures):
        raise typer.Exit(1)


@publish.command()
def retry(settings: SettingsFile = DEFAULT_FILE, only: Only = None) -> None:
    """Let the next apply try every rejected row again, also those that were given up after eight attempts."""
    said = load_settings(settings)
    count = retry_rejected(said, chosen(said, only))
    typer.echo(f"{count:,} rejected rows are tried again by the next `regulars publish apply`")


@publish.command()
def erase(
    settings: SettingsFile = DEFAULT_FILE,
    database: Database = None,
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="ID", help="A customer id; may be given several times."),
    ] = None,
    email: Annotated[str, typer.Option(help="The person's address, for whom no customer id is known.")] = "",
    phone: Annotated[str, typer.Option(help="The person's number as +45 20 12 34 56, likewise.")] = "",
    request: Annotated[str, typer.Option(help="The id of the request; by default one is made.")] = "",
    as_json: AsJson = False,
) -> None:
    """Erase a person at every destination that ever received her, and never send her again.

    Without a person, open requests are carried on with. Leaves 0: done; 1: kept, but not done everywhere yet.
    """
    said = load_settings(settings)
    is_new = bool(customer or email or phone)
    erasures, problems = ask_to_erase(
        said,
        database_path(database),
        request_id=request or (f"{datetime.now(UTC):%Y%m%d}-{uuid4().hex[:8]}" if is_new else ""),
        customer_ids=tuple(customer or ()),
        email=email,
        phone=phone,
    )
    if as_json:
        typer.echo(json.dumps({"erasures": [row.as_dict() for row in erasures], "problems": problems}, indent=2))
    else:
        for row in erasures:
            typer.echo(erasure_line(row))
        for problem in problems:
            typer.echo(f"  {problem}")
        if not erasures and not problems:
            typer.echo("no request is open")
    if problems:
        raise typer.Exit(1)


@publish.command()
def exposures(
    settings: SettingsFile = DEFAULT_FILE,
    out: Annotated[Path | None, typer.Option(help="Write them there, such as models/_publish__exposures.yml.")] = None,
) -> None:
    """Write dbt exposures of what is published, so that dbt's lineage goes on to the destinations."""
    text = exposures_yaml(load_settings(settings))
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error


@contextmanager
def shown_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar a sync on a terminal, and nothing where nobody looks."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console,
        transient=True,
    ) as bars:  # fmt: skip
        tasks = {}

        def show(name: str, rows: int, planned: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=planned)
            bars.update(tasks[name], advance=rows, total=planned)

        yield show


def chosen(settings: Settings, only: list[str] | None) -> list[Sync]:
    """The syncs asked for, all by default, in the order of the file.

    Raises
    ------
    UsageError: no such sync.
    """
    by_name = {sync_name(sync): sync for sync in settings.syncs}
    unknown = [name for name in only or [] if name not in by_name]
    if unknown:
        raise UsageError(f"there is no sync {unknown[0]}; there are: {', '.join(by_name)}")
    return [sync for name, sync in by_name.items() if not only or name in only]


def read_plans(path: Path, wanted: list[Sync]) -> list[Plan]:
    """The plans of a file, one for each sync, in their order.

    Raises
    ------
    UsageError: the file cannot be read, or plans something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; `regulars publish plan --out {path}` makes a plan") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        text = ""
    try:
        found = {row["name"]: Plan(**row) for row in json.loads(text)}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UsageError(
            f"{path} is no plan; `regulars publish plan --out {path}` of this version makes one"
        ) from error
    names = [sync_name(sync) for sync in wanted]
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(f"{path} has no plan for {', '.join(missing)}; choose with --only, or plan again")
    return [found[name] for name in names]


def plan_lines(plans: list[Plan]) -> list[str]:
    """Counts, never people."""
    lines = []
    for each in plans:
        if not each.is_made:
            lines += [f"{each.audience} → {each.name}", f"  cannot be planned: {each.stopped}"]
            continue
        lines.append(f"{each.audience} → {each.name}, as of {each.as_of_date}")
        lines.append(
            f"  add {each.add:,}, update {each.update:,}, remove {each.remove:,}, unchanged {each.keep:,}"
            + (f", waiting (rejected or under way) {each.wait:,}" if each.wait else "")
        )
        left_out = left_out_words(asdict(each))
        if left_out:
            lines.append(f"  left out: {left_out}")
        if each.paused:
            lines.append(f"  {each.paused}; nobody is added")
        if each.stopped:
            lines.append(f"  apply would stop: {each.stopped}")
        if each.is_mapping_new:
            lines.append("  what is sent of a person has changed, so everybody is sent again")
    return lines


def left_out_words(counts: Mapping[str, Any]) -> str:
    """Members who are not sent, by why; nothing if there are none."""
    words = {"no_consent": "without consent", "no_identifier": "without an identifier", "held_back": "held back",
             "erased": "erased"}  # fmt: skip
    return ", ".join(f"{counts[name]:,} {word}" for name, word in words.items() if counts.get(name))


def result_lines(result: Result) -> list[str]:
    """How one sync went."""
    requests = f"{result.requests:,} request{'' if result.requests == 1 else 's'}"
    line = f"{result.name}: {result.acknowledged:,} of {result.planned:,} acknowledged in {requests}"
    if result.planned == 0 and result.requests:
        # A file that somebody took away or changed is written again.
        line = f"{result.name}: nobody changed, written again"
    elif result.planned == 0:
        is_as_before = not (result.message or result.rejected or result.waiting or result.given_up)
        line = f"{result.name}: {'unchanged, ' if is_as_before else ''}nothing sent"
    if result.acknowledged and not result.is_verified:
        line += " (accepted, unverified: the platform does not say whom it took)"
    if result.rejected:
        reasons = ", ".join(f"{code} {count:,}" for code, count in sorted(result.codes.items()))
        line += f", {result.rejected:,} rejected ({reasons})"
    if result.pending:
        line += f", {result.pending:,} pending"
    if result.waiting > result.rejected:
        line += f", {result.waiting - result.rejected:,} rejected before wait for another attempt"
    if result.given_up:
        line += f", {result.given_up:,} given up until they change"
    lines = [line]
    left_out = left_out_words(result.left_out)
    if result.is_nobody_wanted and left_out:
        lines.append(f"  nobody may be sent: {left_out}")
    lines += [f"  {note}" for note in result.notes]
    return [*lines, *([f"  stopped: {result.message}"] if result.message else [])]


def status_lines(row: Status) -> list[str]:
    """How one sync is, and how its last run went."""
    lines = [
        f"{row.name or row.sync_id}: {row.acknowledged:,} there, {row.rejected:,} rejected,"
        f" {row.on_its_way:,} on their way" + (f", last acknowledged {row.acked_at[:19]} UTC" if row.acked_at else "")
    ]
    if not row.name:
        lines.append("  publish.yml names it no more: put it back, and `regulars publish retire` removes them")
    if row.last_run_at and (row.last_run != "done" or row.message):
        lines.append(
            f"  last run {row.last_run_at[:19]} UTC: {row.last_run}" + (f", {row.message}" if row.message else "")
        )
    lines += [f"  rejected with {code}: {count:,}" for code, count in row.codes.items()]
    if row.given_up:
        lines.append(f"  of them given up until they change, or `regulars publish retry`: {row.given_up:,}")
    return lines


def erasure_line(erasure: Erased) -> str:
    """One request, without the person."""
    where = ", ".join(f"{sync_id} {state}" for sync_id, state in erasure.targets.items())
    if not where and erasure.earlier:
        where = f"nothing was left of the person after request {', '.join(erasure.earlier)}"
    done = f", done {erasure.done_at[:19]} UTC" if erasure.done_at else ""
    where = where or "was never sent anywhere"
    return f"erasure {erasure.request_id} of {erasure.requested_at[:19]} UTC: {erasure.status}{done}; {where}"
