"""Send what a plan says must change, batch by batch, and note only what was acknowledged.

A batch goes from sent to acked, or failed, or unknown; where the destination works in jobs, by way of accepted. Its
bytes are kept until it is over: what a crash or a lost answer left behind is sent again as it was, with the same
idempotency key, before anything else. So an operation may arrive twice and never half.

A batch that may not be sent again — somebody in it withdrew her consent or was erased since, or its bytes are gone — is
abandoned: its people are taken to be there with who knows what, so that the next comparison updates or removes them.

A batch that stays unknown however often it is sent is given up, so that it does not hold up all others: its people wait
as rejected ones do, and then come last and in smaller batches. Who was to be removed comes back for ever.
"""

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from regulars.publish.destinations import (
    Answer,
    Batch,
    Destination,
    Operation,
    RowDestination,
    TableDestination,
    hashes_of,
)
from regulars.publish.erasure import erased_customers
from regulars.publish.ledger import OPEN, Ledger, spool_path, write_private
from regulars.publish.plan import PROPERTIES, Plan, consent
from regulars.publish.settings import Sync
from regulars.publish.source import (
    ADDED,
    READ_AT_ONCE,
    REMOVED,
    Left,
    Load,
    Ready,
    RowLoad,
    TableLoad,
    read_rows,
    read_tables,
    who_goes_along,
)

FIRST_RETRY = timedelta(hours=1)
LAST_RETRY = 8
"""Attempts after which a rejected row is only listed, until it changes; a removal is tried for ever."""
IS_GIVEN_UP = f"(attempt_count >= {LAST_RETRY} and operation = 'upsert')"
MOST_ATTEMPTS = 5
"""Runs in which a batch of unknown outcome is sent before it is given up."""
GIVEN_UP = "given_up"
SUSPECT_SHARE = 10
"""Of people whose batch was given up, so many batches are made at least: most of them hold nobody who is to blame."""
ORDINARY_BYTES = 10_000
"""Of a row: who refuses a request as large as this as too large would refuse any."""
NEVER = datetime(9999, 12, 31)
NOT_REFUSED = "row_number not in (select unnest(cast($places as integer[])))"
REFUSED = NOT_REFUSED.replace(" not ", " ")
FIRST_POLL_SECONDS = 0.05
JOBS_ASKED_AT_ONCE = 2
LONGEST_POLL_SECONDS = 10.0

Clock = Callable[[], datetime]


@dataclass
class Result:
    """What one run did at one destination. `planned` = `acknowledged` + `rejected` + `pending`, or the run fails."""

    sync_id: str
    name: str
    planned: int = 0
    acknowledged: int = 0
    rejected: int = 0
    pending: int = 0
    replayed: int = 0
    requests: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    """Why rows were rejected."""
    waiting: int = 0
    """Rejected rows, of this run and of earlier ones, that are tried again."""
    given_up: int = 0
    """Rejected rows that were tried too often, until they change."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Members who may not be sent, by why: `no_consent`, `no_identifier`, `erased`, `held_back`."""
    is_nobody_wanted: bool = False
    """Nobody of the audience may be sent."""
    is_verified: bool = True
    message: str = ""
    notes: list[str] = field(default_factory=list)
    """What the destination said beside its yes: that it left somebody out and does not say whom."""

    @property
    def is_done(self) -> bool:
        """Everything that was to be sent was acknowledged, but for whom it was tried too often."""
        return not self.rejected and not self.waiting and not self.pending and not self.message

    def note_plan(self, plan: Plan) -> None:
        """Keep who is left out."""
        self.left_out = {
            "no_consent": plan.no_consent, "no_identifier": plan.no_identifier, "erased": plan.erased,
            "held_back": plan.held_back,
        }  # fmt: skip
        self.is_nobody_wanted = plan.wanted == 0

    def reject(self, code: str, count: int = 1) -> None:
        """Count rows that were rejected."""
        if count:
            self.rejected += count
            self.codes[code] = self.codes.get(code, 0) + count

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True)
class Job:
    """A batch that was accepted, and when to ask how it went."""

    batch: Batch
    remote_id: str
    due: float
    """By the run's clock."""
    pause: float = FIRST_POLL_SECONDS


class Stopped(Exception):  # noqa: N818  (no error of its own: it carries a sentence up to the run)
    """The rest of the run would fare the same."""


