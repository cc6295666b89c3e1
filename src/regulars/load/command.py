"""The verb `regulars load`."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from regulars.errors import InputRejectedError, RegularsError, UsageError
from regulars.load import batch, demo_shop, generic, mapping, readers
from regulars.load.first_look import refuse_unfit
from regulars.load.landing import TABLES_BY_NAME, create_tables
from regulars.load.mapping import Mapping, did_you_mean
from regulars.load.readers import Reading
from regulars.load.run import Options, Request, load_files
from regulars.load.store import FileReport
from regulars.load.wording import counted
from regulars.warehouse import connect, database_path

_SEPARATORS = {"comma": ",", "point": ".", "space": " ", "apostrophe": "'", ",": ",", ".": ".", " ": " ", "'": "'"}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}


def load(
    files: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs.", show_default=False)] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="TABLE=FILE: the landing table of a file; repeatable.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"Kind of export: {', '.join(mapping.PRESETS)}.")] = None,
    mapping_file: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file that says which column is what.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="Warehouse file; default: REGULARS_DATABASE, else regulars.duckdb.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="IANA zone of times without an offset; default: the preset's, else UTC.")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Format of dates that are not ISO, such as %d/%m/%Y %H:%M.")
    ] = None,
    decimal_comma: Annotated[bool, typer.Option("--decimal-comma", help="The same as --decimal comma.")] = False,
    decimal: Annotated[str | None, typer.Option(help="Decimal mark of text files: point or comma.")] = None,
    thousands: Annotated[
        str | None, typer.Option(help="Thousands mark of text files: comma, point, space, apostrophe; default: none.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Currency of exports that do not hold it (woocommerce-orders).")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of text files; default: UTF-8, or what a byte order mark says.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="comma, semicolon, tab or pipe; default: told by the header.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook with several.")] = None,
    max_reject_share: Annotated[
        float, typer.Option(help="Share of a file's rows that may be rejected; above it nothing of the file is kept.")
    ] = 0.01,
    now: Annotated[
        str | None, typer.Option(help="ISO time taken as now, for repeatable runs; default: the clock.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Load a shop's files into the landing tables; the same file twice changes nothing.

    Exit code 0: done. 1: a file had more rejected rows than --max-reject-share and was left out whole. 2: refused.
    """
    chosen = _mapping(preset, mapping_file)
    if not 0 <= max_reject_share <= 1:
        raise UsageError(f"--max-reject-share {max_reject_share} is no share; expected 0 to 1, for example 0.01")
    if decimal_comma and decimal not in (None, "comma", ","):
        raise UsageError("--decimal-comma and --decimal say different things; keep one")
    options = Options(
        mapping=chosen,
        now=_instant(now),
        time_zone=time_zone,
        date_format=date_format,
        decimal=","
        if decimal_comma
        else _one_of("--decimal", decimal, {"point": ".", "comma": ",", ".": ".", ",": ","}),
        thousands=_one_of("--thousands", thousands, _SEPARATORS),
        currency=currency.upper() if currency else None,
        reading=Reading(encoding, _one_of("--delimiter", delimiter, _DELIMITERS, free=1), sheet),
        max_reject_share=max_reject_share,
    )
    requests, left_out = expand(files or [], table or [], chosen)
    path = database_path(database)
    aside: Path | None = None
    if demo_shop.is_in_the_way(path, [request.path for request in requests]):
        # Not for files that would be refused anyway.
        refuse_unfit(requests, options)
        aside = demo_shop.move_aside(path)
        typer.echo(f"{path} held the sample shop of make demo; it is now {aside}, and yours starts afresh.", err=True)
    watcher = _Watcher(Console(stderr=True))
    reports: list[FileReport] = []
    failure: RegularsError | None = None
    with connect(path) as connection, watcher:
        create_tables(connection)
        since = batch.newest_load(connection)
        try:
            for report in load_files(connection, requests, options, watcher):
                reports.append(report)  # One by one, so that those before a refused file are told of.
        except RegularsError as error:
            failure = error
        mixed = batch.shops_mixed(connection, since, str(path))
        forgotten, note = batch.orders_without_lines(connection, since)
    warnings = [warning for warning in (mixed, forgotten) if warning]
    notes = [note] if note else []
    if aside is not None and not any(count.loaded for report in reports for count in report.tables):
        warnings.append(f"Nothing was loaded. The sample shop is still there: {aside}")
    if as_json:
        typer.echo(json.dumps(_as_json(path, reports, left_out, warnings, notes, failure), indent=2))
    else:
        _print_summary(path, reports, left_out, notes, chosen)
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    if failure is not None:
        raise failure
    refused = [report for report in reports if report.outcome == "rolled_back"]
    if refused:
        worst = refused[0]
        others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise InputRejectedError(
            f"{worst.file}{others}: {worst.rejected:,} of {worst.rows:,} rows cannot be used, more than "
            f"{max_reject_share:.2%}; nothing of it was loaded. The rows and reasons are in raw.rejected_rows"
        )


def _mapping(preset: str | None, mapping_file: Path | None) -> Mapping:
    if mapping_file is not None:
        if preset is not None:
            raise UsageError("--preset and --mapping exclude each other; keep one")
        return mapping.read(mapping_file)
    return mapping.preset(preset or "generic")


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--now {text} is no ISO time; for example 2024-05-01T12:00:00+00:00") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _one_of(option: str, word: str | None, known: dict[str, str], free: int = 0) -> str | None:
    if word is None:
        return None
    if word.lower() in known:
        return known[word.lower()]
    if free and len(word) == free and word not in '"\r\n':
        return word
    raise UsageError(f"{option} {word} is not known; expected {', '.join(name for name in known if len(name) > 2)}")


