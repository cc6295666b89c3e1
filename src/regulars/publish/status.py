"""What the ledger says of each sync and erasure."""

from dataclasses import asdict, dataclass

from regulars.publish.apply import IS_GIVEN_UP, Clock
from regulars.publish.erasure import Erased, read_erasures
from regulars.publish.ledger import OPEN
from regulars.publish.plan import sync_name
from regulars.publish.run import open_ledger, utc_now
from regulars.publish.settings import Settings


@dataclass(frozen=True)
class Status:
    """What the ledger says of one sync."""

    sync_id: str
    name: str
    """As `publish.yml` has it; empty where it names the sync no more."""
    acknowledged: int
    rejected: int
    given_up: int
    """Of the rejected, those that were tried too often, until they change."""
    on_its_way: int
    acked_at: str | None
    codes: dict[str, int]
    last_run_at: str | None
    """When the last run of it ended, or began if it has not ended."""
    last_run: str
    """How: done, partial, failed, killed or running; empty if it never ran."""
    message: str
    """What the last run was stopped by."""

    @property
    def is_done(self) -> bool:
        """Its last run did all that was to be done, or is at it."""
        return self.last_run in ("done", "running", "") and self.rejected == self.given_up and not self.on_its_way

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def read_status(settings: Settings, now: Clock = utc_now) -> tuple[list[Status], list[Erased]]:
    """Of each sync: people acknowledged, rejected by code, and on their way; and the erasures."""
    rows = []
    with open_ledger(settings, None, now()) as ledger:
        names = {settings.sync_id(sync): sync_name(sync) for sync in settings.syncs}
        others = [
            sync_id
            for (sync_id,) in ledger.fetch(
                "select distinct sync_id from sync_state where removed_at is null order by 1"
            )
            if sync_id not in names
        ]
        for sync_id in (*names, *others):
            ((acknowledged, acked_at),) = ledger.fetch(
                "select count(*), cast(max(acked_at) as varchar) from sync_state where sync_id = $sync"
                " and removed_at is null",
                sync=sync_id,
            )
            codes = ledger.fetch(
                "select code, count(*) from sync_reject where sync_id = $sync group by code order by 2 desc, 1",
                sync=sync_id,
            )
            ((given_up,),) = ledger.fetch(
                f"select count(*) from sync_reject where sync_id = $sync and {IS_GIVEN_UP}", sync=sync_id
            )
            runs = ledger.fetch(
                "select cast(coalesce(ended_at, started_at) as varchar), status, coalesce(message, '') from sync_run"
                " where sync_id = $sync order by started_at desc, run_id desc limit 1",
                sync=sync_id,
            )
            ((on_its_way,),) = ledger.fetch(
                "select cast(coalesce(sum(row_count), 0) as bigint) from sync_batch where sync_id = $sync"
                f" and (status = 'accepted' or status in {OPEN})",
                sync=sync_id,
            )
            rejected = sum(count for _, count in codes)
            rows.append(
                Status(
                    sync_id, names.get(sync_id, ""), acknowledged, rejected, given_up, on_its_way, acked_at,
                    dict(codes), *(runs[0] if runs else (None, "", "")),
                )
            )  # fmt: skip
        return rows, read_erasures(ledger)