@dataclass
class Run:
    """One run of one sync: where it notes what it does, and to whom it sends."""

    run_id: str
    ledger: Ledger
    sync_id: str
    sync: Sync
    destination: Destination
    mapping_hash: str
    now: Clock
    result: Result
    progress: Callable[[int], None] = lambda _: None
    poll_seconds: float = 0.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    object_id: str = ""
    left_count: int = 0
    """Rows of this run that stay to be planned again: nothing was done for them, and nothing is wrong with them."""
    busy_hashes: frozenset[str] = frozenset()
    """Where people are known by hashes: those of jobs that are under way and might undo what is sent now."""
    is_stopped: bool = False
    """It ended before all was tried."""
    given_up: list[str] = field(default_factory=list)
    """What to say at the end of batches that were given up."""
    kept_back: set[str] = field(default_factory=set)
    """Customers whose removal by their old identifiers waits, or was refused; so do their new ones."""

    def settle(self) -> None:
        """What earlier runs left: ask how jobs went, and send again what nobody knows to have arrived."""
        self._sweep()
        left = self.ledger.fetch(
            "select batch_id, operation, status, row_count, batch_number, total_count, is_last, object_id, remote_id,"
            f" attempt_count from sync_batch where sync_id = $sync and (status in {OPEN} or status = 'accepted')"
            " order by changed_at, batch_number",
            sync=self.sync_id,
        )
        for batch_id, operation, status, row_count, number, total, is_last, object_id, remote_id, attempts in left:
            batch = Batch(operation, self.sync.object_name, object_id, batch_id, row_count, number, is_last, total)
            path = spool_path(self.ledger.path, batch_id)
            body = path.read_bytes() if path.exists() else None
            self.result.planned += row_count
            if body is None or (status != "accepted" and operation == "upsert" and self._has_withdrawn(batch_id)):
                self._abandon(batch)
                continue
            if status != "accepted" and attempts >= MOST_ATTEMPTS:
                self._give_up(batch)
                continue
            self.result.replayed += row_count
            if status == "accepted":
                self._take(batch, self.destination.poll(batch, remote_id, body))
                continue
            self._note(batch_id, "sent", attempts=attempts + 1)
            answer = self.destination.send(batch, body)
            if answer.outcome == "failed" and answer.is_hopeless:
                # Refused now; what became of it the first time is as unknown as before.
                answer = replace(answer, outcome="unknown")
            if answer.outcome == "failed":
                self.result.requests += answer.requests
                self._abandon(batch)
            else:
                self._take(batch, answer)

    def strike_rejects(self) -> None:
        """Strike off the list of rejects whose row is as it was acknowledged, or who left."""
        over = self.ledger.planning.execute(
            "select customer_id from ledger_reject where customer_id not in (select customer_id from compared)"
        ).fetchall()
        if over:
            with self.ledger.transaction():
                self.ledger.execute(
                    "delete from sync_reject where sync_id = $sync"
                    " and customer_id in (select unnest(cast($customers as varchar[])))",
                    sync=self.sync_id, customers=[customer_id for (customer_id,) in over],
                )  # fmt: skip

    def last_object_id(self, sync_id: str = "") -> str:
        """The id of the list or table that this sync, or another, wrote to last; empty if it never did."""
        last = self.ledger.fetch(
            "select object_id from sync_batch where sync_id = $sync and status = 'acked'"
            " order by changed_at desc, batch_number desc limit 1",
            sync=sync_id or self.sync_id,
        )
        return last[0][0] if last else ""

    def open_object(self) -> bool:
        """Find or make the list or table; whether it is another than last time: then nobody is in it any more.

        Raises
        ------
        DestinationError: it cannot be found or made, or that of last time is still there by another name.
        """
        last = self.last_object_id()
        self.object_id = self.destination.open_object(self.sync.object_name, last)
        if not last or last == self.object_id:
            return False
        with self.ledger.transaction():
            self.ledger.execute(
                "update sync_state set removed_at = cast($now as timestamp), source_hash = '', remote_id = ''"
                " where sync_id = $sync and removed_at is null",
                now=self.now(),
                sync=self.sync_id,
            )
        return True

    def apply(self, plan: Plan, more: int) -> None:
        """Removals first, then additions and updates; `more` rows than the plan are sent twice or again."""
        self.result.planned += more
        is_keyed = self.destination.capabilities.is_keyed_by_identifiers
        if is_keyed and plan.remove + more:
            # Jobs overtake each other: who is being added under an address might be lost with whom it is removed for.
            self.busy_hashes = self._hashes_under_way("upsert")
            self._forget_what_they_have(who_goes_along(self.ledger))
        self._stream("remove", plan.remove, REMOVED)
        added: Sequence[str] = ADDED
        still = self.wait_for_jobs()
        self.busy_hashes = self._hashes_under_way("remove") if still and is_keyed else frozenset()
        if still and is_keyed:
            # Her removal is not over; added now, she might be removed after it.
            added = ("add", "update")
            ((later,),) = self.ledger.planning.execute(
                "select count(*) from compared where kind in ('replace', 'again')"
            ).fetchall()
            self.left_count += later
        self._stream("upsert", plan.add + plan.update, added)
        self.wait_for_jobs()

    def _forget_what_they_have(self, customers: list[str]) -> None:
        """Before anybody is removed with whom they go: so they are sent again until it is acknowledged."""
        if customers:
            with self.ledger.transaction():
                self.ledger.execute(
                    "update sync_state set source_hash = '' where sync_id = $sync"
                    " and customer_id in (select unnest(cast($customers as varchar[])))",
                    sync=self.sync_id, customers=customers,
                )  # fmt: skip

    def _hashes_under_way(self, operation: Operation) -> frozenset[str]:
        """The hashes of people in jobs that are not over."""
        batches = self.ledger.fetch(
            "select batch_id from sync_batch where sync_id = $sync and operation = $operation and status = 'accepted'",
            sync=self.sync_id, operation=operation,
        )  # fmt: skip
        return frozenset(
            hashed
            for (batch_id,) in batches
            for (sent_as,) in self.ledger.fetch(
                "select sent_as from sync_batch_row where batch_id = $batch", batch=batch_id
            )
            for hashed in hashes_of(sent_as)
        )

    def _stream(self, operation: Operation, total: int, kinds: Sequence[str]) -> None:
        """Send all rows of an operation, a few batches at a time; a batch that is too large is halved.

        Jobs are asked for meanwhile: so their bytes go while others are made, and not all at the end.
        """
        capabilities = self.destination.capabilities
        waiting = iter(self._batches(operation, total, kinds))
        halves: list[tuple[Batch, Load]] = []
        under_way: dict[Future[Answer], tuple[Batch, Load]] = {}
        jobs: deque[Job] = deque()
        asked: dict[Future[Answer], Job] = {}
        stopped: Stopped | None = None
        # DuckDB's own threads wait for work by spinning, and take from those that send.
        self.ledger.planning.execute("set threads = 1")
        try:
            workers = capabilities.concurrency + JOBS_ASKED_AT_ONCE
            with ThreadPoolExecutor(workers, thread_name_prefix="publish") as pool:
                while True:
                    try:
                        self._ask_for_jobs(pool, jobs, asked)
                    except Stopped as problem:
                        stopped = stopped or problem
                    following = None
                    if stopped is None and len(under_way) < capabilities.concurrency:
                        following = halves.pop() if halves else next(waiting, None)
                    if following is not None:
                        batch, load = self._without_erased(*following)
                        if len(load):
                            body = self._plan_batch(batch, load)
                            under_way[pool.submit(self.destination.send, batch, body)] = (batch, load)
                    elif not under_way:
                        break
                    # While there is more to make, only answers that are there are taken.
                    patience = None if following is None or len(under_way) == capabilities.concurrency else 0
                    for future in wait(under_way, patience, FIRST_COMPLETED).done:
                        batch, load = under_way.pop(future)
                        try:
                            answer = future.result()
                            verdict = self._take(batch, answer)
                            if answer.outcome == "accepted":
                                jobs.append(Job(batch, answer.remote_id, self.clock() + FIRST_POLL_SECONDS))
                            if verdict == "halve":
                                middle = len(load) // 2
                                for places in (range(middle, len(load)), range(middle)):
                                    halves.append(self._again(batch, load.pick(places)))
                            elif verdict == "without":
                                named = {one.place for one in answer.rejected}
                                rest = [place for place in range(len(load)) if place not in named]
                                halves += [self._again(batch, load.pick(rest))] if rest else []
                                self.left_count -= len(rest)
                        except Stopped as problem:
                            stopped = stopped or problem
                for future, job in asked.items():
                    try:
                        self._take_job(future, job)
                    except Stopped as problem:
                        stopped = stopped or problem
        finally:
            self.ledger.planning.execute("reset threads")
        if stopped is not None:
            raise stopped

    def _ask_for_jobs(self, pool: ThreadPoolExecutor, jobs: deque[Job], asked: dict[Future[Answer], Job]) -> None:
        """Take what the jobs that were asked for said, if they have; then ask for those that wait longest, if due."""
        for future in [one for one in asked if one.done()]:
            later = self._take_job(future, asked.pop(future))
            if later is not None:
                jobs.append(later)
        while jobs and len(asked) < JOBS_ASKED_AT_ONCE and self.clock() >= jobs[0].due:
            job = jobs.popleft()
            path = spool_path(self.ledger.path, job.batch.key)
            # Where it is gone, `wait_for_jobs` abandons it.
            if path.exists():
                asked[pool.submit(self.destination.poll, job.batch, job.remote_id, path.read_bytes())] = job

    def _take_job(self, future: Future[Answer], job: Job) -> Job | None:
        """Note how a job went; if it still goes on, when to ask again."""
        answer = future.result()
        if answer.outcome != "accepted" or answer.is_hopeless:
            self._take(job.batch, answer)
            return None
        self.result.requests += answer.requests
        pause = min(2 * job.pause, LONGEST_POLL_SECONDS)
        return replace(job, due=self.clock() + pause, pause=pause)

    def _again(self, batch: Batch, load: Load) -> tuple[Batch, Load]:
        """Rows of a batch of which certainly nothing was done, as a batch of its own."""
        return replace(batch, key=uuid4().hex, row_count=len(load), is_last=False), load

    def _batches(self, operation: Operation, total: int, kinds: Sequence[str]) -> Iterator[tuple[Batch, Load]]:
        """As many rows as fit into one request by count and by bytes; the last one knows that it is."""
        loads = self._loads(operation, kinds)
        following = next(loads, None)
        number = 0
        while following is not None:
            load, following = following, next(loads, None)
            number += 1
            yield (
                Batch(
                    operation, self.sync.object_name, self.object_id, uuid4().hex, len(load), number,
                    following is None, total,
                ),
                load,
            )  # fmt: skip

    def _loads(self, operation: Operation, kinds: Sequence[str]) -> Iterator[Load]:
        if isinstance(self.destination, TableDestination):
            return self._table_loads(operation, kinds)
        return self._row_loads(self.destination, operation, kinds)

    def _table_loads(self, operation: Operation, kinds: Sequence[str]) -> Iterator[TableLoad]:
        for load, left in read_tables(self.ledger, self.sync, self.destination.capabilities, operation, kinds):
            self.reject_left(operation, left)
            if len(load):
                yield load

    def _row_loads(self, destination: RowDestination, operation: Operation, kinds: Sequence[str]) -> Iterator[RowLoad]:
        capabilities = destination.capabilities
        most = capabilities.rows_per_batch
        if operation == "remove" and capabilities.removals_per_batch:
            most = capabilities.removals_per_batch
        rows: list[Ready] = []
        left: list[Left] = []
        size = 0
        suspects = self._suspects()
        apart: list[Ready] = []
        for one in read_rows(self.ledger, self.sync, destination, operation, kinds):
            if isinstance(one, Left):
                left.append(one)
                if len(left) >= READ_AT_ONCE:
                    self.reject_left(operation, left)
                    left = []
                continue
            if self._has_to_wait(operation, one):
                continue
            if one.noted.customer_id in suspects:
                apart.append(one)
                continue
            if rows and (len(rows) >= most or size + len(one.encoded) + 1 > capabilities.bytes_per_batch):
                yield RowLoad(rows)
                rows, size = [], 0
            rows.append(one)
            size += len(one.encoded) + 1
        self.reject_left(operation, left)
        if rows:
            yield RowLoad(rows)
        few = max(1, min(most, len(apart) // SUSPECT_SHARE))
        for start in range(0, len(apart), few):
            yield RowLoad(apart[start : start + few])

    def _suspects(self) -> frozenset[str]:
        """Customers in whose batch there was somebody because of whom it was given up."""
        found = self.ledger.fetch(
            "select customer_id from sync_reject where sync_id = $sync and code = $code",
            sync=self.sync_id, code=GIVEN_UP,
        )  # fmt: skip
        return frozenset(customer_id for (customer_id,) in found)

    def _has_to_wait(self, operation: Operation, row: Ready) -> bool:
        """A job that is under way might undo this row: it is for another run."""
        customer_id = row.noted.customer_id
        if not (self.busy_hashes or self.kept_back):
            return False
        if customer_id not in self.kept_back and self.busy_hashes.isdisjoint(hashes_of(row.noted.sent_as)):
            return False
        if operation == "remove":
            self.kept_back.add(customer_id)
        self.left_count += 1
        return True

    def _without_erased(self, batch: Batch, load: Load) -> tuple[Batch, Load]:
        """Whom somebody asked to erase since is left out of a batch that is about to go, also of a half of one."""
        erased = erased_customers(self.ledger) if batch.operation == "upsert" else set()
        gone = {place for place, name in enumerate(load.customer_ids()) if name in erased} if erased else set()
        if not gone:
            return batch, load
        self.result.reject("erased", len(gone))
        self.progress(len(gone))
        load = load.pick([place for place in range(len(load)) if place not in gone])
        return replace(batch, row_count=len(load)), load

    def _plan_batch(self, batch: Batch, load: Load) -> bytes:
        """Keep the bytes, then say that they exist: whoever finds them without a word of it sweeps them up."""
        if isinstance(load, TableLoad):
            assert isinstance(self.destination, TableDestination)
            body = self.destination.body_of_table(batch, load.table)
        else:
            assert not isinstance(self.destination, TableDestination)
            body = self.destination.body(batch, [row.encoded for row in load.rows])
        write_private(spool_path(self.ledger.path, batch.key), body)
        with self.ledger.transaction():
            self.ledger.execute(
                "insert into sync_batch (batch_id, run_id, sync_id, batch_number, operation, status, row_count,"
                " total_count, is_last, is_all_new, byte_count, payload_hash, object_id, remote_id, attempt_count,"
                " error_code, changed_at) values ($batch, $run, $sync, $number, $operation, 'sent', $rows, $total,"
                " $is_last, $is_all_new, $bytes, $hash, $object, '', 1, '', $now)",
                batch=batch.key,
                run=self.run_id,
                sync=self.sync_id,
                number=batch.number,
                operation=batch.operation,
                rows=batch.row_count,
                total=batch.total_count,
                is_last=batch.is_last,
                is_all_new=load.is_all_new,
                bytes=len(body),
                hash=hashlib.sha256(body).hexdigest(),
                object=batch.object_id,
                now=self.now(),
            )
            self.ledger.add_rows(batch.key, self.mapping_hash, load.noted())
        return body

    def _take(self, batch: Batch, answer: Answer) -> str:
        """Note what a destination said.

        Raises
        ------
        Stopped: the rest of the run would fare the same.
        """
        self.result.requests += answer.requests
        if answer.outcome == "acknowledged":
            self._acknowledge(batch, answer)
        elif answer.outcome == "accepted":
            self._note(batch.key, "accepted", remote_id=answer.remote_id)
            if answer.is_hopeless:
                raise Stopped(answer.message or answer.code)
        elif answer.outcome == "failed" and answer.is_too_large and batch.row_count > 1:
            self._close(batch, answer.code)
            return "halve"
        elif answer.outcome == "failed" and answer.is_too_large and self._is_any_too_large(batch):
            self._close(batch, answer.code)
            raise Stopped(f"{answer.message}: not even one row of ordinary size; is there a proxy with its own limit?")
        elif answer.outcome == "failed" and not answer.is_hopeless:
            self._reject(batch, answer)
            return "without" if answer.rejected else ""
        elif answer.outcome == "failed":
            self._close(batch, answer.code)
            raise Stopped(answer.message or answer.code)
        else:
            self._note(batch.key, "unknown", code=answer.code)
            raise Stopped(answer.message or answer.code)
        return ""

    def _is_any_too_large(self, batch: Batch) -> bool:
        """Not this one row, but whatever is sent: it is no larger than others, and nothing was taken in this run."""
        ((size, mean),) = self.ledger.fetch(
            "select cast(max(case when batch_id = $batch then byte_count end) as bigint),"
            " cast(sum(byte_count) as double precision) / sum(row_count)"
            " from sync_batch where run_id = $run and operation = $operation",
            batch=batch.key, run=self.run_id, operation=batch.operation,
        )  # fmt: skip
        return not self.result.acknowledged and size is not None and size <= min(ORDINARY_BYTES, 2 * mean)

    def _acknowledge(self, batch: Batch, answer: Answer) -> None:
        """State, rejects and the batch's own word in one transaction; then its bytes go."""
        refused = list(answer.rejected)
        now = self.now()
        with self.ledger.transaction():
            taken = f"select customer_id from sync_batch_row where batch_id = $batch and {NOT_REFUSED}"
            places = [one.place for one in refused] or [-1]
            if batch.operation == "remove":
                self.ledger.execute(
                    "update sync_state set removed_at = $now, source_hash = '' where sync_id = $sync"
                    f" and customer_id in ({taken})",
                    now=now, sync=self.sync_id, batch=batch.key, places=places,
                )  # fmt: skip
            else:
                self._put_in_state(batch.key, now, places)
                if refused and self._was_sent_before(batch):
                    self._put_in_state(batch.key, now, places, is_known=False, whose=REFUSED)
            if answer.remote_ids:
                self.ledger.execute(
                    "update sync_state set remote_id = said.remote_id"
                    " from (select batch_row.customer_id, named.remote_id"
                    " from sync_batch_row as batch_row inner join (select unnest(cast($numbers as integer[])) as place,"
                    " unnest(cast($names as varchar[])) as remote_id) as named on batch_row.row_number = named.place"
                    " where batch_row.batch_id = $batch) as said"
                    " where sync_state.sync_id = $sync and sync_state.customer_id = said.customer_id",
                    numbers=[place for place, _ in answer.remote_ids],
                    names=[name for _, name in answer.remote_ids],
                    batch=batch.key,
                    sync=self.sync_id,
                )
            self.ledger.execute(
                f"delete from sync_reject where sync_id = $sync and customer_id in ({taken})",
                sync=self.sync_id, batch=batch.key, places=places,
            )  # fmt: skip
            self._list_places(batch, [(one.place, one.code, one.pointer) for one in refused], now)
            self._finish(batch, "acked", code=answer.code, remote_id=answer.remote_id)
        self._forget(batch.key)
        if answer.message and answer.message not in self.result.notes:
            self.result.notes.append(answer.message)
        self.result.acknowledged += batch.row_count - len(refused)
        for code, count in Counter(one.code for one in refused).items():
            self.result.reject(code, count)
        self.progress(batch.row_count)

    def _was_sent_before(self, batch: Batch) -> bool:
        """An earlier run sent it and nobody knows what became of that: what is refused now may be there since."""
        ((attempts,),) = self.ledger.fetch(
            "select attempt_count from sync_batch where batch_id = $batch", batch=batch.key
        )
        return bool(attempts > 1)

    def _put_in_state(
        self, batch_id: str, now: datetime, places: list[int], *, is_known: bool = True, whose: str = NOT_REFUSED
    ) -> None:
        """Write the rows of a batch to the state; `is_known`: it is known what the destination has of them."""
        ((is_all_new,),) = self.ledger.fetch(
            "select is_all_new from sync_batch where batch_id = $batch", batch=batch_id
        )
        rows = (
            f"(select customer_id, {'source_hash' if is_known else chr(39) * 2} as source_hash, mapping_hash, sent_as,"
            f" filled from sync_batch_row where batch_id = $batch and {whose})"
        )
        values = {"sync": self.sync_id, "batch": batch_id, "places": places, "now": now}
        is_new = "true"
        if not is_all_new:
            # Between the first and the last: so that of millions of rows only those are looked through.
            ((first, last),) = self.ledger.fetch(
                "select min(customer_id), max(customer_id) from sync_batch_row where batch_id = $batch", batch=batch_id
            )
            values |= {"first": first, "last": last}
            # What the batch was to clear may still have its value.
            both = "concat_ws(',', nullif(sync_state.filled, ''), nullif(batch_row.filled, ''))"
            filled = "batch_row.filled" if is_known else both
            self.ledger.execute(
                "update sync_state set source_hash = batch_row.source_hash, mapping_hash = batch_row.mapping_hash,"
                f" sent_as = batch_row.sent_as, filled = {filled}, acked_at = $now, removed_at = null"
                f" from {rows} as batch_row where sync_state.sync_id = $sync"
                " and sync_state.customer_id between $first and $last"
                " and sync_state.customer_id = batch_row.customer_id",
                **values,
            )
            is_new = (
                # PostgreSQL would look for each in all of a `not in` that is larger than its memory.
                "not exists (select 1 from sync_state as known where known.sync_id = $sync"
                " and known.customer_id between $first and $last and known.customer_id = batch_row.customer_id)"
            )
        self.ledger.execute(
            "insert into sync_state"
            " (sync_id, customer_id, source_hash, mapping_hash, sent_as, filled, remote_id, acked_at)"
            f" select $sync, customer_id, source_hash, mapping_hash, sent_as, filled, '', $now from {rows} as batch_row"
            f" where {is_new}",
            **values,
        )

    def _reject(self, batch: Batch, answer: Answer) -> None:
        """The request was refused for what is in it: rows that it names are rejected, or all if it names none.

        Where it names some, nothing was done for the others either: they stay to be planned again.
        """
        named = [(one.place, one.code, one.pointer) for one in answer.rejected]
        refused = named or [(place, answer.code, "") for place in range(batch.row_count)]
        with self.ledger.transaction():
            if batch.operation == "upsert" and self._was_sent_before(batch):
                self._put_in_state(batch.key, self.now(), [-1], is_known=False)
            self._list_places(batch, refused, self.now())
            self._finish(batch, "failed", code=answer.code)
        self._forget(batch.key)
        for code, count in Counter(code for _, code, _ in refused).items():
            self.result.reject(code, count)
        self.left_count += batch.row_count - len(refused)
        self.progress(len(refused))

    def reject_left(self, operation: Operation, left: list[Left]) -> None:
        """Rows that no request may hold, or that may not be sent any more."""
        for one in left:
            self.result.reject(one.code)
        listed = [
            (one.noted.customer_id, one.noted.source_hash, one.code, one.pointer) for one in left if one.is_listed
        ]
        with self.ledger.transaction():
            self._list_rejected(operation, listed, self.now())
        self.progress(len(left))

    def _list_places(self, batch: Batch, refused: list[tuple[int, str, str]], now: datetime) -> None:
        if not refused:
            return
        names = {
            number: (customer_id, source_hash)
            for number, customer_id, source_hash in self.ledger.fetch(
                "select row_number, customer_id, source_hash from sync_batch_row where batch_id = $batch",
                batch=batch.key,
            )
        }
        self._list_rejected(batch.operation, [(*names[place], code, pointer) for place, code, pointer in refused], now)
        if batch.operation == "remove":
            # Known by her new identifiers, she could never be removed by the old ones.
            self.kept_back.update(names[place][0] for place, _, _ in refused)

    def _list_rejected(self, operation: Operation, rows: list[tuple[str, str, str, str]], now: datetime) -> None:
        """Customer, hash, code and pointer; the back-off doubles, and after the last attempt only a change helps."""
        if not rows:
            return
        customers = [row[0] for row in rows]
        known = {
            (customer_id, source_hash): (attempts, first)
            for customer_id, source_hash, attempts, first in self.ledger.fetch(
                "select customer_id, source_hash, attempt_count, first_at from sync_reject where sync_id = $sync"
                " and customer_id in (select unnest(cast($customers as varchar[])))",
                sync=self.sync_id,
                customers=customers,
            )
        }
        attempts = [known.get(row[:2], (0, now))[0] + 1 for row in rows]
        self.ledger.execute(
            "delete from sync_reject where sync_id = $sync"
            " and customer_id in (select unnest(cast($customers as varchar[])))",
            sync=self.sync_id,
            customers=customers,
        )
        self.ledger.execute(
            "insert into sync_reject (sync_id, customer_id, operation, source_hash, code, pointer, attempt_count,"
            " first_at, last_at, next_attempt_at)"
            " select $sync, customer_id, $operation, source_hash, code, pointer, attempt_count, first_at, $now, next_at"
            " from (select unnest(cast($customers as varchar[])) as customer_id,"
            " unnest(cast($hashes as varchar[])) as source_hash, unnest(cast($codes as varchar[])) as code,"
            " unnest(cast($pointers as varchar[])) as pointer, unnest(cast($attempts as integer[])) as attempt_count,"
            " unnest(cast($firsts as timestamp[])) as first_at,"
            " unnest(cast($nexts as timestamp[])) as next_at) as refused",
            sync=self.sync_id,
            operation=operation,
            now=now,
            customers=customers,
            hashes=[row[1] for row in rows],
            codes=[row[2][:80] for row in rows],
            pointers=[row[3][:80] for row in rows],
            attempts=attempts,
            firsts=[known.get(row[:2], (0, now))[1] for row in rows],
            nexts=[
                # Who withdrew is removed in the end, however long it takes.
                NEVER
                if count >= LAST_RETRY and operation == "upsert"  # as IS_GIVEN_UP has it
                else now + FIRST_RETRY * 2 ** (min(count, LAST_RETRY) - 1)
                for count in attempts
            ],
        )

    def wait_for_jobs(self) -> int:
        """Ask how accepted batches went until all are over or the time for it is; how many are still under way."""
        end = self.clock() + self.poll_seconds
        pause = FIRST_POLL_SECONDS
        while True:
            left = self.ledger.fetch(
                "select batch_id, operation, row_count, batch_number, total_count, is_last, object_id, remote_id"
                " from sync_batch where sync_id = $sync and status = 'accepted' order by changed_at, batch_number",
                sync=self.sync_id,
            )
            still = 0
            for batch_id, operation, row_count, number, total, is_last, object_id, remote_id in left:
                batch = Batch(operation, self.sync.object_name, object_id, batch_id, row_count, number, is_last, total)
                path = spool_path(self.ledger.path, batch_id)
                if not path.exists():
                    self._abandon(batch)
                    continue
                body = path.read_bytes()
                answer = self.destination.poll(batch, remote_id, body)
                if answer.outcome == "accepted" and not answer.is_hopeless:
                    self.result.requests += answer.requests
                    still += 1
                else:
                    self._take(batch, answer)
            if not still or self.clock() + pause > end:
                self.result.message = "; ".join(filter(None, [self.result.message, *self.given_up]))
                self.given_up.clear()
                return still
            self.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL_SECONDS)

    def _has_withdrawn(self, batch_id: str) -> bool:
        """Somebody in a batch said no since, or was erased: its bytes may not be sent again."""
        customers = [
            name
            for (name,) in self.ledger.fetch(
                "select customer_id from sync_batch_row where batch_id = $batch", batch=batch_id
            )
        ]
        if not erased_customers(self.ledger).isdisjoint(customers):
            return True
        ((allowed,),) = self.ledger.planning.execute(
            f"select count(*) from (select unnest($customers::varchar[]) as customer_id) as sent"
            f" inner join {PROPERTIES} as segments on sent.customer_id = segments.customer_id"
            f" where {consent(self.sync.purpose, 'segments')}",
            {"customers": customers},
        ).fetchall()
        return bool(allowed < len(customers)) or bool(
            self.ledger.fetch(
                "select 1 from erasure_target where customer_id in (select customer_id from sync_batch_row"
                " where batch_id = $batch) limit 1",
                batch=batch_id,
            )
        )

    def _abandon(self, batch: Batch) -> None:
        """Never to be sent again: whom it was to add is taken to be there with who knows what."""
        with self.ledger.transaction():
            if batch.operation == "upsert":
                self._put_in_state(batch.key, self.now(), [-1], is_known=False)
            self._finish(batch, "abandoned", code="abandoned")
        self._forget(batch.key)
        self.result.planned -= batch.row_count

    def _give_up(self, batch: Batch) -> None:
        """Sent often enough: its people are listed, and wait, so that others get through; see the module's words."""
        ((code,),) = self.ledger.fetch("select error_code from sync_batch where batch_id = $batch", batch=batch.key)
        with self.ledger.transaction():
            if batch.operation == "upsert":
                self._put_in_state(batch.key, self.now(), [-1], is_known=False)
            self._list_places(batch, [(place, GIVEN_UP, code) for place in range(batch.row_count)], self.now())
            self._finish(batch, "abandoned", code=GIVEN_UP)
        self._forget(batch.key)
        self.result.reject(GIVEN_UP, batch.row_count)
        self.progress(batch.row_count)
        self.given_up.append(
            f"a batch of {batch.row_count} people ({batch.operation}) was sent in {MOST_ATTEMPTS} runs and nobody knows"
            f" what became of it ({code}); it is given up, and its people are tried again later in smaller batches"
        )

    def _close(self, batch: Batch, code: str) -> None:
        """Certainly nothing of it was done: its rows stay to be planned again."""
        with self.ledger.transaction():
            self._finish(batch, "failed", code=code)
        self._forget(batch.key)

    def _finish(self, batch: Batch, status: str, *, code: str = "", remote_id: str = "") -> None:
        self._note(batch.key, status, code=code, remote_id=remote_id)
        self.ledger.execute("delete from sync_batch_row where batch_id = $batch", batch=batch.key)

    def _note(
        self, batch_id: str, status: str, *, code: str = "", remote_id: str = "", attempts: int | None = None
    ) -> None:
        self.ledger.execute(
            "update sync_batch set status = $status, error_code = $code, remote_id = $remote, changed_at = $now,"
            " attempt_count = coalesce(cast($attempts as integer), attempt_count) where batch_id = $batch",
            status=status, code=code[:80], remote=remote_id, now=self.now(), attempts=attempts, batch=batch_id,
        )  # fmt: skip

    def _sweep(self) -> None:
        """Bytes that no open batch speaks of: written before a crash that left nothing else, or over before one."""
        with self.ledger.alone() as is_alone:
            if not is_alone:
                # Another run of this machine may just be writing some.
                return
            left = self.ledger.fetch(f"select batch_id from sync_batch where status in {OPEN} or status = 'accepted'")
            known = {batch_id for (batch_id,) in left}
            for path in spool_path(self.ledger.path, "any").parent.glob("*.*"):
                if path.suffix == ".unfinished" or path.stem not in known:
                    path.unlink()

    def _forget(self, batch_id: str) -> None:
        with suppress(FileNotFoundError):
            spool_path(self.ledger.path, batch_id).unlink()
