"""Two git revisions of the project, each built on a copy of the warehouse as of the same day.

The warehouse itself is only read: each build has a copy and a profile that names the copy, whatever the project's own
profile says.
"""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from regulars.audiences.comparison import Comparison, compare
from regulars.audiences.dbt import AUDIENCE_TESTS, ONLY_SELECTED, DbtFailedError, Vars, check_project, run_dbt_apart
from regulars.errors import RegularsError, UsageError, WarehouseError
from regulars.warehouse import connect, read_built

NEEDED = ("--select", "+audience_overview")
# What is about to be merged is tested. The old revision is what it is: mending a broken audience can be compared too.
TESTS = {"old": (), "new": AUDIENCE_TESTS}


class RevisionError(RegularsError):
    """A revision cannot be built."""

    exit_code = 1


@dataclass(frozen=True)
class Revision:
    """A commit and the words by which it was asked for."""

    name: str
    commit: str


def two_revisions(project: Path, words: list[str]) -> tuple[Revision, Revision]:
    """The revisions of ``BASE..HEAD``, ``BASE...HEAD`` (from where HEAD branched off), ``BASE HEAD`` or ``BASE``.

    Raises
    ------
    UsageError: the words name no two revisions, or the project is in no git repository.
    """
    check_project(project)
    base, dots, head = words[0].partition("...") if "..." in words[0] else words[0].partition("..")
    if len(words) > 2 or (len(words) == 2 and dots) or not base:
        raise UsageError(f'--revisions "{" ".join(words)}": expected BASE..HEAD, or BASE HEAD')
    head = (words[1] if len(words) == 2 else head) or "HEAD"
    old, new = (Revision(name, _commit(project, name)) for name in (base, head))
    if dots == "...":
        merge_base = _git(project, "merge-base", old.commit, new.commit).strip()
        old = Revision(f"{base} at {merge_base[:8]}", merge_base)
    return old, new


def compare_revisions(
    project: Path, database: Path, old: Revision, new: Revision, variables: Vars, say: Callable[[str], None]
) -> Comparison:
    """Build what audiences need in both revisions and compare.

    Raises
    ------
    RevisionError: dbt failed in one of them.
    WarehouseError: the warehouse is not there, not built, or in use by another process.
    """
    with connect(database, read_only=True) as connection:
        ((as_of_date,),) = read_built(connection, "select max(as_of_date) from intermediate.int_as_of")
    if _git(project, "status", "--porcelain", "--", ".").strip():
        say("note: changes that are not committed are part of neither revision")
    variables = {"as_of_date": as_of_date.isoformat(), **variables}
    # Beside the warehouse: there is room for one of its size there, and /tmp may be memory.
    with tempfile.TemporaryDirectory(prefix=".regulars-diff-", dir=database.resolve().parent) as folder:
        copies = []
        for side, revision in (("old", old), ("new", new)):
            say(f"building {revision.name} ({revision.commit[:8]}) as of {as_of_date} …")
            place = Path(folder) / side
            copy = place / database.name
            checkout = _checkout(project, revision, place / "checkout")
            _copy_warehouse(database, copy)
            words = (*NEEDED, *TESTS[side], *ONLY_SELECTED)
            _build(project, checkout, revision, copy, words, variables)
            copies.append(copy)
        return compare(copies[0], copies[1], old.name, new.name)


def _build(
    project: Path, checkout: Path, revision: Revision, copy: Path, words: tuple[str, ...], variables: Vars
) -> None:
    place = copy.parent
    environment = {
        "REGULARS_DATABASE": str(copy),
        "DBT_PROFILES_DIR": str(_profile_for(project, checkout, copy)),
        "DBT_TARGET_PATH": str(place / "target"),
        "DBT_LOG_PATH": str(place / "logs"),
        # The revision's own Python beside its own SQL.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(checkout / "src"), os.environ.get("PYTHONPATH")])),
    }
    # A revision from before there were audiences builds none, and those of the warehouse would pass for its own.
    with connect(copy) as connection:
        connection.execute("drop table if exists marts.audience_overview")
    try:
        run_dbt_apart(checkout, "build", *words, variables=variables, environment=environment)
        with connect(copy, read_only=True) as connection:
            read_built(connection, "select 1 from marts.audience_overview limit 1")
    except DbtFailedError as error:
        raise RevisionError(f"revision {revision.name} ({revision.commit[:8]}): {error}") from error
    except WarehouseError as error:
        raise RevisionError(
            f"revision {revision.name} ({revision.commit[:8]}) has no model audience_overview"
        ) from error


def _checkout(project: Path, revision: Revision, target: Path) -> Path:
    """The project's folder at a revision. From an archive: a worktree would leave its entry in .git when killed."""
    prefix = _git(project, "rev-parse", "--show-prefix").strip()
    root = Path(_git(project, "rev-parse", "--show-toplevel").strip())
    archive = _run_git(root, "archive", "--format=tar", revision.commit)
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")
    folder = target / prefix
    if not (folder / "dbt_project.yml").is_file():
        raise RevisionError(
            f"revision {revision.name} ({revision.commit[:8]}) has no dbt_project.yml in {prefix or '.'}"
        )
    packages = project / "dbt_packages"
    if packages.is_dir():
        (folder / "dbt_packages").symlink_to(packages.resolve(), target_is_directory=True)
    return folder


def _copy_warehouse(database: Path, copy: Path) -> None:
    # Whoever has it open for reading keeps writers out, so that the copy is of one moment.
    with connect(database, read_only=True):
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, copy)
        log = database.with_name(f"{database.name}.wal")
        if log.exists():
            shutil.copyfile(log, copy.with_name(f"{copy.name}.wal"))


def _profile_for(project: Path, checkout: Path, copy: Path) -> Path:
    """A folder with the project's profile in which every DuckDB path is the copy."""
    source = Path(os.environ.get("DBT_PROFILES_DIR") or project) / "profiles.yml"
    try:
        profiles = yaml.safe_load(source.read_text(encoding="utf-8"))
        wanted = yaml.safe_load((checkout / "dbt_project.yml").read_text(encoding="utf-8"))["profile"]
        outputs = profiles[wanted]["outputs"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UsageError(f"{source}: the profile of the project cannot be read from it ({error})") from error
    for output in outputs.values():
        if output.get("type") != "duckdb":
            raise UsageError(
                f"{source}: revisions are compared on a copy of a DuckDB file; there is {output.get('type')}"
            )
        output["path"] = str(copy)
    folder = copy.parent / "profiles"
    folder.mkdir()
    (folder / "profiles.yml").write_text(yaml.safe_dump({wanted: profiles[wanted]}), encoding="utf-8")
    return folder


def _commit(project: Path, name: str) -> str:
    if name.startswith("-"):
        raise UsageError(f'--revisions: "{name}" is no revision')
    try:
        return _git(project, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except UsageError as error:
        _git(project, "rev-parse", "--show-toplevel")
        raise UsageError(f'--revisions: git knows no revision "{name}" in {project.resolve()}') from error


def _git(folder: Path, *words: str) -> str:
    return _run_git(folder, *words).decode()


def _run_git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UsageError(
            "git is not installed; compare two warehouses instead: regulars audience diff OLD NEW"
        ) from error
    if done.returncode != 0:
        raise UsageError(f"git {words[0]} in {folder.resolve()}: {done.stderr.decode().strip() or 'failed'}")
    return done.stdout