def expand(files: list[str], tables: list[str], chosen: Mapping) -> tuple[list[Request], list[Path]]:
    """The files that are meant, and those of folders that were left out because their name says no table.

    Raises
    ------
    UsageError: nothing to load, a file that is not there or cannot be one of a landing table.
    """
    requests: list[Request] = []
    left_out: list[Path] = []
    for entry in tables:
        name, equals, file = entry.partition("=")
        if not equals or not file:
            raise UsageError(f"--table {entry}: expected TABLE=FILE, for example orders=export.csv")
        if name not in TABLES_BY_NAME:
            raise UsageError(f"--table {entry}: {name} is no landing table{did_you_mean(name, TABLES_BY_NAME)}")
        requests += [Request(path, name) for path in _paths(file)]
    for file in files:
        given = Path(file)
        for path in _paths(file):
            # A file named by hand must fit; in a folder or a glob there may be others.
            if given == path:
                readers.file_format(path)
                if chosen.layout == "generic" and generic.table_named(path) is None:
                    raise generic.unknown_table(path)
                requests.append(Request(path))
            elif _fits(path, chosen):
                requests.append(Request(path))
            else:
                left_out.append(path)
        if given.is_dir() and not any(request.path.parent == given for request in requests):
            raise UsageError(f"{file}: no file of this folder has a name that fits{_names_hint(chosen)}")
    if not requests:
        raise UsageError(f"nothing to load; name files, a folder or a glob{_names_hint(chosen)}")
    unique = {(request.path.resolve(), request.table): request for request in requests}
    return list(unique.values()), left_out


def _names_hint(chosen: Mapping) -> str:
    if chosen.layout == "generic":
        return f" (expected names such as orders.csv; tables: {', '.join(TABLES_BY_NAME)})"
    if chosen.layout == "tables":
        return f" (the mapping expects {', '.join(entry.match for entry in chosen.tables)})"
    return ""


def _fits(path: Path, chosen: Mapping) -> bool:
    try:
        readers.file_format(path)
    except UsageError:
        return False
    if chosen.layout == "generic":
        return generic.table_named(path) is not None
    return chosen.layout != "tables" or bool(chosen.tables_for(path.name))


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
        if not found:
            raise UsageError(f"{text} is a folder without files")
        return found
    if path.exists():
        return [path]
    if any(mark in text for mark in "*?["):
        anchor = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else text
        found = sorted(item for item in anchor.glob(pattern) if item.is_file())
        if not found:
            raise UsageError(f"{text} matches no file")
        return found
    beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    close = did_you_mean(path.name, beside) if beside else ""
    raise UsageError(f"{text} does not exist{close if 'did you mean' in close else ''}")


class _Watcher:
    """A progress bar on standard error, when that is a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "_Watcher":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def file(self, path: Path) -> Iterator[Callable[[int], None]]:
        size = path.stat().st_size if path.exists() else None
        task = self._progress.add_task("reading", total=size, name=path.name)
        self._task = task
        try:
            yield lambda done: self._progress.update(task, completed=done)
        finally:
            self._progress.remove_task(task)
            self._task = None

    def phase(self, words: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=words)


def _as_json(
    path: Path,
    reports: list[FileReport],
    left_out: list[Path],
    warnings: list[str],
    notes: list[str],
    failure: Exception | None,
) -> dict[str, Any]:
    files = []
    for report in reports:
        entry = asdict(report)
        entry["first_rejects"] = [
            {"line": line, "reason_code": reason, "message": message} for line, reason, message in report.first_rejects
        ]
        entry["seconds"] = round(report.seconds, 3)
        files.append(entry)
    return {
        "database": str(path),
        "files": files,
        "left_out": [str(item) for item in left_out],
        "warnings": warnings,
        "notes": notes,
        "error": str(failure) if failure else None,
    }


def _print_summary(
    path: Path, reports: list[FileReport], left_out: list[Path], notes: list[str], chosen: Mapping
) -> None:
    out = Console(file=sys.stdout, soft_wrap=True, highlight=False, markup=False)
    for report in reports:
        if report.outcome == "unchanged":
            out.print(f"{report.file}: already loaded, nothing changed")
            continue
        state = "" if report.outcome == "loaded" else "  NOT LOADED: too many rejected rows"
        out.print(f"{report.file}: {counted(report.rows, 'row')} read in {report.seconds:.1f} s{state}")
        for count in report.tables:
            if report.outcome == "rolled_back" or not count.rows:
                continue
            parts = [f"{count.loaded:>12,} loaded"]
            if count.unchanged:
                parts.append(f"{count.unchanged:,} unchanged")
            if count.rejected:
                parts.append(f"{count.rejected:,} rejected")
            out.print(f"  {count.table:<16}{', '.join(parts)}")
        for note in report.notes:
            out.print(f"  {note}")
        if report.ignored_columns:
            out.print(f"  columns not used: {', '.join(report.ignored_columns)}")
        if report.rejected:
            out.print(f"  {counted(report.rejected, 'row')} rejected (raw.rejected_rows):")
            for reason, number in report.reasons.items():
                out.print(f"    {number:>10,}  {reason}")
            for line, reason, message in report.first_rejects:
                out.print(f"    line {line}: {reason}: {message}")
    for item in left_out:
        expected = (
            "no entry of the mapping fits its name" if chosen.layout == "tables" else "its name says no landing table"
        )
        out.print(f"{item}: left out, {expected}")
    for note in notes:
        out.print(note)
    if reports:
        out.print(f"Landing tables are in {path}, schema raw")
