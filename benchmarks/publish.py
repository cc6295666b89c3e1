"""How fast audiences reach a destination, and whether they get there: Regulars, and beside it drt-core.

    python benchmarks/publish.py --members 100000 --destination webhook klaviyo --drt ~/drt/bin/drt
    python benchmarks/publish.py --members 5000000 --only first --dir build/publish

The warehouse is made up: as many members as asked for, with ten properties, as `dbt build` leaves them. Destinations
are the fakes of `regulars.publish.fakes` on loopback, in a process of their own, without limits of rate. Every run is
the command that a person would type, in a process of its own, so that its start is part of its time. See README.md
here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from string import Template

from publish_shop import CHANGED_EVERY, IDENTIFIERS, PROPERTIES, build, property_fields

HERE = Path(__file__).parent
SECRET = "shared"
ROWS_PER_BATCH = 10_000
MOST_TO_COMPARE = 1_000_000
"""Above it, what the destination has is not compared with the warehouse: it would have to be held in memory."""
COLUMNS = (
    "destination, members", "tool", "step", "seconds", "CPU s", "peak GB", "rows", "had already", "writes of fewest",
    "reads", "rows/s", "wrong",
)  # fmt: skip
STEPS = ("first", "unchanged", "changed", "left", "killed")

DESTINATIONS = {
    "webhook": """
    type: webhook
    url: {url}
    signing_secret: {{env: BENCH_SECRET}}
    rows_per_batch: 10000
    bytes_per_batch: 5000000
""",
    "klaviyo": """
    type: klaviyo
    account_id: Bench1
    api_key: {{env: BENCH_SECRET}}
    url: {url}
""",
    "postgres": """
    type: postgres
    url: {{env: BENCH_POSTGRES}}
    database: bench
""",
}
SETTINGS = """
destinations:
  there:{destination}
syncs:
  - audience: everybody
    destination: there
    purpose: email
    identifiers: [{identifiers}]
    properties: [{properties}]
    max_removal_share: 1
"""
# The same rows in requests of the same shape. `cursor` needs a column that says when anything about a person changed,
# consent and address too, which Regulars does without.
DRT_SYNC = Template("""
name: everybody
model: |
  select customer_id, {$identifiers} as identifiers, {$properties} as properties, $cursor as changed_at
  from marts.audience_members as members
  inner join marts.customer_segments as segments using (customer_id)
  inner join intermediate.int_customer_contacts as contacts using (customer_id)
  where members.audience = 'everybody' and members.arm = 'treatment' and members.is_sampled
    and segments.has_email_consent
destination:
  type: rest_api
  url: "$url"
  headers: {Content-Type: application/json}
  body_mode: batch
  batch_template: '{"object":"everybody","operation":"upsert","rows":{{ rows | tojson_safe }}}'
sync:
  mode: $mode
  batch_size: 10000
  rate_limit: {requests_per_second: 100000}
  on_error: fail
""")


@dataclass
class Step:
    """One run of one tool, and what the destination saw of it."""

    tool: str
    destination: str
    step: str
    members: int
    seconds: float
    """Of the whole process, by the clock."""
    cpu_seconds: float
    """User and system, of the process; the destination's own are not in it."""
    peak_gigabytes: float
    rows: int
    """That arrived."""
    again: int | None
    """Of them, those that the destination already had as they were; none: it cannot say."""
    writes: int
    reads: int
    fewest: int
    """Requests without which the change cannot be made, at 10,000 rows each."""
    wrong: int | None
    """People whom the destination has not as the warehouse has them, or has and should not; none: not looked at."""


class Fake:
    """A destination in a process of its own."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "publish_fakes.py", name, SECRET],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = self._line()

    def ask(self, word: str) -> dict[str, int]:
        """As `publish_fakes.py` has it: `report`, `count`, `wrong PATH`."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        counts: dict[str, int] = json.loads(self._line())
        return counts

    def settle(self) -> None:
        """Wait until what had arrived when its sender was killed is taken in."""
        rows = -1
        while rows != (rows := self.ask("count")["rows"]):
            time.sleep(1)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            sys.exit("the destination ended")
        return line


@contextmanager
def running(name: str) -> Iterator[Fake]:
    """A destination, until the block ends."""
    fake = Fake(name)
    try:
        yield fake
    finally:
        fake.process.terminate()
        fake.process.wait()


@dataclass(frozen=True)
class Tool:
    """Something that brings an audience to a destination."""

    name: str
    command: tuple[str, ...]
    runs_in: Path | None = None
    """The folder that it has to be called in."""


def prepare(tool: str, drt: str, folder: Path, destination: str, url: str) -> Tool:
    """Write a tool's settings; how it is called."""
    if tool == "regulars":
        text = SETTINGS.format(
            destination=DESTINATIONS[destination].format(url=url), identifiers=", ".join(IDENTIFIERS),
            properties=", ".join(PROPERTIES),
        )  # fmt: skip
        (folder / "publish.yml").write_text(text)
        given = ("--settings", str(folder / "publish.yml"), "--database", str(folder / "shop.duckdb"))
        return Tool(tool, (sys.executable, "-c", "from regulars.cli import main; main()", "publish", "apply", *given))
    (folder / ".drt").mkdir()
    (folder / ".drt" / "profiles.yml").write_text(f"shop:\n  type: duckdb\n  database: {folder / 'shop.duckdb'}\n")
    (folder / "drt_project.yml").write_text('name: bench\nversion: "0.1"\nprofile: shop\n')
    (folder / "syncs").mkdir()
    identifiers = ", ".join(f"'{name}': contacts.{name}" for name in IDENTIFIERS)
    is_cursor = tool == "drt cursor"
    text = DRT_SYNC.substitute(
        identifiers=identifiers, properties=property_fields(), url=url,
        cursor="segments.changed_at" if is_cursor else "null",
        mode="incremental\n  cursor_field: changed_at" if is_cursor else "full",
    )  # fmt: skip
    (folder / "syncs" / "everybody.yml").write_text(text)
    return Tool(tool, (drt, "run"), folder)


def run(tool: Tool, folder: Path, fake: Fake, *, kill_at: int = 0) -> tuple[float, float, float]:
    """Seconds by the clock, CPU seconds and peak gigabytes; killed once so many rows have arrived."""
    environment = os.environ | {
        "BENCH_SECRET": SECRET, "BENCH_POSTGRES": fake.url, "HOME": str(folder), "DO_NOT_TRACK": "1",
    }  # fmt: skip
    started = time.perf_counter()
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(tool.command, cwd=tool.runs_in, env=environment, stdout=log, stderr=log)
        while kill_at and process.poll() is None:
            if fake.ask("count")["rows"] >= kill_at:
                process.kill()
            time.sleep(0.01)
        if kill_at:
            fake.settle()
            # poll() has reaped it already.
            return time.perf_counter() - started, 0.0, 0.0
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{tool.name}: {log.read()}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def life(name: str, drt: str, destination: str, members: int, wanted: list[str], base: Path | None) -> Iterator[Step]:
    """One tool and one destination, step after step; the kill at a destination of its own, where nobody is yet."""
    for steps in (STEPS[:4], STEPS[4:]):
        # What is not asked for is left out; but nothing is unchanged before a first run.
        asked = [step for step in steps if step in wanted]
        if not asked:
            continue
        folder = Path(tempfile.mkdtemp(prefix="regulars-publish-", dir=base))
        try:
            with running(destination) as fake:
                tool = prepare(name, drt, folder, destination, fake.url)
                for step in steps[: steps.index(asked[-1]) + 1]:
                    yield from one(tool, folder, destination, members, step, fake)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def one(tool: Tool, folder: Path, destination: str, members: int, step: str, fake: Fake) -> Iterator[Step]:
    """One step; of `killed`, both runs."""
    warehouse = folder / "shop.duckdb"
    is_changed = step in {"changed", "left"}
    if step != "unchanged":
        # In a process of its own: a process that is started counts its parent's memory as its peak.
        making = get_context("spawn").Process(target=build, args=(warehouse, members, is_changed, step == "left"))
        making.start()
        making.join()
    few = -(-members // CHANGED_EVERY)
    change = {"first": members, "unchanged": 0, "changed": few, "left": few, "killed": members}[step]
    for part in (step, "rerun") if step == "killed" else (step,):
        took = run(tool, folder, fake, kill_at=members // 2 if part == "killed" else 0)
        counts = fake.ask("report")
        wrong = None
        if part != "killed" and members <= MOST_TO_COMPARE:
            wrong = fake.ask(f"wrong {warehouse}")["wrong"]
        yield Step(
            tool.name, destination, part, members, *took, counts["rows"],
            counts["again"] if destination == "webhook" else None, counts["writes"],
            counts["reads"], -(-change // ROWS_PER_BATCH), wrong,
        )  # fmt: skip


def number(given: int | None) -> str:
    """A number for people."""
    return "" if given is None else f"{given:,}"


def line(step: Step) -> str:
    """A row of the table of README.md."""
    rate = f"{step.rows / step.seconds:,.0f}" if step.step == "first" else ""
    said = (
        f"{step.destination}, {step.members:,}", step.tool, step.step, f"{step.seconds:.1f}", f"{step.cpu_seconds:.1f}",
        f"{step.peak_gigabytes:.2f}", number(step.rows), number(step.again), f"{step.writes:,} of {step.fewest:,}",
        number(step.reads), rate, number(step.wrong),
    )  # fmt: skip
    return f"| {' | '.join(said)} |"


def main() -> None:
    """Run it and print the table or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="+", default=[100_000])
    parser.add_argument("--destination", nargs="+", default=["webhook"], choices=list(DESTINATIONS))
    parser.add_argument("--only", nargs="+", default=list(STEPS), choices=STEPS, help="steps, and those before them")
    parser.add_argument("--drt", help="the program `drt`, to be run beside it; at the webhook only")
    parser.add_argument("--dir", type=Path, help="where warehouses and ledgers are made; default: the system's own")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    steps = []
    if not given.json:
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for members in given.members:
        for destination in given.destination:
            tools = ["regulars"] + (["drt", "drt cursor"] if given.drt and destination == "webhook" else [])
            for tool in tools:
                for step in life(tool, given.drt, destination, members, given.only, given.dir):
                    steps.append(step)
                    if not given.json:
                        print(line(step), flush=True)
    if given.json:
        print(json.dumps([asdict(step) for step in steps], indent=2))


if __name__ == "__main__":
    main()
